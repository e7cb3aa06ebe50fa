//! The command's name as its user typed it.
//!
//! kubectl finds a plugin by the name of its file: `kubectl-rawpatch`, and
//! `kubectl-raw_whoami` for `kubectl raw-whoami`, as `_` stands for a dash inside a word
//! (`kubectl/pkg/cmd/plugin.go`). krew installs a program under the name that its index has for it,
//! which need not be ours. Help and hints are written with our name, and shown with the user's.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::path::Path;

/// What kubectl looks for in front of a plugin's name.
const PREFIX: &str = "kubectl-";
/// What it looks for to complete the plugin (`kubectl/pkg/cmd/plugin/plugin_completion.go`).
const COMPLETER_PREFIX: &str = "kubectl_complete-";

/// The name by which the command is known, and the one by which it was called.
pub(crate) struct CommandName {
    /// The name in help texts and hints, for example `kubectl whoami`.
    ours: String,
    /// The file that was called, without folder and `.exe`.
    file: String,
}

impl CommandName {
    /// The name of this process; that of `ours` when it was given none.
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

    /// Whether kubectl called to have a line completed.
    pub(crate) fn is_completer(&self) -> bool {
        self.file.starts_with(COMPLETER_PREFIX)
    }

    /// The file that kubectl runs as this plugin, and that a shell finds in `PATH`.
    pub(crate) fn file(&self) -> String {
        self.file.replacen(COMPLETER_PREFIX, PREFIX, 1)
    }

    /// The file that kubectl runs to complete a line of this plugin.
    pub(crate) fn completer(&self) -> String {
        self.file().replacen(PREFIX, COMPLETER_PREFIX, 1)
    }

    /// What the user types; a file that is no plugin of kubectl's is called by its own name.
    pub(crate) fn typed(&self) -> String {
        let file = self.file();
        match file.strip_prefix(PREFIX) {
            Some(words) => format!("kubectl {}", words.replace('-', " ").replace('_', "-")),
            None => file,
        }
    }

    /// A text that was written with our name, with the user's instead.
    pub(crate) fn put_into<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let typed = self.typed();
        if typed == self.ours {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.replace(&self.ours, &typed))
        }
    }
}

/// The name of a program's file, without `.exe`.
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
