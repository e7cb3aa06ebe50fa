//! Shows a difference with the program in `$KUBECTL_EXTERNAL_DIFF`, like `kubectl diff`
//! (`kubectl/pkg/cmd/diff/diff.go`, `DiffProgram`).

use std::env;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use kubectl_plugin::runtime::Hold;
use kubectl_plugin::text::system_error;
use tempfile::{Builder, TempDir};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Comparison;

const VARIABLE: &str = "KUBECTL_EXTERNAL_DIFF";

/// The time that the program has to end after a signal, which a terminal also sends to the program.
const TIME_TO_END: Duration = Duration::from_secs(1);

/// A program that compares two folders.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExternalDiff {
    program: String,
    arguments: Vec<String>,
}

impl ExternalDiff {
    /// Returns the program in the environment.
    pub(super) fn from_environment() -> Option<Self> {
        let command = env::var_os(VARIABLE)?;
        Self::parse(&command.to_string_lossy())
    }

    /// Parses a command. Like kubectl, splits it at spaces, and drops arguments with other characters than
    /// letters, digits, `-` and `=`.
    fn parse(command: &str) -> Option<Self> {
        let is_allowed = |word: &&str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-=".contains(&byte);
            !word.is_empty() && word.bytes().all(allowed)
        };
        let mut words = command.split(' ');
        let program = words.next().filter(|_| !command.is_empty())?;
        Some(Self {
            program: program.to_owned(),
            arguments: words.filter(is_allowed).map(str::to_owned).collect(),
        })
    }

    /// Runs the program on two folders with a file each. Returns whether it found a difference.
    ///
    /// # Errors
    /// Fails if the program cannot run or fails, and with [`Kind::Interrupted`] if a signal arrives. The
    /// folders are removed in any case.
    pub(super) async fn run(&self, comparison: &Comparison, stdout: Stdio) -> Result<bool, Error> {
        let failed = |error: io::Error| self.failed(&system_error::reason(&error));
        let mut hold = Hold::start().map_err(failed)?;
        let name = &comparison.file_name;
        let live = folder("LIVE-", name, &comparison.live).map_err(failed)?;
        let merged = folder("MERGED-", name, &comparison.merged).map_err(failed)?;
        let mut child = Command::new(&self.program)
            .args([live.path(), merged.path()])
            .args(&self.arguments) // after the folders, as in kubectl
            .stdin(Stdio::null())
            .stdout(stdout)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        tokio::select! {
            biased;
            signal = hold.signal() => Err(end(&mut child, signal).await),
            status = child.wait() => self.differs(status.map_err(failed)?),
        }
    }

    /// Interprets the exit code by diff's convention.
    fn differs(&self, status: ExitStatus) -> Result<bool, Error> {
        match status.code() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(self.failed(&status.to_string())),
        }
    }

    fn failed(&self, reason: &str) -> Error {
        Error::from(Kind::Format(format!(
            "failed to run {:?}: {reason}",
            self.program
        )))
        .with_hint(format!("check ${VARIABLE}, or unset it"))
    }
}

/// Ends the program, and returns the error for the signal.
async fn end(child: &mut Child, signal: i32) -> Error {
    if timeout(TIME_TO_END, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    Kind::Interrupted {
        signal,
        message: Some("interrupted; nothing was changed".to_owned()),
    }
    .into()
}

/// Creates a temporary folder with one file, with the modes that kubectl gives them.
fn folder(prefix: &str, name: &str, content: &str) -> io::Result<TempDir> {
    let mut builder = Builder::new();
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        builder.permissions(std::fs::Permissions::from_mode(0o700));
        options.mode(0o700);
    }
    let folder = builder.prefix(prefix).tempdir()?;
    options.write(true).create_new(true);
    options
        .open(folder.path().join(name))?
        .write_all(content.as_bytes())?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_like_in_kubectl() {
        let parsed = |command: &str| {
            let command = ExternalDiff::parse(command)?;
            Some([vec![command.program], command.arguments].concat())
        };
        assert_eq!(parsed(""), None);
        assert_eq!(
            parsed("colordiff -N -u").unwrap(),
            ["colordiff", "-N", "-u"]
        );
        assert_eq!(parsed("/a b/diff").unwrap(), ["/a"]);
        assert_eq!(
            parsed("d  --color=always -U5 --label=a_b $(x) ;").unwrap(),
            ["d", "--color=always", "-U5"]
        );
        assert_eq!(parsed(" diff").unwrap(), ["", "diff"]);
    }
}
