//! Compares a command's output with the page.
//!
//! `…` in a line of the page matches any text. A line that consists of `…` matches any lines.

/// Matches text that differs from run to run.
const ANYTHING: &str = "…";

/// Reports whether an output matches the lines shown on the page.
pub(crate) fn is_shown(shown: &[String], output: &str) -> bool {
    lines_match(shown, &output.lines().collect::<Vec<_>>())
}

fn lines_match(shown: &[String], output: &[&str]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((first, rest)) if first.trim() == ANYTHING => {
            (0..=output.len()).any(|skipped| lines_match(rest, &output[skipped..]))
        }
        Some((first, rest)) => output
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

/// Reports whether the line contains the texts between `…` in order, the first at its start and the last
/// at its end.
fn line_matches(shown: &str, line: &str) -> bool {
    let Some((start, rest)) = shown.split_once(ANYTHING) else {
        return shown == line;
    };
    let (middle, end) = rest.rsplit_once(ANYTHING).unwrap_or(("", rest));
    let Some(mut line) = line
        .strip_prefix(start)
        .and_then(|line| line.strip_suffix(end))
    else {
        return false;
    };
    for part in middle.split(ANYTHING) {
        match line.split_once(part) {
            Some((_, rest)) => line = rest,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
fn matches(shown: &str, output: &str) -> bool {
    let shown: Vec<String> = shown.lines().map(String::from).collect();
    is_shown(&shown, output)
}

#[test]
fn equal_lines_match_with_or_without_a_final_newline() {
    assert!(matches("", ""));
    assert!(matches("a\nb", "a\nb\n"));
    assert!(matches("a\nb", "a\nb"));
    assert!(matches("a\n\nb", "a\n\nb"));
}

#[test]
fn different_missing_and_extra_lines_do_not_match() {
    for output in ["", "a", "b\na", "a\nb\nc", "a\n\nb", "a \nb", "a\nb\n\n"] {
        assert!(!matches("a\nb", output), "{output:?}");
    }
    assert!(!matches("", "a"));
}

#[test]
fn dots_in_a_line_match_any_text() {
    for output in ["a b c", "a  c", "a … c"] {
        assert!(matches("a … c", output), "{output:?}");
    }
    for output in ["a c", "b c", "a b", "a b\nc"] {
        assert!(!matches("a … c", output), "{output:?}");
    }
    assert!(matches("{…x…y…}", "{1x2y3}"));
    assert!(!matches("{…x…y…}", "{1y2x3}"));
    // The texts before and after the dots must not overlap.
    assert!(!matches("aba…aba", "ababa"));
    assert!(!matches("a…b…a", "aba a b"));
}

#[test]
fn a_line_of_dots_matches_any_lines() {
    for output in ["a\nz", "a\nb\nz", "a\nz\nb\nz"] {
        assert!(matches("a\n…\nz", output), "{output:?}");
    }
    assert!(!matches("a\n…\nz", "a\nb"));
    assert!(matches("…\nb\n…", "a\nb\nc"));
    assert!(!matches("…\nb\n…", "a\nc"));
}
