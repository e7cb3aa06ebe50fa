//! Packs archives whose bytes depend on nothing but their content.
//!
//! They contain plain files only, sorted by name, with one time and without an owner. krew accepts gzipped
//! tars and zips without links, and takes the mode of a file from the archive; so a zip has Unix modes too
//! (krew, `internal/download/downloader.go`).

use std::io::{Cursor, Write as _};

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

/// A file in an archive.
pub(crate) struct Entry {
    /// The name without a folder, because archives are flat.
    pub(crate) name: String,
    pub(crate) is_program: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    fn mode(&self) -> u32 {
        if self.is_program { 0o755 } else { 0o644 }
    }
}

/// Packs the files into a gzipped ustar archive.
pub(crate) fn tar_gz(entries: &[Entry], time: Timestamp) -> Result<Vec<u8>> {
    // The header of gzip has neither name nor time.
    let gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(gzip);
    for entry in sorted(entries) {
        let mut header = tar::Header::new_ustar();
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(entry.mode());
        header.set_mtime(
            time.as_second()
                .try_into()
                .context("the time is before 1970")?,
        );
        header.set_uid(0);
        header.set_gid(0);
        archive
            .append_data(&mut header, &entry.name, entry.bytes.as_slice())
            .with_context(|| format!("pack {}", entry.name))?;
    }
    let gzip = archive.into_inner().context("finish the archive")?;
    gzip.finish().context("finish the compression")
}

/// Packs the files into a zip.
pub(crate) fn zip(entries: &[Entry], time: Timestamp) -> Result<Vec<u8>> {
    let time = time.to_zoned(TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).context("the time has no date");
    let time = DateTime::from_date_and_time(
        time.year()
            .try_into()
            .context("the time is before year 0")?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
    )
    .context("the time is before 1980, where zip starts")?;
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
    Ok(archive.finish().context("finish the archive")?.into_inner())
}

fn sorted(entries: &[Entry]) -> Vec<&Entry> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|entry| &entry.name);
    entries
}
