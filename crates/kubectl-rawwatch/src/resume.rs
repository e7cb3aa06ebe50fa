//! `--resume-file`: how far every path is, and which objects are known, for the next run.
//!
//! The file holds names, UIDs and versions, and nothing of the objects. It is replaced as a whole,
//! so that a crash leaves the old one: after a signal or an end of its own a run goes on exactly
//! behind its last line, after a `kill -9` some lines may come again. It is for one run at a time.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::watcher::Watcher;
use crate::watcher::saved::Saved;

/// How often the file is written at the most.
const INTERVAL: Duration = Duration::from_secs(1);
/// Writing takes no more than one part in so many of the time.
const SHARE: u32 = 20;

/// The whole file. It is written from references and read into values.
#[derive(Serialize, Deserialize)]
struct Content<S> {
    /// What the server is known by.
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

/// The file of a run.
pub(crate) struct ResumeFile {
    file: PathBuf,
    server: String,
    /// The paths with their selectors, in the order of the watchers.
    paths: Vec<String>,
    /// Locked as long as the run lasts. It is no lock of the file itself, which is replaced, and it
    /// stays where it is: to remove it would take it away from the next run that waits for it.
    _lock: File,
}

impl ResumeFile {
    /// Takes the file for this run. Whether it can be written is known before a line is printed.
    pub(crate) fn open(file: &str, server: String, paths: Vec<String>) -> Result<Self, Error> {
        let refused = |why: &dyn Display| Error::usage(format!("--resume-file: {file}: {why}"));
        let path = PathBuf::from(file);
        if path.file_name().is_none() || path.is_dir() {
            return Err(refused(&"it names no file"));
        }
        let lock = private().create(true).open(beside(&path, ".lock"));
        let lock = lock.map_err(|error| refused(&error))?;
        // Where a file system knows no locks, there is none.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(refused(&"it is in use by another run").hinted("give each run its own"));
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

    /// What the last run left, in the order of the paths; `None` when there was none.
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
            .hinted("give another name, or remove it to begin anew")
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
                    .hinted("give another name, or remove it to begin anew"),
            );
        }
        Ok(Some(
            content.paths.into_iter().map(|path| path.saved).collect(),
        ))
    }

    /// Writes how far the watchers are now.
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

    /// Writes again and again, when something has changed.
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

/// How a file is opened that only the user may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a file. What a run left there that was killed, or somebody else put there, is not written to.
fn create(file: &Path) -> io::Result<File> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => private().create_new(true).open(file),
    }
}

/// The name of a file that goes with the resume file: `.new` is the next one, until it is whole.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}
