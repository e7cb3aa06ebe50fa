//! Reads the patch from its one source: a flag, a file or stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kubectl_plugin::Error;
use kubectl_plugin::curl::BodySource;

use crate::args::PatchArgs;

/// The maximum size of a patch source, in bytes. YAML may be larger than the JSON that is sent.
const MAX_BYTES: u64 = 16 << 20;

/// Reports whether the patch comes from stdin.
pub(crate) fn is_stdin(arguments: &PatchArgs) -> bool {
    let mut sources = arguments.patch.iter().chain(&arguments.filename);
    sources.any(|source| source == "-")
}

/// Returns the source from which another command can read the same bytes, if there is one: a pipe is not.
pub(crate) fn for_curl(arguments: &PatchArgs) -> Option<BodySource<'_>> {
    match arguments.filename.first() {
        _ if is_stdin(arguments) => Some(BodySource::Stdin),
        Some(file) if Path::new(file).is_file() => Some(BodySource::File(file)),
        _ => None,
    }
}

/// Reads the bytes of the patch.
pub(crate) fn read(arguments: &PatchArgs) -> Result<Vec<u8>, Error> {
    match (arguments.patch.as_slice(), arguments.filename.as_slice()) {
        ([text], []) if text == "-" => read_all(io::stdin(), "stdin"),
        ([text], []) => Ok(text.clone().into_bytes()),
        ([], [file]) if file == "-" => read_all(io::stdin(), "stdin"),
        ([], [file]) => read_file(file),
        ([], []) => Err(Error::usage(
            "must specify --patch or --filename containing the contents of the patch",
        )),
        _ => Err(Error::usage("the patch is given more than once")
            .hinted("use one --patch or one --filename")),
    }
}

fn read_file(file: &str) -> Result<Vec<u8>, Error> {
    if file.starts_with("http://") || file.starts_with("https://") {
        return Err(Error::usage(format!(
            "--filename={file} is a URL, but only files are read"
        ))
        .hinted("download it first, and pipe it into -f -"));
    }
    let opened = File::open(file);
    read_all(opened.map_err(|error| unreadable(file, &error))?, file)
}

fn read_all(source: impl Read, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(
            Error::usage(format!("the patch in {name} is larger than 16 MiB"))
                .hinted("the server accepts up to 3 MiB"),
        );
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Error {
    let reason = error.to_string();
    let reason = reason
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase();
    Error::usage(format!("unable to read the patch from {name}: {reason}"))
}
