//! A pseudo-terminal, for testing what a program does only on a terminal.

use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Command};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Opens a pseudo-terminal. Returns the side that the test reads, and the side for a program.
pub fn open() -> (File, File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    // The terminal must not become the controlling terminal of the tests.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    (controller.into(), terminal.into())
}

/// Starts a command that `connect` connects to a pseudo-terminal. Returns the process, and everything shown
/// until no program has the terminal open.
#[track_caller]
pub fn show(mut command: Command, connect: impl FnOnce(&mut Command, File)) -> (Child, String) {
    let (controller, terminal) = open();
    connect(&mut command, terminal);
    let child = command.spawn().unwrap();
    // The command holds the terminal open, too.
    drop(command);
    (child, shown(controller))
}

/// Reads everything shown until no program has the terminal open. Drop any `Command` that holds it
/// first.
pub fn shown(mut controller: File) -> String {
    let mut shown = Vec::new();
    // On Linux the end of the output is an error.
    let _ = controller.read_to_end(&mut shown);
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}
