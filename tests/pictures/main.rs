//! The pictures in the documentation, compared with a new recording.

#![cfg(target_os = "linux")]

use std::process::Command;

use support::run;

#[test]
fn the_pictures_show_what_the_commands_print() {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    run(xtask.args(["pictures", "--check"]), "").succeeded();
}
