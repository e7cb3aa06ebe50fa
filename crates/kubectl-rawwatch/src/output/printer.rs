//! Prints event lines on stdout and messages on stderr. All paths of a run share one printer, so that
//! their lines never mix.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::time::Duration;

use jiff::Timestamp;
use kubectl_plugin::error::Kind;
use kubectl_plugin::stderr::progress::Progress;
use kubectl_plugin::text::terminal;
use kubectl_plugin::{Error, stderr};

use crate::args::WatchArgs;
use crate::output::fields::{Field, Fields};
use crate::output::format::Format;
use crate::output::goal::{Goal, GoalProgress, Subject};
use crate::output::history::{Change, History};
use crate::representation::Representation;
use crate::resume::ResumeFile;
use crate::watcher::EventSink;
use crate::wire::event::{EventType, Line};
use crate::wire::page::Page;

/// The output of a run.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Printer {
    /// The event types that are printed.
    types: Vec<EventType>,
    /// The field managers whose changes are printed; empty for all.
    managers: Vec<String>,
    /// The fields whose changes are printed; empty for all.
    fields: Vec<Field>,
    bookmarks: bool,
    tag: bool,
    timestamps: bool,
    is_verbose: bool,
    /// Whether an event that does not fit the format ends the run.
    is_strict: bool,
    format: Format,
    /// The conditions that every path must meet.
    goal: Option<Goal>,
    /// The progress of each path towards the goal.
    progress: Vec<GoalProgress>,
    /// A line about the progress on the terminal.
    progress_line: Option<Progress>,
    /// The number of paths that do not meet the goal.
    unmet_paths: usize,
    /// The number of lines that are still wanted; `None` means no limit.
    wanted: Option<u64>,
    /// The value of `--count`.
    count: Option<u64>,
    /// A buffer for a line with inserted members.
    line: Vec<u8>,
}

impl Printer {
    /// Creates the output for the flags and a number of paths.
    pub(crate) fn new(arguments: &WatchArgs, paths: usize) -> Result<Self, Error> {
        Ok(Self {
            format: Format::parse(arguments)?,
            goal: Goal::new(
                &arguments.conditions,
                &arguments.any_conditions,
                &arguments.failures,
                arguments.stable,
                arguments.at_least,
            ),
            progress: std::iter::repeat_with(GoalProgress::default)
                .take(paths)
                .collect(),
            progress_line: has_progress_line(arguments).then(Progress::start),
            unmet_paths: paths,
            types: if arguments.types.is_empty() {
                vec![EventType::Added, EventType::Modified, EventType::Deleted]
            } else {
                arguments.types.clone()
            },
            managers: arguments.by.clone(),
            fields: arguments.only.clone(),
            bookmarks: arguments.bookmarks,
            tag: arguments.tag,
            timestamps: arguments.timestamps,
            is_verbose: arguments.connection.is_verbose(),
            is_strict: arguments.strict_output,
            wanted: arguments.count,
            count: arguments.count,
            line: Vec::new(),
        })
    }

    /// Returns a note for the user about the output format.
    pub(crate) fn note(&self) -> Option<String> {
        self.format.note()
    }

    /// Reports whether `--count`, `--for` or `--for-any` ends the run.
    pub(crate) fn has_end_condition(&self) -> bool {
        self.wanted.is_some() || self.goal.as_ref().is_some_and(Goal::is_awaited)
    }

    /// Reports whether there is a `--for` that needs objects to exist.
    pub(crate) fn awaits_objects(&self) -> bool {
        self.goal.as_ref().is_some_and(Goal::awaits_objects)
    }

    /// Fails if there is a `--for` that makes no sense for a resource. `is_apps` says whether it belongs
    /// to the API group `apps`.
    pub(crate) fn check_resource(&self, resource: &str, is_apps: bool) -> Result<(), Error> {
        let goal = self.goal.as_ref();
        goal.map_or(Ok(()), |goal| goal.check_resource(resource, is_apps))
    }

    /// Returns a line for each reason why a path does not meet the goal.
    pub(crate) fn shortfall(&self, path: usize, subject: &Subject) -> Vec<String> {
        let goal = self.goal.as_ref();
        goal.map(|goal| goal.shortfall(&self.progress[path], subject))
            .unwrap_or_default()
    }

    /// Returns a line for each condition of `--for-any` that a path meets, if all paths do.
    pub(crate) fn met_by(&self, path: usize, subject: &Subject) -> Vec<String> {
        let goal = self.goal.as_ref().filter(|_| self.unmet_paths == 0);
        goal.map(|goal| goal.met_by(&self.progress[path], subject))
            .unwrap_or_default()
    }

    /// Returns a line about the events that `--count` still waits for.
    pub(crate) fn missing_count(&self) -> Option<String> {
        let (wanted, count) = (self.wanted?, self.count?);
        (wanted > 0).then(|| format!("{} of {count} events were printed", count - wanted))
    }

