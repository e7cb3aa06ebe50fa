//! The candidates for the word at the cursor, in Cobra's format, which kubectl reads
//! (`spf13/cobra`, `completions.go`; `kubectl/pkg/cmd/plugin/plugin_completion.go`).

use std::fmt::Write as _;

/// A word that fits at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    value: String,
    /// May be empty.
    description: String,
}

/// The candidates, and directives for the shell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Completions {
    pub(super) candidates: Vec<Candidate>,
    /// Whether the shell adds no space after a candidate, because the word is not complete yet.
    pub(super) no_space: bool,
    /// Whether the shell offers files if there are no candidates.
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

impl Completions {
    /// Returns no candidates, so that the shell offers files.
    pub(super) fn files() -> Self {
        Self {
            files: true,
            ..Self::default()
        }
    }

    /// Selects the candidates that start with `typed`.
    pub(super) fn matching(candidates: impl IntoIterator<Item = Candidate>, typed: &str) -> Self {
        let fits = |candidate: &Candidate| candidate.value.starts_with(typed);
        let candidates: Vec<_> = candidates.into_iter().filter(fits).collect();
        // A name follows `condition=`.
        let no_space = candidates
            .iter()
            .any(|candidate| candidate.value.ends_with('='));
        Self {
            candidates,
            no_space,
            files: false,
        }
    }

    /// Formats each candidate as a line, with its description after a tab, and the directives as
    /// the last line.
    pub(super) fn render(&self, with_descriptions: bool) -> String {
        let mut text = String::new();
        for Candidate { value, description } in &self.candidates {
            // A control character would break the line or control the terminal.
            if value.is_empty() || value.chars().any(char::is_control) {
                continue;
            }
            text.push_str(value);
            if with_descriptions && !description.is_empty() {
                text.push('\t');
                text.push_str(&description.replace(char::is_control, " "));
            }
            text.push('\n');
        }
        let space = if self.no_space { NO_SPACE } else { 0 };
        let files = if self.files { 0 } else { NO_FILES };
        let _ = writeln!(text, ":{}", space | files);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_candidate_is_one_line_without_control_characters() {
        let candidates = || {
            [
                Candidate::new("merge", "RFC\t7396\nand \u{1b}[31mred"),
                Candidate::new("me\nan", ""),
                Candidate::new("json", "RFC 6902"),
                Candidate::new("meant", ""),
            ]
        };
        let matching = Completions::matching(candidates(), "me");
        assert_eq!(
            matching.render(true),
            "merge\tRFC 7396 and  [31mred\nmeant\n:4\n"
        );
        assert_eq!(matching.render(false), "merge\nmeant\n:4\n");
        assert_eq!(
            Completions::matching(candidates(), "x").render(true),
            ":4\n"
        );
        assert_eq!(Completions::files().render(true), ":0\n");
        let unfinished = Completions::matching([Candidate::new("condition=", "")], "");
        assert_eq!(unfinished.render(true), "condition=\n:6\n");
    }
}
