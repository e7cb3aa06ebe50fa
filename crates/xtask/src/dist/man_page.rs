//! A man page from what `--help` prints, as help2man makes one.
//!
//! The help has all that a page needs, in sections, and is what users read and tests hold. A page
//! made from clap's structures would need a library crate beside each plugin, or the generator in
//! its binary, and would lose the layout of the examples.

use std::fmt::Write as _;

use jiff::Timestamp;

/// The page of a program, in roff.
///
/// `time` is that of the page; `version` is that of the program.
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

/// What stands before the first section, and the sections: a title at the margin that ends in a
/// colon, and lines that do not begin at the margin.
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

/// `send a PATCH`, from `Send a PATCH.`
fn name_line(summary: &str) -> String {
    let summary = summary.trim_end_matches('.');
    let mut letters = summary.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// Whether a section is clap's list of flags or arguments.
fn is_list(body: &[&str]) -> bool {
    let first = body
        .iter()
        .map(|line| line.trim())
        .find(|line| !line.is_empty());
    first.is_some_and(|line| line.starts_with(['-', '[', '<']))
}

/// How deep clap puts the text of a flag; the flag itself is less deep.
const TEXT_DEPTH: usize = 10;

fn list(page: &mut String, body: &[&str]) {
    let mut after_paragraph = false;
    for line in body {
        let depth = line.len() - line.trim_start().len();
        match line.trim() {
            "" => after_paragraph = true,
            text if depth < TEXT_DEPTH => {
                let _ = writeln!(page, ".TP\n.B {}", escaped(text));
                after_paragraph = false;
            }
            text => {
                let is_value = text.starts_with("- ") && text.contains(": ");
                if after_paragraph || is_value {
                    let _ = writeln!(page, ".br");
                }
                let _ = writeln!(page, "{}", escaped(text));
                after_paragraph = false;
            }
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

/// Text in which roff finds nothing to obey: `-` is the one of a keyboard, `\` is printed, and a
/// line that begins with a dot is no request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

/// The same as one argument of a request.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\(dq"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "\
Send a PATCH, and know.

It goes on.

.hidden is no request.

Usage: kubectl rawpatch [flags] PATH

Arguments:
  [PATH]
          The path

Options:
  -p, --patch <PATCH>
          The patch;
          - reads stdin
          
          Possible values:
          - file: In a file
          
          [default: none]

Examples:
  # Two lines
  kubectl rawpatch \\
    '/a-b'
";

    #[test]
    fn the_help_becomes_a_page() {
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
\&.hidden is no request.
.SH "ARGUMENTS"
.TP
.B [PATH]
The path
.SH "OPTIONS"
.TP
.B \-p, \-\-patch <PATCH>
The patch;
\- reads stdin
.br
Possible values:
.br
\- file: In a file
.br
[default: none]
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
