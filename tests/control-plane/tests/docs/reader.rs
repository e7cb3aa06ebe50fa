//! The reader of a page, who follows its steps.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::page::{Kind, Meanwhile, Step};
use crate::shell::{Environment, Shell};
use crate::shown::is_shown;

/// The line with which a page shows that the user presses Ctrl-C, as terminals do.
const CTRL_C: &str = "^C";

/// The cluster that the reader works with.
pub(crate) trait Cluster: Sync {
    /// Returns how many watches the API server has started to serve so far.
    fn watches(&self) -> Result<usize>;
    /// Restarts the API server.
    fn restart(&self) -> Result<()>;
}

/// Follows the steps of a page, and returns an error for each step that did not go as shown.
///
/// A failed step does not stop the test, so that one run finds all errors of a page. A command that
/// does not end does stop it, because nothing can be typed after it.
pub(crate) fn follow(
    steps: &[Step],
    folder: &Path,
    environment: &Environment,
    cluster: &impl Cluster,
    timeout: Duration,
) -> Result<Vec<String>> {
    let (home, files) = (folder.join("home"), folder.join("commands"));
    for folder in [&home, &files] {
        std::fs::create_dir(folder).context("create a folder for the reader")?;
    }
    let mut shell = Shell::start(&home, &files, environment, timeout)?;
    let run = |script: &str| run_script(script, &home, environment);
    let mut errors = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let result = match &step.kind {
            Kind::Script(script) => run(script),
            Kind::Restart => cluster.restart(),
            Kind::Command {
                command,
                shown,
                meanwhile,
            } => {
                let may_fail = steps.get(index + 1).is_some_and(prints_exit_code);
                let expected = Expected { shown, may_fail };
                let mut run_command = || run_command(&mut shell, command, &expected);
                if meanwhile.is_empty() {
                    run_command()
                } else {
                    with_watch(run_command, cluster, timeout, || {
                        meanwhile.iter().try_for_each(|action| match action {
                            Meanwhile::Commands(script) => run(script),
                            Meanwhile::Restart => cluster.restart(),
                        })
                    })
                }
            }
        };
        if let Err(error) = result {
            errors.push(format!("line {}: {error:#}", step.line));
        }
        if shell.is_busy() {
            errors.push("the rest of the page was not tested".to_owned());
            break;
        }
    }
    Ok(errors)
}

/// Reports whether a step prints the exit code of the step before.
fn prints_exit_code(step: &Step) -> bool {
    matches!(&step.kind, Kind::Command { command, .. } if command.contains("$?"))
}

/// Runs a script in which every command must succeed.
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
        "the script failed ({}):\n{}\n{}{}",
        output.status,
        script.trim(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Runs a command, and performs an action as soon as the API server serves the command's watch.
fn with_watch(
    run_command: impl FnOnce() -> Result<()>,
    cluster: &impl Cluster,
    timeout: Duration,
    meanwhile: impl FnOnce() -> Result<()> + Send,
) -> Result<()> {
    let before = cluster.watches()?;
    thread::scope(|scope| {
        let meanwhile = scope.spawn(|| {
            let start = Instant::now();
            while cluster.watches()? <= before {
                ensure!(start.elapsed() < timeout, "the command started no watch");
                thread::sleep(Duration::from_millis(50));
            }
            meanwhile().context("meanwhile")
        });
        let result = run_command();
        match meanwhile.join() {
            Ok(meanwhile) => result.and(meanwhile),
            Err(_) => bail!("the `meanwhile` action panicked"),
        }
    })
}

/// The result of a command that the page leads its reader to expect.
struct Expected<'a> {
    shown: &'a [String],
    /// The next step prints the exit code.
    may_fail: bool,
}

/// Runs a command, and compares its output and exit code with the page.
fn run_command(
    shell: &mut Shell,
    command: &str,
    &Expected { shown, may_fail }: &Expected<'_>,
) -> Result<()> {
    let mut running = shell.start_command(command)?;
    let compare = |shown: &[String], output: &str| {
        ensure!(
            is_shown(shown, output),
            "$ {command}\nthe page shows:\n{}\nbut the command printed:\n{output}",
            shown.join("\n")
        );
        Ok(())
    };
    if let Some(index) = shown.iter().position(|line| line == CTRL_C) {
        let before = running
            .wait_for(|output| is_shown(&shown[..index], output))
            .with_context(|| format!("$ {command}"))?;
        running.interrupt()?;
        running.wait()?;
        return compare(&shown[index + 1..], &running.output()?[before.len()..]);
    }
    let code = running.wait().with_context(|| format!("$ {command}"))?;
    if command.ends_with('&') {
        // A background job prints later.
        running
            .wait_for(|output| is_shown(shown, output))
            .with_context(|| format!("$ {command}"))?;
    }
    compare(shown, &running.output()?)?;
    ensure!(
        code == 0 || may_fail,
        "$ {command}\nexited with {code}, but the page does not show this with `echo $?`"
    );
    Ok(())
}

