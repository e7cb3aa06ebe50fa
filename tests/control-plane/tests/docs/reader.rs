//! Somebody who reads a page and does what it says.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::page::{Kind, Meanwhile, Part};
use crate::shell::{Environment, Shell};
use crate::shown::is_shown;

/// How a page shows that Ctrl-C is pressed, on a line of its own, as terminals do.
const CTRL_C: &str = "^C";

/// What the reader works on.
pub(crate) trait Cluster: Sync {
    /// How many watches the API server began to serve so far.
    fn watches(&self) -> Result<usize>;
    fn restart(&self) -> Result<()>;
}

/// Does everything that a page says; an error for each part that did not go as shown.
///
/// A part that fails does not end it: who corrects a page wants to know all that is wrong with it. But
/// behind a command that does not end nothing can be typed.
pub(crate) fn read(
    parts: &[Part],
    folder: &Path,
    environment: &Environment,
    cluster: &impl Cluster,
    patience: Duration,
) -> Result<Vec<String>> {
    let (home, files) = (folder.join("home"), folder.join("commands"));
    for folder in [&home, &files] {
        std::fs::create_dir(folder).context("create a folder for the reader")?;
    }
    let mut shell = Shell::start(&home, &files, environment, patience)?;
    let run = |script: &str| run_script(script, &home, environment);
    let mut errors = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let result = match &part.kind {
            Kind::Script(script) => run(script),
            Kind::Restart => cluster.restart(),
            Kind::Typed {
                command,
                shown,
                meanwhile,
            } => {
                let may_fail = parts.get(index + 1).is_some_and(asks_for_code);
                let shown = Shown { shown, may_fail };
                let mut typing = || type_command(&mut shell, command, &shown);
                if meanwhile.is_empty() {
                    typing()
                } else {
                    both(typing, cluster, patience, || {
                        meanwhile.iter().try_for_each(|step| match step {
                            Meanwhile::Commands(script) => run(script),
                            Meanwhile::Restart => cluster.restart(),
                        })
                    })
                }
            }
        };
        if let Err(error) = result {
            errors.push(format!("line {}: {error:#}", part.line));
        }
        if shell.is_busy() {
            errors.push("the rest of the page was not read".to_owned());
            break;
        }
    }
    Ok(errors)
}

/// Whether a part looks at the exit code of the one before.
fn asks_for_code(part: &Part) -> bool {
    matches!(&part.kind, Kind::Typed { command, .. } if command.contains("$?"))
}

