//! A file that is replaced atomically: a crash leaves its previous version.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::error::Kind;
use crate::text::system_error;

/// A file that a flag names. Only the user may read it.
pub struct ReplacedFile {
    flag: &'static str,
    /// The file as the user wrote it.
    name: String,
    /// The file itself, if the name is a symbolic link.
    file: PathBuf,
}

impl ReplacedFile {
    /// Finds the file that the value of `flag` names.
    pub fn find(flag: &'static str, name: &str) -> Result<Self, Error> {
        let mut found = Self {
            flag,
            name: name.to_owned(),
            file: PathBuf::from(name),
        };
        if name.is_empty() {
            return Err(Error::usage(format!("{flag} has an empty value")).with_hint("name a file"));
        }
        if found.file.file_name().is_none() || found.file.is_dir() {
            return Err(found.refused("not a file"));
        }
        if found.file.is_symlink() {
            found.file = fs::canonicalize(&found.file).map_err(|error| match error.kind() {
                ErrorKind::NotFound => found
                    .refused("a symbolic link to a file that does not exist")
                    .with_hint(format!("remove the link: rm {name}")),
                _ => found.refused(&system_error::reason(&error)),
            })?;
        }
        Ok(found)
    }

    /// Checks that the file can be written.
    pub fn check_writable(&self) -> Result<(), Error> {
        let new = self.companion(".new");
        create(&new)
            .and_then(|_| fs::remove_file(&new))
            .map_err(|error| self.refused(&system_error::reason(&error)))
    }

    /// Returns the name of the file, as the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of the file. It is not a symbolic link.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Returns the path of a file beside this one, whose name has another ending.
    pub fn companion(&self, ending: &str) -> PathBuf {
        let mut name = self.file.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.file.with_file_name(name)
    }

    /// Replaces the content with everything that `write` writes.
    pub fn replace(
        &self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let new = self.companion(".new");
        let mut writer = BufWriter::new(create(&new)?);
        write(&mut writer)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        fs::rename(&new, &self.file)
    }

    /// Returns the error for a file that cannot be used.
    pub fn refused(&self, why: &str) -> Error {
        Error::usage(format!("{}={}: {why}", self.flag, self.name))
    }

    /// Returns the error for a file that was not written.
    pub fn not_written(&self, error: &io::Error) -> Error {
        let reason = system_error::reason(error);
        Kind::Format(format!("{}={}: {reason}", self.flag, self.name)).into()
    }
}

/// Creates a file. Removes an existing file of that name first, because another user may have put
/// it there.
fn create(file: &Path) -> io::Result<File> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => private().create_new(true).open(file),
    }
}

/// Returns options for a file that only the user may read.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