/// A fake cluster that counts one more watch each time, and fails to restart.
#[cfg(test)]
struct FakeCluster(std::sync::atomic::AtomicUsize);

#[cfg(test)]
impl Cluster for FakeCluster {
    fn watches(&self) -> Result<usize> {
        Ok(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    fn restart(&self) -> Result<()> {
        bail!("the API server does not start")
    }
}

/// Returns the errors of a page.
#[cfg(test)]
fn errors(page: &str) -> Result<Vec<String>> {
    errors_within(page, Duration::from_mins(1))
}

#[cfg(test)]
fn errors_within(page: &str, timeout: Duration) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let environment = vec![("PATH", std::env::var_os("PATH").unwrap_or_default())];
    let cluster = FakeCluster(0.into());
    follow(
        &crate::page::steps(page)?,
        folder.path(),
        &environment,
        &cluster,
        timeout,
    )
}

#[cfg(test)]
fn errors_in_console(lines: &str) -> Result<Vec<String>> {
    errors(&format!("```console\n{lines}\n```\n"))
}

#[test]
fn a_correct_page_has_no_errors() -> Result<()> {
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
fn a_different_output_is_an_error_with_its_line() -> Result<()> {
    assert_eq!(
        errors_in_console("$ true\n$ echo a\nb\n$ echo c\nc\n$ echo d\n")?,
        [
            "line 3: $ echo a\nthe page shows:\nb\nbut the command printed:\na\n",
            "line 7: $ echo d\nthe page shows:\n\nbut the command printed:\nd\n",
        ]
    );
    Ok(())
}

#[test]
fn a_failing_command_is_an_error_unless_the_page_shows_its_code() -> Result<()> {
    assert_eq!(
        errors_in_console("$ echo a; (exit 3)\na")?,
        [
            "line 2: $ echo a; (exit 3)\nexited with 3, but the page does not show this with `echo $?`"
        ]
    );
    assert_eq!(errors_in_console("$ (exit 3)\n$ echo $?\n3")?, [""; 0]);
    Ok(())
}

#[test]
fn any_failing_command_of_a_script_is_an_error() -> Result<()> {
    for (page, line) in [
        ("```sh\nfalse\ntrue\n```", 1),
        ("```sh\nfalse | true\n```", 1),
        ("\n<!-- setup:\n echo $missing\n-->", 2),
    ] {
        let errors = errors(page)?;
        let expected = format!("line {line}: the script failed (exit status: 1):\n");
        assert!(
            errors.len() == 1 && errors[0].starts_with(&expected),
            "{errors:?}"
        );
    }
    Ok(())
}

#[test]
fn ctrl_c_is_pressed_after_the_output_shown_before_it() -> Result<()> {
    let page = "$ echo a; sleep 0.2; echo b; sleep 1000\na\nb\n^C\n$ echo $?\n130";
    assert_eq!(errors_in_console(page)?, [""; 0]);
    let page = "$ bash -c 'trap \"echo bye; exit\" INT; echo a; sleep 1000'\na\n^C\nbye";
    assert_eq!(errors_in_console(page)?, [""; 0]);
    // The output after it is compared too.
    let page = "$ bash -c 'trap \"echo bye; exit\" INT; echo a; sleep 1000'\na\n^C\n";
    assert_eq!(errors_in_console(page)?.len(), 1);
    Ok(())
}

#[test]
fn a_command_that_ends_before_ctrl_c_is_an_error() -> Result<()> {
    assert_eq!(
        errors_in_console("$ echo b\na\n^C\n$ echo c\nc")?,
        ["line 2: $ echo b: the output does not match the page:\nb\n"]
    );
    Ok(())
}

#[test]
fn a_command_that_hangs_or_ends_the_shell_stops_the_test() -> Result<()> {
    let page = "```console\n$ echo a; sleep 1000\na\n$ echo b\n```";
    assert_eq!(
        errors_within(page, Duration::from_secs(1))?,
        [
            "line 2: $ echo a; sleep 1000: the command does not end; its output so far:\na\n",
            "the rest of the page was not tested"
        ]
    );
    assert_eq!(
        errors_in_console("$ exit 0\n$ echo b")?,
        [
            "line 2: $ exit 0: the command ended the shell; its output:\n",
            "the rest of the page was not tested"
        ]
    );
    Ok(())
}

#[test]
fn meanwhile_commands_run_and_must_succeed() -> Result<()> {
    let waiting = "```console\n$ until [ -e there ]; do sleep 0.1; done\n```";
    let page = format!("<!-- meanwhile: touch there -->\n{waiting}");
    assert_eq!(errors(&page)?, [""; 0]);
    let errors_of = |meanwhile: &str| errors(&format!("{meanwhile}\n```console\n$ true\n```"));
    let errors = errors_of("<!-- meanwhile: false -->")?;
    assert!(
        errors[0].starts_with("line 3: meanwhile: the script failed"),
        "{errors:?}"
    );
    let errors = errors_of("<!-- meanwhile, the API server restarts -->")?;
    assert_eq!(errors, ["line 3: meanwhile: the API server does not start"]);
    Ok(())
}