/// Runs commands that must succeed, each of them.
fn run_script(script: &str, home: &Path, environment: &Environment) -> Result<()> {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env_clear()
        .envs(environment.iter().cloned())
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(home)
        .output()
        .context("run bash")?;
    ensure!(
        output.status.success(),
        "failed ({}):\n{}\n{}{}",
        output.status,
        script.trim(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Types a command, and does something else once its watch is served.
fn both(
    typing: impl FnOnce() -> Result<()>,
    cluster: &impl Cluster,
    patience: Duration,
    meanwhile: impl FnOnce() -> Result<()> + Send,
) -> Result<()> {
    let before = cluster.watches()?;
    thread::scope(|scope| {
        let meanwhile = scope.spawn(|| {
            let start = Instant::now();
            while cluster.watches()? <= before {
                ensure!(start.elapsed() < patience, "the command began no watch");
                thread::sleep(Duration::from_millis(50));
            }
            meanwhile().context("meanwhile")
        });
        let typed = typing();
        match meanwhile.join() {
            Ok(meanwhile) => typed.and(meanwhile),
            Err(_) => bail!("what was to happen meanwhile panicked"),
        }
    })
}

/// What a page says about a command.
struct Shown<'a> {
    shown: &'a [String],
    /// The reader looks at the exit code next.
    may_fail: bool,
}

/// Types a command, and compares what it prints and how it ends with what the page shows.
fn type_command(
    shell: &mut Shell,
    command: &str,
    &Shown { shown, may_fail }: &Shown<'_>,
) -> Result<()> {
    let mut typed = shell.start_command(command)?;
    let compare = |shown: &[String], output: &str| {
        ensure!(
            is_shown(shown, output),
            "$ {command}\nthe page shows:\n{}\nbut it printed:\n{output}",
            shown.join("\n")
        );
        Ok(())
    };
    if let Some(place) = shown.iter().position(|line| line == CTRL_C) {
        let before = typed
            .wait_for(|output| is_shown(&shown[..place], output))
            .with_context(|| format!("$ {command}"))?;
        typed.interrupt()?;
        typed.end()?;
        return compare(&shown[place + 1..], &typed.output()?[before.len()..]);
    }
    let code = typed.end().with_context(|| format!("$ {command}"))?;
    if command.ends_with('&') {
        // It goes on, and prints in its own time.
        typed
            .wait_for(|output| is_shown(shown, output))
            .with_context(|| format!("$ {command}"))?;
    }
    compare(shown, &typed.output()?)?;
    ensure!(
        code == 0 || may_fail,
        "$ {command}\nended with {code}, and the page does not say so by `echo $?`"
    );
    Ok(())
}

/// A server that begins a watch each time it is asked, and cannot restart.
#[cfg(test)]
struct NoCluster(std::sync::atomic::AtomicUsize);

#[cfg(test)]
impl Cluster for NoCluster {
    fn watches(&self) -> Result<usize> {
        Ok(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    fn restart(&self) -> Result<()> {
        bail!("it does not start again")
    }
}

/// What a reader finds wrong with a page.
#[cfg(test)]
fn errors(page: &str) -> Result<Vec<String>> {
    errors_in_time(page, Duration::from_mins(1))
}

#[cfg(test)]
fn errors_in_time(page: &str, patience: Duration) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let environment = vec![("PATH", std::env::var_os("PATH").unwrap_or_default())];
    let cluster = NoCluster(0.into());
    read(
        &crate::page::parts(page)?,
        folder.path(),
        &environment,
        &cluster,
        patience,
    )
}

#[cfg(test)]
fn errors_in_console(lines: &str) -> Result<Vec<String>> {
    errors(&format!("```console\n{lines}\n```\n"))
}

#[test]
fn a_page_that_is_right_has_no_errors() -> Result<()> {
    let page = r"
<!-- setup: echo one > file -->
```console
$ cat file; pwd
one
…/home
$ name=two; f() { echo $name $1; }
$ f x
two x
$ cat missing; ls also-missing
cat: missing: No such file or directory
ls: …also-missing…
$ echo $?
2
$ (echo late) &
late
$ read line; echo $?
1
```
```sh
cat file
[ ! -e missing ]
```
";
    assert_eq!(errors(page)?, [""; 0]);
    Ok(())
}

#[test]
fn another_output_is_an_error_with_its_place() -> Result<()> {
    assert_eq!(
        errors_in_console("$ true\n$ echo a\nb\n$ echo c\nc\n$ echo d\n")?,
        [
            "line 3: $ echo a\nthe page shows:\nb\nbut it printed:\na\n",
            "line 7: $ echo d\nthe page shows:\n\nbut it printed:\nd\n",
        ]
    );
    Ok(())
}

#[test]
fn a_command_that_fails_is_an_error_unless_the_page_says_so() -> Result<()> {
    assert_eq!(
        errors_in_console("$ echo a; (exit 3)\na")?,
        ["line 2: $ echo a; (exit 3)\nended with 3, and the page does not say so by `echo $?`"]
    );
    assert_eq!(errors_in_console("$ (exit 3)\n$ echo $?\n3")?, [""; 0]);
    Ok(())
}

#[test]
fn a_script_that_fails_anywhere_is_an_error() -> Result<()> {
    for (page, line) in [
        ("```sh\nfalse\ntrue\n```", 1),
        ("```sh\nfalse | true\n```", 1),
        ("\n<!-- setup:\n echo $missing\n-->", 2),
    ] {
        let errors = errors(page)?;
        let expected = format!("line {line}: failed (exit status: 1):\n");
        assert!(
            errors.len() == 1 && errors[0].starts_with(&expected),
            "{errors:?}"
        );
    }
    Ok(())
}

#[test]
fn ctrl_c_is_pressed_when_what_stands_before_it_has_come() -> Result<()> {
    let page = "$ echo a; sleep 0.2; echo b; sleep 1000\na\nb\n^C\n$ echo $?\n130";
    assert_eq!(errors_in_console(page)?, [""; 0]);
    let page = "$ bash -c 'trap \"echo bye; exit\" INT; echo a; sleep 1000'\na\n^C\nbye";
    assert_eq!(errors_in_console(page)?, [""; 0]);
    // What comes after it counts too.
    let page = "$ bash -c 'trap \"echo bye; exit\" INT; echo a; sleep 1000'\na\n^C\n";
    assert_eq!(errors_in_console(page)?.len(), 1);
    Ok(())
}

#[test]
fn ctrl_c_is_not_pressed_when_the_command_has_ended_without_it() -> Result<()> {
    assert_eq!(
        errors_in_console("$ echo b\na\n^C\n$ echo c\nc")?,
        ["line 2: $ echo b: not what is shown, but:\nb\n"]
    );
    Ok(())
}

#[test]
fn a_page_ends_with_a_command_that_does_not_end_or_ends_the_shell() -> Result<()> {
    let page = "```console\n$ echo a; sleep 1000\na\n$ echo b\n```";
    assert_eq!(
        errors_in_time(page, Duration::from_secs(1))?,
        [
            "line 2: $ echo a; sleep 1000: it does not end; so far:\na\n",
            "the rest of the page was not read"
        ]
    );
    assert_eq!(
        errors_in_console("$ exit 0\n$ echo b")?,
        [
            "line 2: $ exit 0: it ended the shell; it printed:\n",
            "the rest of the page was not read"
        ]
    );
    Ok(())
}

#[test]
fn what_is_to_happen_meanwhile_happens_and_must_succeed() -> Result<()> {
    let waiting = "```console\n$ until [ -e there ]; do sleep 0.1; done\n```";
    let page = format!("<!-- meanwhile: touch there -->\n{waiting}");
    assert_eq!(errors(&page)?, [""; 0]);
    let errors_of = |meanwhile: &str| errors(&format!("{meanwhile}\n```console\n$ true\n```"));
    let errors = errors_of("<!-- meanwhile: false -->")?;
    assert!(
        errors[0].starts_with("line 3: meanwhile: failed"),
        "{errors:?}"
    );
    let errors = errors_of("<!-- meanwhile, the API server restarts -->")?;
    assert_eq!(errors, ["line 3: meanwhile: it does not start again"]);
    Ok(())
}
