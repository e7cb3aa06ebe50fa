//! A pseudo-terminal, for testing what a program does only on a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::mem;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// The time in which a program ends after the last input.
const TIME_TO_END: Duration = Duration::from_secs(50);

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

/// A program on a terminal that controls it, and the user at this terminal.
pub struct Session {
    child: Child,
    controller: File,
    /// Keeps the terminal open while the program itself does not.
    terminal: Option<File>,
    shown: String,
}

impl Session {
    /// Starts a program with `/dev/tty`. Its stdin, stdout and stderr are those of `command`, or the
    /// terminal. `command` is a program with its arguments and its environment.
    #[track_caller]
    pub fn start(command: &Command, connect: impl FnOnce(&mut Command)) -> Self {
        let (controller, terminal) = open();
        // Only a program itself can make a terminal control it, and setsid does so with its stdin.
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program());
        session.args(command.get_args()).env_clear();
        session.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let side = || terminal.try_clone().unwrap();
        session.stdin(side()).stdout(side()).stderr(side());
        connect(&mut session);
        let child = session.spawn().unwrap();
        drop(session);
        Self {
            child,
            controller,
            terminal: Some(terminal),
            shown: String::new(),
        }
    }

    /// Waits until the terminal shows `text`.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while !self.shown.contains(text) {
            let count = self.controller.read(&mut buffer).unwrap_or_default();
            assert!(count > 0, "{text:?} is not in {:?}", self.shown);
            self.shown += &String::from_utf8_lossy(&buffer[..count]).replace("\r\n", "\n");
        }
    }

    /// Types on the terminal.
    #[track_caller]
    pub fn enter(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end of the program. Returns everything that the terminal showed, which must fit into
    /// its buffer.
    #[track_caller]
    pub fn end(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + TIME_TO_END;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            sleep(Duration::from_millis(10));
        };
        drop(self.terminal.take());
        (
            status,
            mem::take(&mut self.shown) + &shown(self.controller.try_clone().unwrap()),
        )
    }
}

/// Kills the program, because after a failed test it would wait for an answer forever.
impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
