//! `completion SHELL`: prints the script that makes a shell call this program.
//!
//! The scripts only pass the line to the program and its candidates to the shell. They are templates:
//! `PROGRAM` is the program's file name, `COMMAND` is the command as the user types it, and `COMPLETER` is
//! the file that kubectl runs for completion.

use crate::runtime::command_name::CommandName;
use crate::{Error, output};

/// A shell and its script.
struct Shell {
    name: &'static str,
    script: &'static str,
    /// The command that sets the script up, for help.
    set_up: &'static str,
}

const SHELLS: [Shell; 5] = [
    Shell {
        name: "bash",
        script: include_str!("scripts/completion.bash"),
        set_up: "source <(PROGRAM completion bash)    # in ~/.bashrc",
    },
    Shell {
        name: "zsh",
        script: include_str!("scripts/completion.zsh"),
        set_up: "source <(PROGRAM completion zsh)     # in ~/.zshrc, after compinit",
    },
    Shell {
        name: "fish",
        script: include_str!("scripts/completion.fish"),
        set_up: "PROGRAM completion fish | source     # in ~/.config/fish/config.fish",
    },
    Shell {
        name: "powershell",
        script: include_str!("scripts/completion.ps1"),
        set_up: "PROGRAM completion powershell | Out-String | Invoke-Expression    # in $PROFILE",
    },
    Shell {
        name: "kubectl",
        script: if cfg!(windows) {
            include_str!("scripts/completer.cmd")
        } else {
            include_str!("scripts/completer.sh")
        },
        set_up: if cfg!(windows) {
            "PROGRAM completion kubectl > FOLDER_OF_PATH\\COMPLETER.cmd"
        } else {
            "ln -s \"$(command -v PROGRAM)\" ~/.local/bin/COMPLETER"
        },
    },
];

const HELP: &str = "\
Print a shell script that completes flags, kubeconfig names and API paths.

Usage: COMMAND completion bash|zsh|fish|powershell|kubectl

kubectl's own completion (see `kubectl completion --help`) also completes `COMMAND …`, once this completer is in a folder on your $PATH:

";

const HELP_OF_SHELLS: &str = "
To complete `PROGRAM …`, or an alias for it, add one line to your shell's startup file:

";

/// Prints the script for a shell, or the help. `words` are the arguments after `completion`.
pub(super) fn print(words: &[String], name: &CommandName) -> Result<(), Error> {
    let usage_error = |message: String| {
        let hint = for_program("run `COMMAND completion --help` for instructions", name);
        Err(Error::usage(message).with_hint(hint))
    };
    let text = match words {
        [] => help(),
        [word] if ["--help", "-h"].contains(&word.as_str()) => help(),
        [word] => match SHELLS.iter().find(|shell| shell.name == word) {
            Some(shell) => shell.script.to_owned(),
            None => {
                return usage_error(format!(
                    "unknown shell {word:?}: use bash, zsh, fish, powershell or kubectl"
                ));
            }
        },
        [_, word, ..] => {
            return usage_error(format!(
                "unexpected argument {word:?}: only one shell is allowed"
            ));
        }
    };
    output::write(for_program(&text, name).as_bytes())
}

fn help() -> String {
    let (shells, kubectl) = SHELLS.split_at(SHELLS.len() - 1);
    let line = |shell: &Shell| format!("  {}\n", shell.set_up);
    let shells: String = shells.iter().map(line).collect();
    let kubectl: String = kubectl.iter().map(line).collect();
    format!("{HELP}{kubectl}{HELP_OF_SHELLS}{shells}")
}

fn for_program(template: &str, name: &CommandName) -> String {
    template
        .replace("COMPLETER", &name.completer())
        .replace("PROGRAM", &name.file())
        .replace("COMMAND", &name.typed())
}
