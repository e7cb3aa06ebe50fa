//! The lock of a resume file, which one run holds at a time.
//!
//! The resume file itself cannot serve as the lock, because it is replaced.

use std::fs;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use kubectl_plugin::replaced_file::{ReplacedFile, private};

/// A lock that is held until it is dropped.
pub(super) struct Lock {
    /// The resume file.
    file: PathBuf,
    /// The file that is locked.
    path: PathBuf,
    _open: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// `WouldBlock` if another run holds it.
    pub(super) fn take(file: &ReplacedFile) -> io::Result<Self> {
        let path = file.companion(".lock");
        loop {
            let lock = private().create(true).open(&path)?;
            // A file system may not support locks. Then the run continues without one.
            if let Err(TryLockError::WouldBlock) = lock.try_lock() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            // The run that held the lock may have removed the file.
            if is_same_file(&lock, &path) {
                return Ok(Self {
                    file: file.path().to_owned(),
                    path,
                    _open: lock,
                });
            }
        }
    }
}

impl Drop for Lock {
    /// Removes the lock file if the run has left nothing to resume.
    fn drop(&mut self) {
        if cfg!(unix) && !self.file.exists() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn is_same_file(open: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let identity = |metadata: io::Result<fs::Metadata>| {
        metadata
            .ok()
            .map(|metadata| (metadata.dev(), metadata.ino()))
    };
    identity(open.metadata()) == identity(fs::metadata(path))
}

#[cfg(not(unix))]
fn is_same_file(_: &File, _: &Path) -> bool {
    true
}
