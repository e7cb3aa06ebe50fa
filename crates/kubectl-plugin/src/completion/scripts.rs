//! `completion SHELL`: what makes a shell ask this program.
//!
//! The scripts are thin, as the answers come from the program: they hand the line over, and the
//! candidates to their shell. `PROGRAM` in them stands for the name of the program's file, under which
//! it is called again, and `COMMAND` for what the user types.

use crate::command::name::CommandName;
use crate::{Error, output};

/// A shell, its script, and the line that sets it up.
struct Shell {
    name: &'static str,
    script: &'static str,
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
        set_up: "source <(PROGRAM completion zsh)     # in ~/.zshrc, behind compinit",
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
Print what makes a shell complete flags, names of the kubeconfig and API paths.

Usage: COMMAND completion bash|zsh|fish|powershell|kubectl

`COMMAND …` is completed by kubectl's own completion (`kubectl completion --help`
sets it up), once kubectl finds a completer beside the plugin. This puts it into a
folder of PATH:

";

const HELP_OF_SHELLS: &str = "
`PROGRAM …`, which is also what an alias should stand for, is completed once your
shell has run one of these:

";

/// Prints the script that `words`, those behind `completion`, ask for.
pub(super) fn print(words: &[String], name: &CommandName) -> Result<(), Error> {
    let refused = |message| {
        let hint = for_program(
            "`COMMAND completion --help` says how to set each of them up",
            name,
        );
        Err(Error::usage(message).hinted(hint))
    };
    let word = match words {
        [] => "--help",
        [word] => word,
        _ => return refused("completion takes the name of one shell"),
    };
    let text = match SHELLS.iter().find(|shell| shell.name == word) {
        Some(shell) => shell.script.to_owned(),
        None if ["--help", "-h"].contains(&word) => help(),
        None => return refused("completion knows bash, zsh, fish, powershell and kubectl"),
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

fn for_program(text: &str, name: &CommandName) -> String {
    text.replace("COMPLETER", &name.completer())
        .replace("PROGRAM", &name.file())
        .replace("COMMAND", &name.typed())
}
