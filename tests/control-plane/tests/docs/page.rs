//! What a page has its reader do.
//!
//! Taken from its Markdown, in the order of the page:
//! - a block fenced `console` shows commands behind `$ `, and below each what it prints; a command
//!   ends where bash says that it is complete, so that it may have several lines;
//! - a block fenced `sh` is a script that must succeed;
//! - `<!-- setup: COMMANDS -->` is run, and not shown to the reader;
//! - `<!-- meanwhile: COMMANDS -->` is run while the next command of a `console` block runs, from
//!   when the API server serves its watch; several are run in turn;
//! - `<!-- the API server restarts -->` and `<!-- meanwhile, the API server restarts -->` are the same
//!   for what a reader cannot do;
//! - `<!-- not run: REASON -->` stands before a block of commands that is left out.

use std::mem;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// One thing that the reader does, or that is done for the reader.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it stands on the page, from 1.
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Must succeed, and what it prints is of no interest: `setup` and `sh`.
    Script(String),
    /// The API server is killed, and started again.
    Restart,
    /// Is typed at a prompt.
    Typed {
        command: String,
        /// What the page says it prints.
        shown: Vec<String>,
        meanwhile: Vec<Meanwhile>,
    },
}

/// What happens while a command runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    Commands(String),
    Restart,
}

/// The parts of a page.
pub(crate) fn parts(markdown: &str) -> Result<Vec<Part>> {
    let mut parser = Parser::default();
    let mut lines = markdown.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if let Some(comment) = line.trim_start().strip_prefix("<!--") {
            let mut text = comment.to_owned();
            while !text.contains("-->") {
                let (line, _) = lines
                    .next()
                    .with_context(|| format!("line {number}: a comment without an end"))?;
                text = text + "\n" + line;
            }
            let text = text.split("-->").next().unwrap_or_default().trim();
            parser.comment(number, text);
        } else if let Some(language) = line.trim_start().strip_prefix("```") {
            let indentation = line.len() - line.trim_start().len();
            let mut block = Vec::new();
            loop {
                let (line, _) = lines
                    .next()
                    .with_context(|| format!("line {number}: a block without an end"))?;
                if line.trim_start().starts_with("```") {
                    break;
                }
                block.push(line.get(indentation..).unwrap_or_default());
            }
            parser
                .block(number, language.trim(), &block)
                .with_context(|| format!("line {number}"))?;
        }
    }
    ensure!(
        parser.meanwhile.is_empty(),
        "something is to happen meanwhile, and no command follows"
    );
    Ok(parser.parts)
}

#[derive(Default)]
struct Parser {
    parts: Vec<Part>,
    meanwhile: Vec<Meanwhile>,
    is_not_run: bool,
}

impl Parser {
    fn comment(&mut self, line: usize, text: &str) {
        if let Some(commands) = text.strip_prefix("setup:") {
            self.parts.push(Part {
                line,
                kind: Kind::Script(commands.to_owned()),
            });
        } else if let Some(commands) = text.strip_prefix("meanwhile:") {
            self.meanwhile
                .push(Meanwhile::Commands(commands.to_owned()));
        } else if text == "meanwhile, the API server restarts" {
            self.meanwhile.push(Meanwhile::Restart);
        } else if text.starts_with("not run:") {
            self.is_not_run = true;
        } else if text == "the API server restarts" {
            let kind = Kind::Restart;
            self.parts.push(Part { line, kind });
        }
    }

    fn block(&mut self, line: usize, language: &str, block: &[&str]) -> Result<()> {
        if mem::take(&mut self.is_not_run) {
            return Ok(());
        }
        match language {
            "console" => self.console(line + 1, block)?,
            "sh" => self.parts.push(Part {
                line,
                kind: Kind::Script(block.join("\n")),
            }),
            _ => {
                let is_data = ["json", "text", "yaml"].contains(&language)
                    && !block.iter().any(|line| looks_like_a_command(line));
                ensure!(
                    is_data,
                    "commands in a block that is fenced {language:?} are not run; fence it \
                     console or sh, or say why in front of it: <!-- not run: REASON -->"
                );
            }
        }
        Ok(())
    }

    fn console(&mut self, first_line: usize, block: &[&str]) -> Result<()> {
        let mut lines = block.iter().zip(first_line..).peekable();
        while let Some((text, line)) = lines.next() {
            let Some(start) = text.strip_prefix("$ ") else {
                bail!("line {line}: a console block begins with `$ `: {text}");
            };
            let mut command = start.to_owned();
            while let Some(reason) = incomplete(&command)? {
                let (next, _) = lines
                    .next()
                    .with_context(|| format!("line {line}: `{command}` does not end: {reason}"))?;
                command = command + "\n" + next;
            }
            let mut shown = Vec::new();
            while let Some((text, _)) = lines.next_if(|(text, _)| !text.starts_with("$ ")) {
                shown.push((*text).to_owned());
            }
            self.parts.push(Part {
                line,
                kind: Kind::Typed {
                    command,
                    shown,
                    meanwhile: mem::take(&mut self.meanwhile),
                },
            });
        }
        Ok(())
    }
}

