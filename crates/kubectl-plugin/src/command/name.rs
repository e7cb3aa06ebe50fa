//! The command's name, as the user types it.
//!
//! kubectl finds a plugin by its file name: `kubectl-rawpatch`, or `kubectl-raw_whoami` for `kubectl
//! raw-whoami`, where `_` stands for a dash inside a word (`kubectl/pkg/cmd/plugin.go`). krew may install a
//! program under another name. Help and hints are written with our name, and shown with the user's.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::path::Path;

/// The prefix of a plugin's file name.
const PREFIX: &str = "kubectl-";
/// The prefix of a plugin's completer (`kubectl/pkg/cmd/plugin/plugin_completion.go`).
const COMPLETER_PREFIX: &str = "kubectl_complete-";

/// The documented name of a command, and the name that the user typed.
pub(crate) struct CommandName {
    /// The name in help texts and hints, for example `kubectl whoami`.
    ours: String,
    /// The file name that was called, without folder and `.exe`.
    file: String,
}

impl CommandName {
    /// Returns the name of this process, or `ours` if it has none.
    pub(crate) fn of_this_process(ours: &str) -> Self {
        Self::new(ours, env::args_os().next().as_deref())
    }

    fn new(ours: &str, program: Option<&OsStr>) -> Self {
        Self {
            ours: ours.to_owned(),
            file: program
                .and_then(file)
                .unwrap_or_else(|| ours.replace(' ', "-")),
        }
    }

    /// Reports whether kubectl asks for completion.
    pub(crate) fn is_completer(&self) -> bool {
        self.file.starts_with(COMPLETER_PREFIX)
    }

    /// Returns the file name of the plugin, which kubectl and shells find in `PATH`.
    pub(crate) fn file(&self) -> String {
        self.file.replacen(COMPLETER_PREFIX, PREFIX, 1)
    }

    /// Returns the file name of the plugin's completer.
    pub(crate) fn completer(&self) -> String {
        self.file().replacen(PREFIX, COMPLETER_PREFIX, 1)
    }

    /// Returns what the user types. A file that is not a plugin of kubectl is called by its own name.
    pub(crate) fn typed(&self) -> String {
        let file = self.file();
        match file.strip_prefix(PREFIX) {
            Some(words) => format!("kubectl {}", words.replace('-', " ").replace('_', "-")),
            None => file,
        }
    }

    /// Replaces our name in a text by the user's.
    pub(crate) fn put_into<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let typed = self.typed();
        if typed == self.ours {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.replace(&self.ours, &typed))
        }
    }
}

/// Returns the file name of a program, without `.exe`.
fn file(program: &OsStr) -> Option<String> {
    let name = Path::new(program).file_name()?.to_string_lossy();
    match name.rsplit_once('.') {
        Some((stem, extension)) if extension.eq_ignore_ascii_case("exe") => Some(stem.to_owned()),
        _ => Some(name.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(program: &str) -> CommandName {
        CommandName::new("kubectl whoami", Some(OsStr::new(program)))
    }

    #[test]
    fn the_name_is_what_kubectl_finds_the_file_by() {
        for (program, expected) in [
            ("kubectl-rawpatch", "kubectl rawpatch"),
            ("/a/krew/bin/kubectl-raw_whoami", "kubectl raw-whoami"),
            ("./kubectl-raw_whoami.exe", "kubectl raw-whoami"),
            ("kubectl-rawpatch.EXE", "kubectl rawpatch"),
            ("kubectl-raw-watch", "kubectl raw watch"),
            ("kubectl-rawpatch-1.2", "kubectl rawpatch 1.2"),
            ("/usr/local/bin/kp_1-a", "kp_1-a"),
            ("/bin/kubectl_complete-raw_whoami", "kubectl raw-whoami"),
            ("", "kubectl whoami"),
        ] {
            assert_eq!(name(program).typed(), expected);
        }
        assert_eq!(
            CommandName::new("kubectl whoami", None).typed(),
            "kubectl whoami"
        );
    }

    #[test]
    fn a_plugin_and_its_completer_know_each_other() {
        let plugin = name("/a/kubectl-raw_whoami");
        assert!(!plugin.is_completer());
        assert_eq!(plugin.completer(), "kubectl_complete-raw_whoami");
        let completer = name("/a/kubectl_complete-raw_whoami");
        assert!(completer.is_completer());
        assert_eq!(completer.file(), "kubectl-raw_whoami");
        assert_eq!(completer.completer(), plugin.completer());
    }

    #[test]
    fn texts_change_only_for_another_name() {
        let text = "see `kubectl whoami --help`";
        assert!(matches!(
            name("kubectl-whoami").put_into(text),
            Cow::Borrowed(same) if same == text
        ));
        assert_eq!(
            name("kubectl-raw_whoami").put_into(text),
            "see `kubectl raw-whoami --help`"
        );
    }
}
