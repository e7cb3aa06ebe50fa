use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use control_plane::ControlPlane;

use crate::Outcome;

/// Returns a program with a kubeconfig, an otherwise clean environment, and the default actions of
/// signals.
pub fn command(program: impl AsRef<OsStr>, kubeconfig: &Path) -> Command {
    control_plane::restore_default_signals();
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", "/nonexistent");
    command
}

/// Returns a page of a program's help, like `--help`, in the width that it has without a terminal.
#[track_caller]
pub fn help(program: impl AsRef<OsStr>, flag: &str) -> String {
    let mut command = command(program, Path::new("/nonexistent"));
    let outcome = run(command.arg(flag), "").succeeded();
    assert_eq!(outcome.stderr, "", "{outcome:#?}");
    outcome.stdout
}

/// Defines the tests of a plugin's help. They compare every page with a snapshot.
#[macro_export]
macro_rules! help_tests {
    ($plugin:literal) => {
        const PLUGIN: &str = env!(concat!("CARGO_BIN_EXE_", $plugin));

        #[test]
        fn short_help_lists_the_flags_of_the_plugin() {
            insta::assert_snapshot!($crate::help(PLUGIN, "-h"));
        }

        #[test]
        fn help_has_examples_flags_and_exit_codes() {
            insta::assert_snapshot!($crate::help(PLUGIN, "--help"));
        }

        /// The plugins share this snapshot.
        #[test]
        fn connection_help_is_equal_in_every_plugin() {
            let page = $crate::help(PLUGIN, "--help-connection");
            insta::with_settings!({
                snapshot_path => "../support/snapshots",
                prepend_module_to_snapshot => false,
            }, {
                insta::assert_snapshot!("help_connection", page);
            });
        }
    };
}

/// Runs a command with a text on stdin, and waits for its end.
#[track_caller]
pub fn run(command: &mut Command, stdin: &str) -> Outcome {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    // A command that refuses its input does not read it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// Asserts that a plugin accepts each flag of these kubectl commands, or explains it with a hint of
/// its own. `commands` are words after `kubectl` that print help, such as `auth whoami --help`.
#[track_caller]
pub fn assert_flags_are_explained(plugin: &str, commands: &[&str]) {
    for words in commands {
        let mut kubectl = ControlPlane::shared().kubectl().unwrap();
        let page = run(kubectl.args(words.split(' ')), "").succeeded();
        let flags = flags(&page.stdout);
        assert!(!flags.is_empty(), "kubectl {words}: {page:?}");
        for flag in flags {
            let mut command = command(plugin, Path::new("/dev/null"));
            let outcome = run(command.args([flag, "--help"]), "");
            let is_unknown = outcome.stderr.starts_with("error: unknown");
            assert!(
                !is_unknown || !outcome.hint().contains("--help`"),
                "kubectl {words} has {flag}: {outcome:#?}"
            );
        }
    }
}

/// Returns the flags on a page of kubectl's help, whose lines are like `    -w, --watch=false:`.
fn flags(page: &str) -> Vec<&str> {
    page.lines()
        .filter(|line| line.starts_with("    -") && line.ends_with(':'))
        .flat_map(|line| line.trim().split(", "))
        .map(|flag| flag.split(['=', ':']).next().unwrap_or_default())
        .collect()
}
