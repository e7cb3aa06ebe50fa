//! An archive whose bytes depend on its content alone.
//!
//! Names are sorted, there are only plain files, of nobody, with one time, and nothing of the
//! machine that packs them. krew takes gzipped tars and zips, no links in them, and the mode of a
//! file from the archive, so a zip has Unix modes too (krew, `internal/download/downloader.go`).

use std::io::{Cursor, Write as _};

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

/// One file of an archive.
pub(crate) struct Entry {
    /// Without a folder: archives are flat.
    pub(crate) name: String,
    pub(crate) is_program: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    fn mode(&self) -> u32 {
        if self.is_program { 0o755 } else { 0o644 }
    }
}

/// The files as a gzipped ustar archive.
pub(crate) fn tar_gz(entries: &[Entry], time: Timestamp) -> Result<Vec<u8>> {
    // No name and no time in the header of gzip.
    let gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(gzip);
    for entry in sorted(entries) {
        let mut header = tar::Header::new_ustar();
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(entry.mode());
        header.set_mtime(time.as_second().try_into().context("a time before 1970")?);
        header.set_uid(0);
        header.set_gid(0);
        archive
            .append_data(&mut header, &entry.name, entry.bytes.as_slice())
            .with_context(|| format!("pack {}", entry.name))?;
    }
    let gzip = archive.into_inner().context("end the archive")?;
    gzip.finish().context("end the compression")
}

/// The files as a zip.
pub(crate) fn zip(entries: &[Entry], time: Timestamp) -> Result<Vec<u8>> {
    let time = time.to_zoned(TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).context("a time without a date");
    let time = DateTime::from_date_and_time(
        time.year().try_into().context("a time before year 0")?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
    )
    .context("zips have no times before 1980")?;
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in sorted(entries) {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .system(System::Unix)
            .compression_level(Some(9))
            .last_modified_time(time)
            .unix_permissions(entry.mode());
        archive
            .start_file(&entry.name, options)
            .and_then(|()| Ok(archive.write_all(&entry.bytes)?))
            .with_context(|| format!("pack {}", entry.name))?;
    }
    Ok(archive.finish().context("end the archive")?.into_inner())
}

fn sorted(entries: &[Entry]) -> Vec<&Entry> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|entry| &entry.name);
    entries
}
