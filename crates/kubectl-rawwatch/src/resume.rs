//! `--resume-file`: the progress of every path, and the known objects, for the next run.
//!
//! The file holds names, UIDs and versions, and no content of objects. It is replaced atomically, so a crash
//! leaves the old one. After a signal or a regular end, the next run starts exactly after the last line;
//! after a `kill -9`, some lines may be repeated. Only one run at a time may use the file.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::watcher::Watcher;
use crate::watcher::saved::Saved;

/// The minimum interval between two writes.
const INTERVAL: Duration = Duration::from_secs(1);
/// The inverse of the share of time that may be spent on writing.
const SHARE: u32 = 20;

/// The whole file. It is written from references and read into values.
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
    /// Locked for the whole run. It is not the resume file, which is replaced. It is never removed, because the
    /// next run may already be waiting for it.
    _lock: File,
}

impl ResumeFile {
    /// Locks the file for this run, and checks that it can be written before a line is printed.
    pub(crate) fn open(file: &str, server: String, paths: Vec<String>) -> Result<Self, Error> {
        let refused = |why: &dyn Display| Error::usage(format!("--resume-file: {file}: {why}"));
        let path = PathBuf::from(file);
        if path.file_name().is_none() || path.is_dir() {
            return Err(refused(&"it is not a file name"));
        }
        let lock = private().create(true).open(beside(&path, ".lock"));
        let lock = lock.map_err(|error| refused(&error))?;
        // On a file system without locks, there is none.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(
                refused(&"it is in use by another run").hinted("use a different file for each run")
            );
        }
        let new = beside(&path, ".new");
        create(&new)
            .and_then(|_| fs::remove_file(&new))
            .map_err(|error| refused(&error))?;
        Ok(Self {
            file: path,
            server,
            paths,
            _lock: lock,
        })
    }

    /// Reads what the last run saved, in the order of the paths; `None` if there is no file.
    pub(crate) fn read(&self) -> Result<Option<Vec<Saved>>, Error> {
        let shown = self.file.display();
        let bytes = match fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::usage(format!("--resume-file: {shown}: {error}"))),
        };
        let content: Content<Saved> = serde_json::from_slice(&bytes).map_err(|_| {
            Error::usage(format!(
                "--resume-file: {shown} was not written by this plugin"
            ))
            .hinted("use another name, or remove the file to start over")
        })?;
        let paths: Vec<&str> = content
            .paths
            .iter()
            .map(|saved| saved.path.as_str())
            .collect();
        let differs = if content.server != self.server {
            Some("another server")
        } else if paths != self.paths {
            Some("other paths or selectors")
        } else {
            None
        };
        if let Some(what) = differs {
            return Err(
                Error::usage(format!("--resume-file: {shown} belongs to {what}"))
                    .hinted("use another name, or remove the file to start over"),
            );
        }
        Ok(Some(
            content.paths.into_iter().map(|path| path.saved).collect(),
        ))
    }

    /// Saves the current state of the watchers.
    pub(crate) fn write(&self, watchers: &[RefCell<Watcher>]) -> Result<(), Error> {
        self.replace(watchers).map_err(|error| {
            Kind::Format(format!("--resume-file: {}: {error}", self.file.display())).into()
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
        let new = beside(&self.file, ".new");
        let mut writer = BufWriter::new(create(&new)?);
        serde_json::to_writer(&mut writer, &content)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        fs::rename(&new, &self.file)
    }

    /// Saves the state again and again, when it has changed. Returns only to report an error.
    pub(crate) async fn keep(&self, watchers: &[RefCell<Watcher>]) -> Error {
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
                pause = INTERVAL.max(start.elapsed() * SHARE);
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

/// Creates a file. A leftover or planted file of that name is removed, never written to.
fn create(file: &Path) -> io::Result<File> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => private().create_new(true).open(file),
    }
}

/// Returns the name of a companion of the resume file: `.new` is the next version until it is complete.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}