    /// Reports whether there is a line about the progress.
    pub(crate) fn has_progress_line(&self) -> bool {
        self.progress_line.is_some() && self.has_end_condition()
    }

    /// Shows what is awaited, and for how long, on the terminal.
    pub(crate) fn show_progress(&self, elapsed: Duration) {
        let Some(line) = &self.progress_line else {
            return;
        };
        let goal = self.goal.as_ref().filter(|goal| goal.is_awaited());
        let goal = goal.map(|goal| goal.sentence(&self.progress));
        let count = self.count.zip(self.wanted);
        let count = count.map(|(count, wanted)| format!("{} of {count} events", count - wanted));
        let parts: Vec<String> = goal.into_iter().chain(count).collect();
        let text = format!("{}, {} s", parts.join(", "), elapsed.as_secs());
        // This is the width of stdout. If that is a file, the width of stderr is not known.
        let width = terminal::width().unwrap_or(80);
        line.show(&terminal::fit(&terminal::printable(&text, ""), Some(width)));
    }

    /// Reports whether objects are inspected, even if they are not printed.
    pub(crate) fn reads_objects(&self) -> bool {
        self.goal.is_some() || self.needs_changes() || !self.fields.is_empty()
    }

    /// Reports whether the changes of objects are needed, and with them their earlier states.
    pub(crate) fn needs_changes(&self) -> bool {
        self.format.needs_changes() || !self.managers.is_empty()
    }

    /// Reports whether an event is printed.
    fn is_wanted(&self, event_type: EventType, change: Option<&Change>) -> bool {
        let is_by = |change: &Change| {
            let mut writers = change.writers.iter();
            writers.any(|writer| self.managers.contains(&writer.name))
        };
        self.types.contains(&event_type) && (self.managers.is_empty() || change.is_some_and(is_by))
    }

    /// Returns the representation that this output needs.
    pub(crate) fn representation(&self) -> Representation {
        match (self.format.is_table(), self.reads_objects()) {
            (true, true) => Representation::TableWithObject,
            (true, false) => Representation::Table,
            (false, _) => Representation::Object,
        }
    }

    fn is_done(&self) -> bool {
        self.wanted == Some(0) || (self.goal.is_some() && self.unmet_paths == 0)
    }

    /// Prints a line about an event type and a name, and counts it. A line that does not fit the
    /// format is reported instead: the other objects may fit it.
    fn print(
        &mut self,
        path: &str,
        line: &[u8],
        synthetic: &str,
        subject: (&str, &str),
        change: Option<&Change>,
    ) -> Result<(), Error> {
        if let Some(line) = &self.progress_line {
            line.show("");
        }
        match self.write(path, line, synthetic, change) {
            Ok(()) => {
                if let Some(wanted) = &mut self.wanted {
                    *wanted = wanted.saturating_sub(1);
                }
                Ok(())
            }
            Err(error) => self.report_unfit(path, subject, error),
        }
    }

    /// Writes a line with the members of `rawwatch` inserted: `synthetic`, and one for each flag.
    fn write(
        &mut self,
        path: &str,
        line: &[u8],
        synthetic: &str,
        change: Option<&Change>,
    ) -> Result<(), Error> {
        if synthetic.is_empty() && !self.tag && !self.timestamps {
            return self.format.write(path, line, change);
        }
        let members = self.rawwatch_members(path, synthetic);
        let end = line
            .iter()
            .rposition(|&byte| byte == b'}')
            .unwrap_or(line.len());
        self.line.clear();
        self.line.extend_from_slice(&line[..end]);
        self.line.extend_from_slice(b",\"rawwatch\":{");
        self.line.extend_from_slice(members.as_bytes());
        self.line.extend_from_slice(b"}}\n");
        self.format.write(path, &self.line, change)
    }

    /// Reports an event that does not fit the format. Returns the errors that end the run.
    fn report_unfit(&self, path: &str, subject: (&str, &str), error: Error) -> Result<(), Error> {
        if self.is_strict || !matches!(error.kind(), Kind::Format(_) | Kind::Protocol(_)) {
            return Err(error);
        }
        let (event_type, name) = subject;
        let error = error.to_string();
        let reason = error.strip_prefix("error: ").unwrap_or(&error);
        stderr::say(&format!(
            "rawwatch: {path}: cannot print {event_type} {name}: {reason}"
        ));
        Ok(())
    }

    /// Returns the members of `rawwatch` for a line.
    fn rawwatch_members(&self, path: &str, synthetic: &str) -> String {
        let mut members = String::new();
        if self.tag {
            // A path contains no character that JSON escapes.
            let _ = write!(members, "\"path\":\"{path}\",");
        }
        if self.timestamps {
            let _ = write!(members, "\"time\":\"{:.6}\",", Timestamp::now());
        }
        members.push_str(synthetic);
        members.truncate(members.trim_end_matches(',').len());
        members
    }
}

/// Reports whether a terminal shows the progress. A template may end in the middle of a line, which
/// the progress would erase.
fn has_progress_line(arguments: &WatchArgs) -> bool {
    let format = arguments.output.as_deref().unwrap_or_default();
    io::stderr().is_terminal() && (!io::stdout().is_terminal() || !format.starts_with("jsonpath"))
}

