//! Prints event lines on stdout and messages on stderr. All paths of a run share one printer, so that
//! their lines never mix.

use std::cell::RefCell;
use std::fmt::Write as _;

use jiff::Timestamp;
use kubectl_plugin::{Error, stderr};

use crate::args::WatchArgs;
use crate::output::format::Format;
use crate::output::goal::{Goal, Progress};
use crate::representation::Representation;
use crate::watcher::EventSink;
use crate::wire::event::{EventType, Line};
use crate::wire::page::Page;

/// The output of a run.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Printer {
    /// The event types that are printed.
    types: Vec<EventType>,
    bookmarks: bool,
    tag: bool,
    timestamps: bool,
    is_verbose: bool,
    format: Format,
    /// The conditions that every path must meet.
    goal: Option<Goal>,
    /// How many paths do not meet them.
    unmet_paths: usize,
    /// How many more lines are wanted; `None` is no limit.
    wanted: Option<u64>,
    /// A buffer for the line that is put together.
    line: Vec<u8>,
}

impl Printer {
    /// Builds the output that the flags ask for, for this number of paths.
    pub(crate) fn new(arguments: &WatchArgs, paths: usize) -> Result<Self, Error> {
        Ok(Self {
            format: Format::parse(arguments)?,
            goal: Goal::of(&arguments.conditions),
            unmet_paths: paths,
            types: if arguments.types.is_empty() {
                vec![EventType::Added, EventType::Modified, EventType::Deleted]
            } else {
                arguments.types.clone()
            },
            bookmarks: arguments.bookmarks,
            tag: arguments.tag,
            timestamps: arguments.timestamps,
            is_verbose: arguments.connection.is_verbose(),
            wanted: arguments.count,
            line: Vec::new(),
        })
    }

    /// Reports whether `--count` or `--for` ends the run.
    pub(crate) fn waits(&self) -> bool {
        self.wanted.is_some() || self.goal.is_some()
    }

    /// Reports whether there is a `--for`.
    pub(crate) fn has_goal(&self) -> bool {
        self.goal.is_some()
    }

    /// Reports whether objects are inspected, even if they are not printed.
    pub(crate) fn reads_objects(&self) -> bool {
        self.goal.is_some() || self.format.reads_objects()
    }

    /// Returns the representation that this output needs.
    pub(crate) fn representation(&self) -> Representation {
        match (self.format.is_table(), self.goal.is_some()) {
            (true, true) => Representation::TableWithObject,
            (true, false) => Representation::Table,
            (false, _) => Representation::Object,
        }
    }

    fn is_done(&self) -> bool {
        self.wanted == Some(0) || (self.goal.is_some() && self.unmet_paths == 0)
    }

    /// Writes a line of the server, with our members inserted: `synthetic`, and one for each flag.
    fn print(&mut self, path: &str, line: &[u8], synthetic: &str) -> Result<(), Error> {
        if synthetic.is_empty() && !self.tag && !self.timestamps {
            self.format.write(path, line)?;
        } else {
            let ours = self.ours(path, synthetic);
            let end = line
                .iter()
                .rposition(|&byte| byte == b'}')
                .unwrap_or(line.len());
            self.line.clear();
            self.line.extend_from_slice(&line[..end]);
            self.line.extend_from_slice(b",\"rawwatch\":{");
            self.line.extend_from_slice(ours.as_bytes());
            self.line.extend_from_slice(b"}}\n");
            self.format.write(path, &self.line)?;
        }
        if let Some(wanted) = &mut self.wanted {
            *wanted = wanted.saturating_sub(1);
        }
        Ok(())
    }

    /// Returns the members of the line's `rawwatch`.
    fn ours(&self, path: &str, synthetic: &str) -> String {
        let mut ours = String::new();
        if self.tag {
            // A path contains no character that JSON escapes.
            let _ = write!(ours, "\"path\":\"{path}\",");
        }
        if self.timestamps {
            let _ = write!(ours, "\"time\":\"{:.6}\",", Timestamp::now());
        }
        ours.push_str(synthetic);
        ours.truncate(ours.trim_end_matches(',').len());
        ours
    }
}

/// The output of one path.
pub(crate) struct PathPrinter<'a> {
    path: &'a str,
    printer: &'a RefCell<Printer>,
    progress: Progress,
    /// Whether the path meets the goal.
    is_met: bool,
}

impl<'a> PathPrinter<'a> {
    pub(crate) fn new(path: &'a str, printer: &'a RefCell<Printer>) -> Self {
        Self {
            path,
            printer,
            progress: Progress::default(),
            is_met: false,
        }
    }

    /// Updates the progress towards the goal from a line.
    fn approach(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let printer = self.printer.borrow();
        let Some(goal) = &printer.goal else {
            return Ok(());
        };
        self.progress.note(goal, line)?;
        drop(printer);
        self.compare_with_goal();
        Ok(())
    }

    /// Updates the number of paths that do not meet the goal.
    fn compare_with_goal(&mut self) {
        let mut printer = self.printer.borrow_mut();
        let is_met = printer
            .goal
            .as_ref()
            .is_some_and(|goal| goal.is_met(&self.progress));
        match (self.is_met, is_met) {
            (false, true) => printer.unmet_paths -= 1,
            (true, false) => printer.unmet_paths += 1,
            _ => {}
        }
        self.is_met = is_met;
    }
}

impl EventSink for PathPrinter<'_> {
    fn line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let mut printer = self.printer.borrow_mut();
        if printer.types.contains(&line.event_type) {
            printer.print(self.path, line.text, line.synthetic)?;
        } else {
            printer.format.learn(self.path, line.text)?;
        }
        drop(printer);
        self.approach(line)
    }

    fn seed(&mut self, line: &Line<'_>) -> Result<(), Error> {
        self.printer
            .borrow_mut()
            .format
            .learn(self.path, line.text)?;
        self.approach(line)
    }

    fn page(&mut self, page: &Page<'_>) {
        self.printer.borrow_mut().format.measure(self.path, page);
    }

    fn again(&mut self, line: &[u8]) {
        if let Format::Table(tables) = &mut self.printer.borrow_mut().format {
            tables.learn(self.path, line);
        }
    }

    fn synced(&mut self) {
        self.progress.sync();
        self.compare_with_goal();
    }

    fn bookmark(&mut self, line: &[u8]) -> Result<(), Error> {
        let mut printer = self.printer.borrow_mut();
        if printer.bookmarks {
            printer.print(self.path, line, "")?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.printer.borrow().is_done()
    }

    fn note(&mut self, text: &str) {
        stderr::say(text);
    }

    fn trace(&mut self, text: &str) {
        if self.printer.borrow().is_verbose {
            stderr::say(text);
        }
    }
}
