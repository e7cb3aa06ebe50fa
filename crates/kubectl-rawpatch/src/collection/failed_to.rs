//! Writes the file of `--failed-to`: the paths that need another try.

use std::io::Write as _;

use kubectl_plugin::Error;
use kubectl_plugin::replaced_file::ReplacedFile;

use crate::collection::objects::Objects;

/// The file of `--failed-to`.
pub(crate) struct FailedTo(ReplacedFile);

impl FailedTo {
    /// Checks that the file can be written, before anything is sent.
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        let file = ReplacedFile::find("--failed-to", name)?;
        file.check_writable()?;
        Ok(Self(file))
    }

    /// Returns the name of the file, as the user wrote it.
    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    /// Writes the paths of the objects that are not settled, in their order. The file is replaced even
    /// if there are none, because it may be of an earlier run.
    pub(crate) fn write(&self, objects: &Objects, settled: &[bool]) -> Result<(), Error> {
        let numbers = settled.iter().enumerate();
        let mut unsettled = numbers.filter(|(_, is_settled)| !**is_settled);
        self.0
            .replace(|writer| {
                unsettled
                    .try_for_each(|(number, _)| writeln!(writer, "{}", objects.get(number).path))
            })
            .map_err(|error| self.0.not_written(&error))
    }
}