fn looks_like_a_command(line: &str) -> bool {
    ["$ ", "cargo ", "curl ", "kubectl "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Why a shell would wait for another line, if it would.
fn incomplete(command: &str) -> Result<Option<String>> {
    if command.ends_with('\\') {
        return Ok(Some("a backslash at its end".to_owned()));
    }
    let check = Command::new("bash")
        .args(["-nc", command])
        .output()
        .context("run bash")?;
    // A here-document without an end is a mere warning to bash.
    let reason = String::from_utf8_lossy(&check.stderr).trim().to_owned();
    Ok((!check.status.success() || !reason.is_empty()).then_some(reason))
}

#[test]
fn a_console_block_has_commands_of_any_length_and_what_they_print() -> Result<()> {
    let page = "\
Text, with `code`.

```console
$ echo one \\
  two
one two
$ cat <<END
  $ is no prompt here
END
  $ is no prompt here
$ printf '
  a
  '

  a
$ true
```
";
    let typed = |line, command: &str, shown: &[&str]| Part {
        line,
        kind: Kind::Typed {
            command: command.into(),
            shown: shown.iter().map(|&line| line.into()).collect(),
            meanwhile: Vec::new(),
        },
    };
    assert_eq!(
        parts(page)?,
        [
            typed(4, "echo one \\\n  two", &["one two"]),
            typed(
                7,
                "cat <<END\n  $ is no prompt here\nEND",
                &["  $ is no prompt here"]
            ),
            typed(11, "printf '\n  a\n  '", &["", "  a"]),
            typed(16, "true", &[]),
        ]
    );
    Ok(())
}

#[test]
fn what_the_reader_does_not_see_stands_in_comments() -> Result<()> {
    let page = "\
<!-- A remark. -->
<!-- setup:
touch a
touch b -->

1. In a list:
   <!-- meanwhile: touch c -->
   ```console
   $ sleep 1
   ```
<!-- meanwhile, the API server restarts -->
<!-- the API server restarts -->
```sh
ls
```
<!-- meanwhile: touch d -->
```console
$ ls
```
";
    let kinds: Vec<Kind> = parts(page)?.into_iter().map(|part| part.kind).collect();
    let typed = |command: &str, meanwhile: Vec<Meanwhile>| Kind::Typed {
        command: command.into(),
        shown: Vec::new(),
        meanwhile,
    };
    assert_eq!(
        kinds,
        [
            Kind::Script("\ntouch a\ntouch b".into()),
            typed("sleep 1", vec![Meanwhile::Commands(" touch c".into())]),
            Kind::Restart,
            Kind::Script("ls".into()),
            typed(
                "ls",
                vec![Meanwhile::Restart, Meanwhile::Commands(" touch d".into())]
            ),
        ]
    );
    Ok(())
}

#[test]
fn no_command_is_left_out_without_a_reason() -> Result<()> {
    for block in [
        "```\nls\n```",
        "```bash\nls\n```",
        "```text\nkubectl get pods\n```",
    ] {
        let error = format!("{:#}", parts(block).expect_err(block));
        assert!(error.starts_with("line 1: commands in a block"), "{error}");
        let reasoned = format!("<!-- not run: it takes a day -->\n{block}");
        assert_eq!(parts(&reasoned)?, []);
        // It is good for one block.
        let error = format!(
            "{:#}",
            parts(&format!("{reasoned}\n{block}")).expect_err(block)
        );
        assert!(error.contains("commands in a block"), "{error}");
    }
    assert_eq!(parts("```json\n{}\n```")?, []);
    Ok(())
}

#[test]
fn what_has_no_end_is_named() {
    for (page, expected) in [
        ("\n<!-- setup: ls", "line 2: a comment without an end"),
        ("```sh\nls", "line 1: a block without an end"),
        (
            "```console\nls\n```",
            "line 2: a console block begins with `$ `: ls",
        ),
        (
            "```console\n$ echo 'a\n```",
            "line 2: `echo 'a` does not end: ",
        ),
        (
            "```console\n$ echo a \\\n```",
            "line 2: `echo a \\` does not end: ",
        ),
        ("```console\n$ cat <<END\na\n```", "line 2: `cat <<END"),
        (
            "<!-- meanwhile: ls -->\n```sh\nls\n```",
            "something is to happen meanwhile",
        ),
    ] {
        let error = format!("{:#}", parts(page).expect_err(page));
        assert!(error.contains(expected), "{error}");
    }
}
