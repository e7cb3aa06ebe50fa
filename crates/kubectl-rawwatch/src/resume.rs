//! `--resume-file`: saves the position in each path's history, and the known objects, for the next
//! run.
//!
//! The file contains names, UIDs and versions, but no content of objects. It is replaced
//! atomically, so a crash leaves the previous version. After a signal or a regular end, the next
//! run starts exactly after the last line. After a `kill -9`, it may repeat some lines. Only one
//! run at a time may use the file.

use std::cell::RefCell;
use std::fs;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use kubectl_plugin::text::system_error;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::watcher::Watcher;
use crate::watcher::saved::Saved;

/// The minimum interval between two writes.
const INTERVAL: Duration = Duration::from_secs(1);
/// The minimum pause between two writes, as a multiple of the time that a write takes.
const PAUSE_FACTOR: u32 = 20;

/// The content of the file. It is written from references and read into values.
#[derive(Serialize, Deserialize)]
struct Content<S> {
    /// The identity of the cluster.
    server: String,
    paths: Vec<PathContent<S>>,
}

#[derive(Serialize, Deserialize)]
struct PathContent<S> {
    /// The path with its selectors.
    path: String,
    #[serde(flatten)]
    saved: S,
}

/// The resume file of a run.
pub(crate) struct ResumeFile {
    file: PathBuf,
    server: String,
    /// The paths with their selectors, in the order of the watchers.
    paths: Vec<String>,
    /// The lock file, which is locked for the whole run. The resume file itself cannot serve as the
    /// lock, because it is replaced. The lock file is never removed, because another run may have
    /// opened it.
    _lock: File,
}

impl ResumeFile {
    /// Locks the file for this run, and checks that it can be written before a line is printed.
    pub(crate) fn open(file: &str, server: String, paths: Vec<String>) -> Result<Self, Error> {
        let refused = |why: &str| Error::usage(format!("--resume-file={file}: {why}"));
        let path = PathBuf::from(file);
        if path.file_name().is_none() || path.is_dir() {
            return Err(refused("not a file"));
        }
        let lock = private().create(true).open(companion_path(&path, ".lock"));
        let lock = lock.map_err(|error| refused(&system_error::reason(&error)))?;
        // A file system may not support locks. Then the run continues without one.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(
                refused("in use by another run").with_hint("use a different file for each run")
            );
        }
        let new = companion_path(&path, ".new");
        create(&new)
            .and_then(|_| fs::remove_file(&new))
            .map_err(|error| refused(&system_error::reason(&error)))?;
        Ok(Self {
            file: path,
            server,
            paths,
            _lock: lock,
        })
    }

    /// Reads the state that the last run saved, in the order of the paths. Returns `None` if there
    /// is no file.
    pub(crate) fn read(&self) -> Result<Option<Vec<Saved>>, Error> {
        let refused = |why: &str| {
            let file = self.file.display();
            Error::usage(format!("--resume-file={file}: {why}"))
        };
        let start_over = |why| {
            let file = self.file.display();
            let hint = format!("choose another --resume-file, or delete {file} to start over");
            refused(why).with_hint(hint)
        };
        let bytes = match fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(&system_error::reason(&error))),
        };
        let content: Content<Saved> =
            serde_json::from_slice(&bytes).map_err(|_| start_over("not a resume file"))?;
        let paths: Vec<&str> = content
            .paths
            .iter()
            .map(|saved| saved.path.as_str())
            .collect();
        let differs = if content.server != self.server {
            Some("saved for another cluster")
        } else if paths != self.paths {
            Some("saved for other paths or selectors")
        } else {
            None
        };
        if let Some(what) = differs {
            return Err(start_over(what));
        }
        Ok(Some(
            content.paths.into_iter().map(|path| path.saved).collect(),
        ))
    }

    /// Saves the current state of the watchers.
    pub(crate) fn write(&self, watchers: &[RefCell<Watcher>]) -> Result<(), Error> {
        self.replace(watchers).map_err(|error| {
            let reason = system_error::reason(&error);
            Kind::Format(format!("--resume-file={}: {reason}", self.file.display())).into()
        })
    }

    fn replace(&self, watchers: &[RefCell<Watcher>]) -> io::Result<()> {
        let watchers: Vec<_> = watchers.iter().map(RefCell::borrow).collect();
        let paths = self.paths.iter().zip(&watchers);
        let content = Content {
            server: self.server.clone(),
            paths: paths
                .map(|(path, watcher)| PathContent {
                    path: path.clone(),
                    saved: watcher.saving(),
                })
                .collect(),
        };
        let new = companion_path(&self.file, ".new");
        let mut writer = BufWriter::new(create(&new)?);
        serde_json::to_writer(&mut writer, &content)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        fs::rename(&new, &self.file)
    }

    /// Saves the state periodically, if it has changed. Returns only after an error.
    pub(crate) async fn save_periodically(&self, watchers: &[RefCell<Watcher>]) -> Error {
        let revision = || -> u64 {
            let revisions = watchers.iter().map(|watcher| watcher.borrow().revision);
            revisions.sum()
        };
        let (mut written, mut pause) = (revision(), INTERVAL);
        loop {
            sleep(pause).await;
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
}

/// Returns options for a file that only the user may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a file. Removes an existing file of that name first, because another user may have put
/// it there.
fn create(file: &Path) -> io::Result<File> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => private().create_new(true).open(file),
    }
}

/// Returns the path of a companion of the resume file: `.lock`, or `.new` for an incomplete new
/// version.
fn companion_path(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}
