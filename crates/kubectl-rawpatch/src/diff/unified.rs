//! Writes the difference of two texts as a unified diff, like `diff -u -N`.

use std::fmt::Write as _;
use std::time::Duration;

use kubectl_plugin::text::terminal;
use similar::TextDiff;

/// The number of lines in the header.
const HEADER: usize = 3;

/// The time limit for the search of the shortest diff. After it, the diff of large objects may be longer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the diff of two versions of the object `name`. It is empty if they are equal.
pub(super) fn unified(name: &str, live: &str, merged: &str) -> String {
    if live == merged {
        return String::new();
    }
    let diff = TextDiff::configure()
        .timeout(TIMEOUT)
        .diff_lines(live, merged);
    let (live, merged) = (format!("LIVE/{name}"), format!("MERGED/{name}"));
    let mut unified = diff.unified_diff();
    let unified = unified.header(&live, &merged);
    format!("diff -u -N {live} {merged}\n{unified}")
}

/// Colours a unified diff as `diff --color` does, and escapes control characters.
pub(super) fn coloured(unified: &str) -> String {
    let mut text = String::new();
    for (number, line) in unified.lines().enumerate() {
        let line = terminal::printable(line, "\t");
        let colour = match line.bytes().next() {
            _ if number < HEADER => "1",
            Some(b'@') => "36",
            Some(b'-') => "31",
            Some(b'+') => "32",
            _ => "",
        };
        if colour.is_empty() {
            let _ = writeln!(text, "{line}");
        } else {
            let _ = writeln!(text, "\u{1b}[{colour}m{line}\u{1b}[0m");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_like_that_of_diff_u_n() {
        assert_eq!(unified("v1.ConfigMap.a.b", "a: 1\n", "a: 1\n"), "");
        let before = (1..=12).fold(String::new(), |text, number| {
            text + &format!("a{number}: x\n")
        });
        let after = before.replace("a2: x", "a2: y").replace("a12: x\n", "");
        let expected = "\
diff -u -N LIVE/v1.ConfigMap.a.b MERGED/v1.ConfigMap.a.b
--- LIVE/v1.ConfigMap.a.b
+++ MERGED/v1.ConfigMap.a.b
@@ -1,5 +1,5 @@
 a1: x
-a2: x
+a2: y
 a3: x
 a4: x
 a5: x
@@ -9,4 +9,3 @@
 a9: x
 a10: x
 a11: x
-a12: x
";
        assert_eq!(unified("v1.ConfigMap.a.b", &before, &after), expected);
        let created = unified("v1.ConfigMap.a.b", "", "a: 1\nb: 2\n");
        assert!(
            created.ends_with("@@ -0,0 +1,2 @@\n+a: 1\n+b: 2\n"),
            "{created}"
        );
    }

    #[test]
    fn lines_are_coloured_by_their_kind_and_cannot_control_the_terminal() {
        let unified = unified("n", "-- a\nsame\n", "same\n++ \u{1b}[2J\n");
        assert_eq!(
            coloured(&unified).replace('\u{1b}', "ESC"),
            "ESC[1mdiff -u -N LIVE/n MERGED/nESC[0m\n\
             ESC[1m--- LIVE/nESC[0m\n\
             ESC[1m+++ MERGED/nESC[0m\n\
             ESC[36m@@ -1,2 +1,2 @@ESC[0m\n\
             ESC[31m--- aESC[0m\n \
             same\n\
             ESC[32m+++ ^[[2JESC[0m\n"
        );
    }
}
