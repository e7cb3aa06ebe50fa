//! What a shell is answered, in the form that Cobra gave kubectl
//! (`spf13/cobra`, `completions.go`; `kubectl/pkg/cmd/plugin/plugin_completion.go`).

use std::fmt::Write;

/// One word that may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    value: String,
    /// May be empty.
    description: String,
}

/// The candidates, and what the shell should do with them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) candidates: Vec<Candidate>,
    /// Whether what was completed is the beginning of a word.
    pub(super) goes_on: bool,
    /// Whether the shell should offer files when there are no candidates.
    pub(super) files: bool,
}

/// `ShellCompDirectiveNoSpace`.
const NO_SPACE: u8 = 2;
/// `ShellCompDirectiveNoFileComp`.
const NO_FILES: u8 = 4;

impl Candidate {
    pub(super) fn new(value: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            description: description.into(),
        }
    }

    pub(super) fn has_value_of(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Answer {
    /// Files of the shell's own finding.
    pub(super) fn files() -> Self {
        Self {
            files: true,
            ..Self::default()
        }
    }

    /// Those of `candidates` that begin with `typed`.
    pub(super) fn of(candidates: impl IntoIterator<Item = Candidate>, typed: &str) -> Self {
        let fits = |candidate: &Candidate| candidate.value.starts_with(typed);
        let candidates: Vec<_> = candidates.into_iter().filter(fits).collect();
        // `condition=` is followed by a name.
        let goes_on = candidates
            .iter()
            .any(|candidate| candidate.value.ends_with('='));
        Self {
            candidates,
            goes_on,
            files: false,
        }
    }

    /// One candidate a line, a tab before its description, and last the directive.
    pub(super) fn render(&self, with_descriptions: bool) -> String {
        let mut text = String::new();
        for Candidate { value, description } in &self.candidates {
            // A line is a candidate: what would break it, or steer a terminal, cannot be one.
            if value.is_empty() || value.chars().any(char::is_control) {
                continue;
            }
            text.push_str(value);
            if with_descriptions && !description.is_empty() {
                text.push('\t');
                text.extend(description.chars().map(|character| {
                    if character.is_control() {
                        ' '
                    } else {
                        character
                    }
                }));
            }
            text.push('\n');
        }
        let space = if self.goes_on { NO_SPACE } else { 0 };
        let files = if self.files { 0 } else { NO_FILES };
        let _ = writeln!(text, ":{}", space | files);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_a_line_and_nothing_breaks_it() {
        let candidates = || {
            [
                Candidate::new("merge", "RFC\t7396\nand \u{1b}[31mred"),
                Candidate::new("me\nan", ""),
                Candidate::new("json", "RFC 6902"),
                Candidate::new("meant", ""),
            ]
        };
        let answer = Answer::of(candidates(), "me");
        assert_eq!(
            answer.render(true),
            "merge\tRFC 7396 and  [31mred\nmeant\n:4\n"
        );
        assert_eq!(answer.render(false), "merge\nmeant\n:4\n");
        assert_eq!(Answer::of(candidates(), "x").render(true), ":4\n");
        assert_eq!(Answer::files().render(true), ":0\n");
        let goes_on = Answer::of([Candidate::new("condition=", "")], "");
        assert_eq!(goes_on.render(true), "condition=\n:6\n");
    }
}
