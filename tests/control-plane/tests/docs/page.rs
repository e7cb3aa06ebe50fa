//! Parses a page into the steps that its reader follows.
//!
//! How to write a page, in Markdown:
//! - A `console` block shows commands after `$ `, each followed by its output. A command ends where
//!   bash considers it complete, so it may have several lines.
//! - An `sh` block is a script that must succeed.
//! - `<!-- setup: COMMANDS -->` runs commands that the reader does not see.
//! - `<!-- meanwhile: COMMANDS -->` runs commands while the next command of a `console` block runs, as
//!   soon as the API server serves that command's watch. Several such comments run in turn.
//! - `<!-- the API server restarts -->` and `<!-- meanwhile, the API server restarts -->` restart the
//!   API server, which a reader cannot do.
//! - `<!-- not run: REASON -->` before a block of commands excludes it from the test.

use std::mem;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// A step that the reader takes, or that is taken for the reader.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The line on the page, counted from 1.
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A script that must succeed, whatever it prints: `setup` and `sh`.
    Script(String),
    /// A restart of the API server, by SIGKILL.
    Restart,
    /// A command at the prompt.
    Command {
        command: String,
        /// The output on the page.
        shown: Vec<String>,
        meanwhile: Vec<Meanwhile>,
    },
}

/// An action while a command runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    Commands(String),
    Restart,
}

/// Parses a page into its steps.
pub(crate) fn steps(markdown: &str) -> Result<Vec<Step>> {
    let mut parser = Parser::default();
    let mut lines = markdown.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if let Some(comment) = line.trim_start().strip_prefix("<!--") {
            let mut text = comment.to_owned();
            while !text.contains("-->") {
                let (line, _) = lines
                    .next()
                    .with_context(|| format!("line {number}: the comment does not end"))?;
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
                    .with_context(|| format!("line {number}: the block does not end"))?;
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
        "no command follows a `meanwhile` comment"
    );
    Ok(parser.steps)
}

#[derive(Default)]
struct Parser {
    steps: Vec<Step>,
    meanwhile: Vec<Meanwhile>,
    excludes_next_block: bool,
}

impl Parser {
    fn comment(&mut self, line: usize, text: &str) {
        if let Some(commands) = text.strip_prefix("setup:") {
            self.steps.push(Step {
                line,
                kind: Kind::Script(commands.to_owned()),
            });
        } else if let Some(commands) = text.strip_prefix("meanwhile:") {
            self.meanwhile
                .push(Meanwhile::Commands(commands.to_owned()));
        } else if text == "meanwhile, the API server restarts" {
            self.meanwhile.push(Meanwhile::Restart);
        } else if text.starts_with("not run:") {
            self.excludes_next_block = true;
        } else if text == "the API server restarts" {
            let kind = Kind::Restart;
            self.steps.push(Step { line, kind });
        }
    }

    fn block(&mut self, line: usize, language: &str, block: &[&str]) -> Result<()> {
        if mem::take(&mut self.excludes_next_block) {
            return Ok(());
        }
        match language {
            "console" => self.console(line + 1, block)?,
            "sh" => self.steps.push(Step {
                line,
                kind: Kind::Script(block.join("\n")),
            }),
            _ => {
                let is_data = ["json", "text", "yaml"].contains(&language)
                    && !block.iter().any(|line| looks_like_a_command(line));
                ensure!(
                    is_data,
                    "the test does not run commands in a {language:?} block: change the language \
                     to console or sh, or write <!-- not run: REASON --> before the block"
                );
            }
        }
        Ok(())
    }

    fn console(&mut self, first_line: usize, block: &[&str]) -> Result<()> {
        let mut lines = block.iter().zip(first_line..).peekable();
        while let Some((text, line)) = lines.next() {
            let Some(start) = text.strip_prefix("$ ") else {
                bail!("line {line}: a console block must begin with `$ `, not: {text}");
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
            self.steps.push(Step {
                line,
                kind: Kind::Command {
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

/// Returns why a shell would wait for another line, if it would.
fn incomplete(command: &str) -> Result<Option<String>> {
    if command.ends_with('\\') {
        return Ok(Some("it ends with a backslash".to_owned()));
    }
    let check = Command::new("bash")
        .args(["-nc", command])
        .output()
        .context("run bash")?;
    // For bash, an unterminated here-document is only a warning.
    let reason = String::from_utf8_lossy(&check.stderr).trim().to_owned();
    Ok((!check.status.success() || !reason.is_empty()).then_some(reason))
}

#[test]
fn a_console_block_has_multiline_commands_and_their_output() -> Result<()> {
    let page = "\
Text, with `code`.

```console
$ echo one \\
  two
one two
$ cat <<END
  $ is not a prompt here
END
  $ is not a prompt here
$ printf '
  a
  '

  a
$ true
```
";
    let command_step = |line, command: &str, shown: &[&str]| Step {
        line,
        kind: Kind::Command {
            command: command.into(),
            shown: shown.iter().map(|&line| line.into()).collect(),
            meanwhile: Vec::new(),
        },
    };
    assert_eq!(
        steps(page)?,
        [
            command_step(4, "echo one \\\n  two", &["one two"]),
            command_step(
                7,
                "cat <<END\n  $ is not a prompt here\nEND",
                &["  $ is not a prompt here"]
            ),
            command_step(11, "printf '\n  a\n  '", &["", "  a"]),
            command_step(16, "true", &[]),
        ]
    );
    Ok(())
}

#[test]
fn comments_run_what_the_reader_does_not_see() -> Result<()> {
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
    let kinds: Vec<Kind> = steps(page)?.into_iter().map(|step| step.kind).collect();
    let command_step = |command: &str, meanwhile: Vec<Meanwhile>| Kind::Command {
        command: command.into(),
        shown: Vec::new(),
        meanwhile,
    };
    assert_eq!(
        kinds,
        [
            Kind::Script("\ntouch a\ntouch b".into()),
            command_step("sleep 1", vec![Meanwhile::Commands(" touch c".into())]),
            Kind::Restart,
            Kind::Script("ls".into()),
            command_step(
                "ls",
                vec![Meanwhile::Restart, Meanwhile::Commands(" touch d".into())]
            ),
        ]
    );
    Ok(())
}

#[test]
fn excluding_a_block_of_commands_needs_a_reason() -> Result<()> {
    for block in [
        "```\nls\n```",
        "```bash\nls\n```",
        "```text\nkubectl get pods\n```",
    ] {
        let error = format!("{:#}", steps(block).expect_err(block));
        assert!(
            error.starts_with("line 1: the test does not run commands in a "),
            "{error}"
        );
        let reasoned = format!("<!-- not run: it takes a day -->\n{block}");
        assert_eq!(steps(&reasoned)?, []);
        // The reason covers only one block.
        let error = format!(
            "{:#}",
            steps(&format!("{reasoned}\n{block}")).expect_err(block)
        );
        assert!(
            error.contains("the test does not run commands in a "),
            "{error}"
        );
    }
    assert_eq!(steps("```json\n{}\n```")?, []);
    Ok(())
}

#[test]
fn an_error_names_the_line_of_an_incomplete_element() {
    for (page, expected) in [
        ("\n<!-- setup: ls", "line 2: the comment does not end"),
        ("```sh\nls", "line 1: the block does not end"),
        (
            "```console\nls\n```",
            "line 2: a console block must begin with `$ `, not: ls",
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
            "no command follows a `meanwhile` comment",
        ),
    ] {
        let error = format!("{:#}", steps(page).expect_err(page));
        assert!(error.contains(expected), "{error}");
    }
}
