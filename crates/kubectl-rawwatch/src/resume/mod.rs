//! `--resume-file`: saves the position in each path's history, and the known objects, for the next
//! run.
//!
//! The file contains names, UIDs and versions, but no content of objects. It is replaced
//! atomically, so a crash leaves the previous version. After a signal or a regular end, the next
//! run starts exactly after the last line. After a `kill -9`, it may repeat some lines: before the
//! lines of a LIST are printed, the names of its objects are appended to the file, so that the next
//! run can report their deletion. Only one run at a time may use the file.

mod content;
mod lock;

use std::cell::{Cell, RefCell};
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use kubectl_plugin::Error;
use kubectl_plugin::replaced_file::ReplacedFile;
use kubectl_plugin::text::system_error;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::resume::content::{Announcement, Content, ContentError, PathContent};
use crate::resume::lock::Lock;
use crate::watcher::Watcher;
use crate::watcher::index::key_of;
use crate::watcher::saved::{Saved, Saving};
use crate::wire::page::Page;

/// The minimum interval between two writes.
const INTERVAL: Duration = Duration::from_secs(1);
/// The minimum pause between two writes, as a multiple of the time that a write takes.
const PAUSE_FACTOR: u32 = 20;

/// The resume file of a run.
pub(crate) struct ResumeFile {
    file: ReplacedFile,
    cluster: Cluster,
    /// The paths with their selectors, in the order of the watchers.
    paths: Vec<String>,
    /// Whether this run has read or written the file.
    exists: Cell<bool>,
    /// Requests a write before the next interval has passed.
    write_soon: Notify,
    _lock: Lock,
}

impl ResumeFile {
    /// Locks the file for this run, and checks that it can be written before anything is sent.
    pub(crate) fn open(name: &str, paths: Vec<String>) -> Result<Self, Error> {
        let file = ReplacedFile::find("--resume-file", name)?;
        let lock = Lock::take(&file).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => file
                .refused("another run is using this file")
                .with_hint("use a different file for each run"),
            _ => file.refused(&system_error::reason(&error)),
        })?;
        file.check_writable()?;
        Ok(Self {
            file,
            cluster: Cluster::default(),
            paths,
            exists: Cell::new(false),
            write_soon: Notify::new(),
            _lock: lock,
        })
    }

    /// Returns the state that the last run saved, in the order of the paths, or `None` if there is
    /// no file. Checks that it was saved for this cluster and these paths.
    pub(crate) fn read(&mut self, cluster: Cluster) -> Result<Option<Vec<Saved>>, Error> {
        let bytes = match fs::read(self.file.path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.cluster = cluster;
                return Ok(None);
            }
            Err(error) => return Err(self.file.refused(&system_error::reason(&error))),
        };
        let content = content::parse(&bytes).map_err(|error| match error {
            ContentError::Newer(format) => self
                .file
                .refused(&format!(
                    "saved by a newer version of kubectl rawwatch (format {format})"
                ))
                .with_hint("update kubectl rawwatch, or choose another --resume-file"),
            ContentError::Other => self.start_over("not a resume file"),
        })?;
        self.cluster = cluster
            .confirm(content.cluster())
            .ok_or_else(|| self.start_over("saved for another cluster"))?;
        let paths = content.paths.iter().map(|path| path.path.as_str());
        if !paths.eq(self.paths.iter().map(String::as_str)) {
            return Err(self.start_over("saved for other paths or selectors"));
        }
        self.exists.set(true);
        let paths = content.paths.into_iter();
        Ok(Some(paths.map(|path| path.saved).collect()))
    }

    /// Saves the current state of the watchers, if there is something to resume.
    pub(crate) fn write(&self, watchers: &[RefCell<Watcher>]) -> Result<(), Error> {
        let watchers: Vec<_> = watchers.iter().map(RefCell::borrow).collect();
        if !watchers.iter().any(|watcher| watcher.can_be_resumed()) {
            return Ok(());
        }
        let saved = watchers.iter().map(|watcher| watcher.saving());
        self.replace(saved)
            .map_err(|error| self.file.not_written(&error))
    }

    /// Saves the names of the objects in a page before their lines are printed. `number` is the
    /// number of the path.
    pub(crate) fn announce(&self, number: usize, page: &Page<'_>) -> Result<(), Error> {
        if page.items.is_empty() {
            return Ok(());
        }
        let identities = page.items.iter().filter_map(|item| page.identity(item));
        let announcement = Announcement {
            path: number,
            listed: identities
                .map(|identity| (key_of(&identity), identity.uid.to_owned()))
                .collect(),
        };
        self.append(&announcement)
            .map_err(|error| self.file.not_written(&error))
    }

    fn append(&self, announcement: &Announcement) -> io::Result<()> {
        if !self.exists.get() {
            let empty = Saved::default();
            self.replace(self.paths.iter().map(|_| Saving {
                cursor: None,
                is_partial: false,
                index: &empty.index,
            }))?;
        }
        let mut line = serde_json::to_vec(announcement)?;
        line.insert(0, b'\n');
        let mut file = OpenOptions::new().append(true).open(self.file.path())?;
        file.write_all(&line)
    }

    fn replace<'a>(&self, saved: impl Iterator<Item = Saving<'a>>) -> io::Result<()> {
        let paths = self.paths.iter().zip(saved);
        let content = Content::new(
            &self.cluster,
            paths
                .map(|(path, saved)| PathContent {
                    path: path.clone(),
                    saved,
                })
                .collect(),
        );
        self.file
            .replace(|writer| Ok(serde_json::to_writer(writer, &content)?))?;
        self.exists.set(true);
        Ok(())
    }

    /// Requests a write as soon as the current step is over.
    pub(crate) fn write_soon(&self) {
        self.write_soon.notify_one();
    }

    /// Saves the state periodically, if it has changed. Returns only after an error.
    pub(crate) async fn save_periodically(&self, watchers: &[RefCell<Watcher>]) -> Error {
        let revision = || -> u64 {
            let revisions = watchers.iter().map(|watcher| watcher.borrow().revision);
            revisions.sum()
        };
        let (mut written, mut pause) = (revision(), INTERVAL);
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.write_soon.notified() => {}
            }
            let now = revision();
            if now != written {
                let start = Instant::now();
                if let Err(error) = self.write(watchers) {
                    return error;
                }
                pause = INTERVAL.max(start.elapsed() * PAUSE_FACTOR);
                written = now;
            }
        }
    }

    fn start_over(&self, why: &str) -> Error {
        let file = self.file.name();
        self.file.refused(why).with_hint(format!(
            "choose another --resume-file, or delete {file} to start over"
        ))
    }
}
