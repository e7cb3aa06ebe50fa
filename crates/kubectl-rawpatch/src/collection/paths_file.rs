//! Reads the paths of `--paths-from`, and checks each of them before anything is sent.

use std::fs::File;
use std::io;
use std::io::Read;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::text::system_error;

use crate::args::PatchArgs;
use crate::collection::listing::too_many;
use crate::collection::objects::Objects;
use crate::request::PatchRequest;

/// The maximum size of the file, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Reads the paths in `file`. `request` is the patch that each path must fit.
pub(crate) fn read(
    file: &str,
    arguments: &PatchArgs,
    request: &mut PatchRequest,
    server: &ApiServer,
) -> Result<Objects, Error> {
    let text = read_text(file)?;
    let name = if file == "-" { "stdin" } else { file };
    let mut objects = Objects::default();
    let mut numbers = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let path = check(line, arguments, request, server)
            .map_err(|error| in_line(error, number, name))?;
        objects.push(path.path(), "").ok_or_else(too_many)?;
        numbers.push(number);
    }
    match objects.double() {
        Some((first, second)) => Err(Error::usage(format!(
            "line {} of {name} repeats line {}: {}",
            numbers[second],
            numbers[first],
            objects.get(first).path
        ))
        .with_hint("remove one of them: each object is patched once")),
        None => Ok(objects),
    }
}

/// Checks a line, and returns the path of its request.
fn check(
    line: &str,
    arguments: &PatchArgs,
    request: &mut PatchRequest,
    server: &ApiServer,
) -> Result<RawPath, Error> {
    let mut path = server.path(line.parse()?)?;
    if path.has_query() {
        return Err(Error::usage("the path has a query")
            .with_hint("remove it, and set the parameters with flags, such as --dry-run"));
    }
    if let Some(namespace) = arguments.connection.namespace() {
        path.check_namespace(namespace)?;
    }
    if let Some(subresource) = arguments.subresource() {
        path.add_subresource(subresource)?;
    }
    request.check_object(&path)?;
    Ok(path)
}

fn in_line(error: Error, number: usize, name: &str) -> Error {
    let Kind::Usage(message) = error.kind() else {
        return error;
    };
    let in_line = Error::usage(format!("line {number} of {name}: {message}"));
    match error.hint() {
        Some(hint) => in_line.with_hint(hint),
        None => in_line,
    }
}

fn read_text(file: &str) -> Result<String, Error> {
    let unreadable = |error: io::Error| {
        let reason = system_error::reason(&error);
        Error::usage(format!("unable to read the paths from {file}: {reason}"))
    };
    let mut text = String::new();
    if file == "-" {
        io::stdin().take(MAX_BYTES).read_to_string(&mut text)
    } else {
        let opened = File::open(file).map_err(unreadable)?;
        opened.take(MAX_BYTES).read_to_string(&mut text)
    }
    .map_err(unreadable)?;
    if text.len() as u64 == MAX_BYTES {
        return Err(Error::usage(format!("{file} is larger than 256 MiB"))
            .with_hint("split it into several files"));
    }
    Ok(text)
}
