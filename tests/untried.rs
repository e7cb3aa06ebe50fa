//! The last word of `cargo test`: what was not tried on this machine, and how to get it.
//!
//! A test of completion in a shell that is not installed ends well, so that a newcomer's first run
//! does. That must not go unnoticed, and libtest shows nothing of a test that ended well; so this is
//! a program of its own, in the package that cargo tests last.

#[path = "shells.rs"]
mod shells;

use std::io::{self, Write};
use std::process::ExitCode;

use shells::Program;

fn main() -> ExitCode {
    let missing: Vec<&str> = Program::ALL
        .into_iter()
        .filter(|program| program.find().is_none())
        .map(Program::package)
        .collect();
    if missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    let packages = missing.join(" ");
    let _ = writeln!(
        io::stdout(),
        "\nnot tried: completion with {}, not installed here\n\
         hint: apt-get install {packages}; elsewhere the packages have the same names\n",
        missing.join(", ")
    );
    if shells::all_are_wanted() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
