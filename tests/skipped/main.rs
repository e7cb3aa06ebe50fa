//! The end of `cargo test`: lists the tests that were skipped on this machine, and how to run them.
//!
//! A completion test passes when its shell is not installed, so that a newcomer's first run succeeds.
//! The skip must not go unnoticed, but libtest shows no output of a test that passes. So this is
//! a program without libtest, in the package that cargo tests last.

use std::io::{self, Write};
use std::process::ExitCode;

use support::{Program, programs_are_required};

fn main() -> ExitCode {
    let missing: Vec<&str> = Program::ALL
        .into_iter()
        .filter(|program| program.find().is_none())
        .map(Program::package)
        .collect();
    if missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(
        io::stdout(),
        "\nskipped: completion tests that need {}\n\
         hint: apt-get install {} (other systems use the same package names)\n",
        missing.join(", "),
        missing.join(" "),
    );
    if programs_are_required() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
