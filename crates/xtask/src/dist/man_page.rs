//! Converts the output of `--help` to a man page, as help2man does.
//!
//! A page made from clap's structures would lose the layout of the examples, and would need each plugin as
//! a library crate, or the generator in each binary.

use std::fmt::Write as _;

use jiff::Timestamp;

/// Renders the page of a program in roff, dated `time`.
pub(super) fn render(program: &str, version: &str, help: &str, time: Timestamp) -> String {
    let (introduction, sections) = split(help);
    let (description, synopsis) = introduction
        .split_once("Usage:")
        .unwrap_or((introduction, program));
    let (summary, description) = description
        .trim()
        .split_once('\n')
        .unwrap_or((description.trim(), ""));

    let mut page = format!(
        ".TH {} 1 {} {}\n",
        quoted(&program.to_uppercase()),
        quoted(&time.strftime("%Y-%m-%d").to_string()),
        quoted(&format!("{program} {version}")),
    );
    let _ = writeln!(
        page,
        ".SH NAME\n{} \\- {}",
        escaped(program),
        escaped(&name_line(summary))
    );
    let _ = writeln!(page, ".SH SYNOPSIS\n.nf");
    for line in synopsis.lines().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(page, "{}", escaped(line.trim()));
    }
    let _ = writeln!(page, ".fi\n.SH DESCRIPTION");
    paragraphs(
        &mut page,
        if description.trim().is_empty() {
            summary
        } else {
            description
        },
    );
    for (title, body) in sections {
        let _ = writeln!(page, ".SH {}", quoted(&title.to_uppercase()));
        if is_list(&body) {
            list(&mut page, &body);
        } else {
            as_it_is(&mut page, &body);
        }
    }
    page
}

/// Splits a help text into the introduction and its sections: a title at the margin that ends in a
/// colon, and indented lines.
fn split(help: &str) -> (&str, Vec<(&str, Vec<&str>)>) {
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut introduction = help.len();
    let mut offset = 0;
    for line in help.split_inclusive('\n') {
        let text = line.trim_end();
        match text.strip_suffix(':') {
            Some(title) if !text.starts_with(' ') => {
                introduction = introduction.min(offset);
                sections.push((title, Vec::new()));
            }
            _ => {
                if let Some((_, body)) = sections.last_mut() {
                    body.push(text);
                }
            }
        }
        offset += line.len();
    }
    (&help[..introduction], sections)
}

/// Turns `Send a PATCH.` into `send a PATCH`.
fn name_line(summary: &str) -> String {
    let summary = summary.trim_end_matches('.');
    let mut letters = summary.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// Reports whether a section lists flags or arguments: a word such as `PATH`, or a flag.
fn is_list(body: &[&str]) -> bool {
    let first = body
        .iter()
        .map(|line| line.trim())
        .find(|line| !line.is_empty());
    let is_argument = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    first.is_some_and(|line| {
        line.starts_with('-') || line.split(' ').next().is_some_and(is_argument)
    })
}

/// The indentation below which a line begins with a flag; a deeper line continues its text.
const TEXT_DEPTH: usize = 10;

fn list(page: &mut String, body: &[&str]) {
    for line in body.iter().filter(|line| !line.trim().is_empty()) {
        let depth = line.len() - line.trim_start().len();
        let line = line.trim();
        let text = if depth < TEXT_DEPTH {
            let (flag, text) = line.split_once("  ").unwrap_or((line, ""));
            let _ = writeln!(page, ".TP\n.B {}", escaped(flag));
            text.trim()
        } else {
            line
        };
        if !text.is_empty() {
            let _ = writeln!(page, "{}", escaped(text));
        }
    }
}

fn paragraphs(page: &mut String, text: &str) {
    for line in text.trim().lines() {
        let line = if line.trim().is_empty() {
            ".PP".to_owned()
        } else {
            escaped(line)
        };
        let _ = writeln!(page, "{line}");
    }
}

fn as_it_is(page: &mut String, body: &[&str]) {
    let end = body
        .iter()
        .rposition(|line| !line.is_empty())
        .map_or(0, |last| last + 1);
    let _ = writeln!(page, ".nf");
    for line in &body[..end] {
        let _ = writeln!(page, "{}", escaped(line));
    }
    let _ = writeln!(page, ".fi");
}

/// Escapes a text for roff: `-` stays a hyphen-minus, `\` is printed, and a leading dot is not a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

/// Escapes a text as one argument of a request.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\(dq"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "\
Send a PATCH, and know.

It goes on.

.hidden stays text.

Usage: kubectl rawpatch [flags] PATH

Arguments:
  PATH                        The path

Options:
  -p, --patch PATCH           The patch; - reads
                              stdin
      --a-flag-that-is-longer FILE
                              A file [default: none]

Examples:
  # Two lines
  kubectl rawpatch \\
    '/a-b'
";

    #[test]
    fn help_becomes_a_man_page() {
        assert_eq!(
            render("kubectl-rawpatch", "1.2.3", HELP, Timestamp::UNIX_EPOCH),
            r#".TH "KUBECTL\-RAWPATCH" 1 "1970\-01\-01" "kubectl\-rawpatch 1.2.3"
.SH NAME
kubectl\-rawpatch \- send a PATCH, and know
.SH SYNOPSIS
.nf
kubectl rawpatch [flags] PATH
.fi
.SH DESCRIPTION
It goes on.
.PP
\&.hidden stays text.
.SH "ARGUMENTS"
.TP
.B PATH
The path
.SH "OPTIONS"
.TP
.B \-p, \-\-patch PATCH
The patch; \- reads
stdin
.TP
.B \-\-a\-flag\-that\-is\-longer FILE
A file [default: none]
.SH "EXAMPLES"
.nf
  # Two lines
  kubectl rawpatch \e
    '/a\-b'
.fi
"#
        );
    }
}
