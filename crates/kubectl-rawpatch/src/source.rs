//! Reads the patch from its one source: a flag, a file or stdin.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use kubectl_plugin::Error;
use kubectl_plugin::curl::BodySource;
use kubectl_plugin::text::shell::quoted;
use kubectl_plugin::text::system_error;

use crate::args::PatchArgs;

/// The maximum size of a source, in bytes. YAML may be larger than the JSON that is sent.
const MAX_BYTES: u64 = 16 << 20;

/// Reports whether the patch comes from stdin.
pub(crate) fn reads_stdin(arguments: &PatchArgs) -> bool {
    let mut sources = arguments.patch.iter().chain(&arguments.filename);
    sources.any(|source| source == "-")
}

/// Returns the source, if a curl command can read it again: stdin or a regular file, but not a named pipe.
pub(crate) fn for_curl(arguments: &PatchArgs) -> Option<BodySource<'_>> {
    match arguments.filename.first() {
        _ if reads_stdin(arguments) => Some(BodySource::Stdin),
        Some(file) if Path::new(file).is_file() => Some(BodySource::File(file)),
        _ => None,
    }
}

/// Reads the patch, unchanged.
pub(crate) fn read(arguments: &PatchArgs) -> Result<Vec<u8>, Error> {
    match (arguments.patch.as_slice(), arguments.filename.as_slice()) {
        ([text], []) if text == "-" => read_all(io::stdin(), "stdin"),
        ([text], []) => inline(text),
        ([], [file]) if file == "-" => read_all(io::stdin(), "stdin"),
        ([], [file]) => read_file(file),
        ([], []) => Err(Error::usage(
            "must specify --patch or --filename containing the contents of the patch",
        )),
        _ => Err(Error::usage("more than one patch is given")
            .with_hint("use either --patch or --filename, and only once")),
    }
}

/// Returns the bytes of a patch on the command line. Refuses the name of a file.
fn inline(text: &str) -> Result<Vec<u8>, Error> {
    // No YAML document begins with an `@`, with which curl reads a file.
    let (is_file, name) = match text.strip_prefix('@') {
        Some(name) => (true, name),
        None => (!looks_like_patch(text) && Path::new(text).is_file(), text),
    };
    if is_file {
        let file = Some(name).filter(|name| Path::new(name).is_file());
        return Err(
            Error::usage("--patch needs the patch itself, not the name of a file")
                .with_hint(format!("use -f {}", quoted(file.unwrap_or("FILE")))),
        );
    }
    Ok(text.as_bytes().to_vec())
}

fn looks_like_patch(text: &str) -> bool {
    text.contains(['{', '[', '\n']) || text.contains(": ")
}

fn read_file(file: &str) -> Result<Vec<u8>, Error> {
    if file.starts_with("http://") || file.starts_with("https://") {
        return Err(Error::usage(format!(
            "--filename={file} is a URL; only local files are supported"
        ))
        .with_hint("download it and pipe it in, as in: curl URL | kubectl rawpatch -f - PATH"));
    }
    let opened = match File::open(file) {
        // A patch may contain the data of a Secret.
        Err(_) if looks_like_patch(file) => {
            return Err(
                Error::usage("--filename needs a file, but its value looks like a patch")
                    .with_hint("use -p for a patch on the command line"),
            );
        }
        opened => opened.map_err(|error| unreadable(file, &error))?,
    };
    read_all(opened, file)
}

fn read_all(source: impl Read, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(
            Error::usage(format!("the patch in {name} is larger than 16 MiB")).with_hint(
                "split it into several patches: the API server accepts up to 3 MiB of JSON",
            ),
        );
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Error {
    let reason = system_error::reason(error);
    Error::usage(format!("unable to read the patch from {name}: {reason}"))
}
