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

/// The name by which the command is known, and the one by which it was called.
pub(crate) struct CommandName {
    /// The name in help texts and hints, for example `kubectl whoami`.
    ours: String,
    /// For example `kubectl raw-whoami`.
    called: String,
}

impl CommandName {
    /// The name of this process; `ours` when it was given none.
    pub(crate) fn of_this_process(ours: &str) -> Self {
        let called = env::args_os().next().and_then(|program| called(&program));
        Self {
            ours: ours.to_owned(),
            called: called.unwrap_or_else(|| ours.to_owned()),
        }
    }

    /// What the user types.
    pub(crate) fn as_str(&self) -> &str {
        &self.called
    }

    /// A text that was written with our name, with the user's instead.
    pub(crate) fn put_into<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.called == self.ours {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.replace(&self.ours, &self.called))
        }
    }
}

/// What is typed to run `program`; a file that is no plugin of kubectl's is called by its own name.
fn called(program: &OsStr) -> Option<String> {
    let file = Path::new(program).file_name()?.to_string_lossy();
    let (stem, extension) = file.rsplit_once('.').unwrap_or((&file, ""));
    let name = if extension.eq_ignore_ascii_case("exe") {
        stem
    } else {
        &file
    };
    Some(match name.strip_prefix(PREFIX) {
        Some(words) => format!("kubectl {}", words.replace('-', " ").replace('_', "-")),
        None => name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(called(OsStr::new(program)).as_deref(), Some(expected));
        }
        assert_eq!(called(OsStr::new("")), None);
    }

    #[test]
    fn texts_change_only_for_another_name() {
        let name = |called: &str| CommandName {
            ours: "kubectl whoami".to_owned(),
            called: called.to_owned(),
        };
        let text = "see `kubectl whoami --help`";
        assert!(matches!(
            name("kubectl whoami").put_into(text),
            Cow::Borrowed(same) if same == text
        ));
        assert_eq!(
            name("kubectl raw-whoami").put_into(text),
            "see `kubectl raw-whoami --help`"
        );
    }
}
