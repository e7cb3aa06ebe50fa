//! A terminal without a person, for what a program does only at one.

use std::fs::File;
use std::io::Read;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A new terminal: the side from which it is watched, and the one that a program gets.
pub(crate) fn open() -> (File, File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    // It must not become the controlling terminal of the tests.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    (controller.into(), terminal.into())
}

/// All that was shown, once no program has the terminal any more: a `Command` that was given it
/// must be dropped before.
pub(crate) fn shown(mut controller: File) -> String {
    let mut shown = Vec::new();
    // Linux ends it with an error instead of nothing.
    let _ = controller.read_to_end(&mut shown);
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}
