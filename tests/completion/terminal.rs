//! An interactive shell on a pseudo-terminal, to type into.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Winsize, tcsetwinsize};
use support::{Program, pseudo_terminal};

/// Ctrl-X Ctrl-P, which the shells below bind to a command that writes the line to a file and clears it.
const DUMP_KEY: &[u8] = b"\x18\x10";
const PROMPT: &str = "ready> ";

/// An interactive shell.
pub(crate) struct Terminal {
    controller: File,
    child: Child,
    /// The output since [`Self::line_after`] was last called.
    screen: Arc<Mutex<Vec<u8>>>,
    dump: PathBuf,
}

impl Terminal {
    /// Starts a shell with `set_up` in its start-up file. It gets only the given variables and the files in
    /// `home`.
    pub(crate) fn start(
        shell: Program,
        home: &Path,
        variables: &[(String, String)],
        set_up: &str,
    ) -> Self {
        let program = match shell {
            Program::BashCompletion => Program::Bash,
            shell => shell,
        };
        let program = program.find().unwrap();
        let dump = home.join("dump");
        let start_up = start_up(shell, home, &dump, set_up);
        let (controller, terminal) = pseudo_terminal::open();
        let size = Winsize {
            ws_row: 50,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&controller, size).unwrap();
        // fish requires a controlling terminal.
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait"])
            .arg(program)
            .args(start_up)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("HOME", home)
            .env("ZDOTDIR", home)
            .env("XDG_CONFIG_HOME", home)
            .env("XDG_DATA_HOME", home)
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .current_dir(home)
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal);
        let child = command.spawn().unwrap();
        drop(command);
        let screen = Arc::default();
        read_in_the_background(controller.try_clone().unwrap(), Arc::clone(&screen));
        let terminal = Self {
            controller,
            child,
            screen,
            dump,
        };
        terminal.wait("the prompt", || {
            terminal.shown().contains(PROMPT).then_some(())
        });
        terminal
    }

    /// Types `keys`, and returns the resulting line. Then clears the line.
    pub(crate) fn line_after(&mut self, keys: &str) -> String {
        self.screen.lock().unwrap().clear();
        self.controller.write_all(keys.as_bytes()).unwrap();
        self.controller.write_all(DUMP_KEY).unwrap();
        let line = self.wait(keys, || fs::read_to_string(&self.dump).ok());
        fs::remove_file(&self.dump).unwrap();
        line
    }

    /// Returns the output since the last call of [`Self::line_after`], without escape sequences.
    pub(crate) fn shown(&self) -> String {
        let screen = String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned();
        let mut pieces = screen.split('\u{1b}');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = match piece.as_bytes() {
                [b'[', ..] => piece[1..]
                    .find(|end: char| end.is_ascii_alphabetic())
                    .map(|end| end + 2),
                _ => Some(2),
            };
            text.push_str(end.and_then(|end| piece.get(end..)).unwrap_or_default());
        }
        text
    }

    /// Waits until all of these texts are shown.
    pub(crate) fn shows(&self, texts: &[&str]) {
        self.wait(&texts.join(", "), || {
            let shown = self.shown();
            texts.iter().all(|text| shown.contains(text)).then_some(())
        });
    }

    fn wait<T>(&self, what: &str, done: impl Fn() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = done() {
                return value;
            }
            assert!(
                start.elapsed() < Duration::from_mins(1),
                "{what:?} did not end; shown is: {}",
                self.shown()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Interactive shells ignore SIGTERM.
        let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Writes the start-up file of a shell. Returns arguments that keep it from reading any other.
fn start_up(shell: Program, home: &Path, dump: &Path, set_up: &str) -> Vec<String> {
    let dump = dump.display();
    // The file gets its name once it is complete.
    let finish = format!("> {dump}.new; command mv {dump}.new {dump}");
    let (file, text, arguments) = match shell {
        Program::Zsh => (
            ".zshrc",
            format!(
                "autoload -U compinit && compinit -u -D\n\
                 {set_up}\n\
                 LISTMAX=1000\n\
                 dump() {{ print -rn -- \"$BUFFER\" {finish}; BUFFER=; }}\n\
                 zle -N dump\n\
                 bindkey '^X^P' dump\n\
                 PS1='{PROMPT}'\n"
            ),
            vec!["-d".to_owned(), "-i".to_owned()],
        ),
        Program::Fish => (
            "fish/config.fish",
            format!(
                "{set_up}\n\
                 function fish_greeting; end\n\
                 function fish_prompt; echo -n '{PROMPT}'; end\n\
                 function dump; commandline | string collect {finish}; commandline -r ''; end\n\
                 bind \\cx\\cp dump\n"
            ),
            vec!["-i".to_owned()],
        ),
        _ => (
            "bashrc",
            format!(
                "{set_up}\n\
                 bind 'set completion-query-items 0'\n\
                 bind 'set page-completions off'\n\
                 dump() {{ printf %s \"$READLINE_LINE\" {finish}; READLINE_LINE= READLINE_POINT=0; }}\n\
                 bind -x '\"\\C-x\\C-p\": dump'\n\
                 PS1='{PROMPT}'\n"
            ),
            vec![
                "--noprofile".to_owned(),
                "--rcfile".to_owned(),
                home.join("bashrc").display().to_string(),
                "-i".to_owned(),
            ],
        ),
    };
    let file = home.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    arguments
}

fn read_in_the_background(mut controller: File, screen: Arc<Mutex<Vec<u8>>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = controller.read(&mut buffer) {
            screen.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
    });
}