/// The output of one path.
pub(crate) struct PathPrinter<'a> {
    path: &'a str,
    subject: &'a Subject,
    /// The number of the path.
    index: usize,
    printer: &'a RefCell<Printer>,
    resume_file: Option<&'a ResumeFile>,
    /// The earlier states of the objects, if they are needed.
    history: Option<History>,
    /// The values of the fields of `--only`.
    fields: Option<Fields>,
    /// Whether the path currently meets the goal.
    is_met: bool,
}

impl<'a> PathPrinter<'a> {
    pub(crate) fn new(
        path: &'a str,
        subject: &'a Subject,
        index: usize,
        printer: &'a RefCell<Printer>,
    ) -> Self {
        let history = printer.borrow().needs_changes().then(History::default);
        Self {
            path,
            subject,
            index,
            printer,
            history,
            fields: Fields::new(&printer.borrow().fields),
            resume_file: None,
            is_met: false,
        }
    }

    /// Saves the names of listed objects to this file before they are printed.
    pub(crate) fn saving_to(self, resume_file: Option<&'a ResumeFile>) -> Self {
        Self {
            resume_file,
            ..self
        }
    }

    /// Returns the members of `rawwatch` for an event, or `None` if it changes no field of `--only`.
    fn members(&mut self, line: &Line<'_>) -> Option<String> {
        let mut members = line.synthetic.to_owned();
        if let Some(fields) = &mut self.fields {
            let changed = fields.record(line)?;
            if !members.is_empty() && !changed.is_empty() {
                members.push(',');
            }
            members.push_str(&changed);
        }
        Some(members)
    }

    /// Returns the change of an object, if it is needed. Reports an event that is not valid JSON.
    fn change(&mut self, line: &Line<'_>) -> Result<Option<Change>, Error> {
        let Some(history) = &mut self.history else {
            return Ok(None);
        };
        history.record(line).map(Some).or_else(|error| {
            let printer = self.printer.borrow();
            printer.report_unfit(self.path, line.subject(), error)?;
            Ok(None)
        })
    }

    /// Updates the progress towards the goal from a line.
    fn approach(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let mut printer = self.printer.borrow_mut();
        let Printer { goal, progress, .. } = &mut *printer;
        let Some(goal) = goal else {
            return Ok(());
        };
        let notes = progress[self.index].update(goal, line, self.subject)?;
        drop(printer);
        for note in notes {
            stderr::say(&note);
        }
        self.compare_with_goal();
        Ok(())
    }

    /// Updates the number of paths that do not meet the goal.
    fn compare_with_goal(&mut self) {
        let mut printer = self.printer.borrow_mut();
        let is_met = printer
            .goal
            .as_ref()
            .is_some_and(|goal| goal.is_met(&printer.progress[self.index]));
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
        let change = self.change(line)?;
        let is_readable = change.is_some() || self.history.is_none();
        let members = self.members(line).filter(|_| is_readable);
        let mut printer = self.printer.borrow_mut();
        let is_wanted = printer.is_wanted(line.event_type, change.as_ref());
        if let Some(members) = members.filter(|_| is_wanted) {
            let subject = line.subject();
            printer.print(self.path, line.text, &members, subject, change.as_ref())?;
        } else {
            printer.format.learn(self.path, line.text);
        }
        drop(printer);
        self.approach(line)
    }

    fn existing(&mut self, line: &Line<'_>) -> Result<(), Error> {
        self.change(line)?;
        self.members(line);
        self.printer.borrow_mut().format.learn(self.path, line.text);
        self.approach(line)
    }

    fn page(&mut self, page: &Page<'_>) -> Result<(), Error> {
        self.printer.borrow_mut().format.measure(self.path, page);
        match self.resume_file {
            Some(file) => file.announce(self.index, page),
            None => Ok(()),
        }
    }

    fn duplicate(&mut self, line: &[u8]) {
        if let Format::Table(tables) = &mut self.printer.borrow_mut().format {
            tables.learn(self.path, line);
        }
    }

    fn synced(&mut self) {
        if let Some(file) = self.resume_file {
            file.write_soon();
        }
        self.printer.borrow_mut().progress[self.index].sync();
        self.compare_with_goal();
    }

    fn stable(&mut self, is_stable: bool) {
        self.printer.borrow_mut().progress[self.index].set_stable(is_stable);
        self.compare_with_goal();
    }

    fn bookmark(&mut self, line: &[u8]) -> Result<(), Error> {
        let mut printer = self.printer.borrow_mut();
        if printer.bookmarks {
            printer.print(self.path, line, "", ("BOOKMARK", ""), None)?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.printer.borrow().is_done()
    }

    fn message(&mut self, text: &str) {
        stderr::say(text);
    }

    fn trace(&mut self, text: &str) {
        if self.printer.borrow().is_verbose {
            stderr::say(text);
        }
    }
}
