//! The pictures in the documentation, compared with a new recording.

#![cfg(target_os = "linux")]

use std::process::Command;

#[test]
fn the_pictures_show_what_the_commands_print() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["pictures", "--check"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}
