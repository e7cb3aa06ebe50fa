//! Sends the patch once and reports the outcome.

use std::io::{self, IsTerminal};

use http::StatusCode;
use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::object_name;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::{Error, stderr};
use serde_json::Value;

use crate::args::PatchArgs;
use crate::body::PatchType;
use crate::current::Current;
use crate::hints;
use crate::request::PatchRequest;
use crate::source;

/// Runs the command.
pub(crate) async fn patch(arguments: PatchArgs) -> Result<(), Error> {
    let output = arguments.output.parse()?;
    let path = match arguments.path()? {
        path if arguments.verbatim => RawPath::verbatim(path)?,
        path => path.parse()?,
    };
    let patch = source::read(&arguments)?;
    let original = arguments.curl.then(|| patch.clone());
    let server = ApiServer::connect(&arguments.connection)?
        .showing_headers(arguments.include)
        .reading_stdin(source::is_stdin(&arguments));
    let mut request = PatchRequest::new(&arguments, server.path(path)?, patch)?;
    request
        .warning
        .iter()
        .for_each(|warning| stderr::warn(warning));

    if let Some(original) = original {
        return print_curl(&arguments, request, &original, &server);
    }
    let resource_version = arguments.if_resource_version.as_deref();
    match send(&mut request, resource_version, &server).await {
        Ok(reply) => {
            let written = output.write(reply.body());
            let is_lost = written.as_ref().is_err_and(|error| !error.is_broken_pipe());
            // A dry run looks like the real thing otherwise, a terminal has a reader, and without the
            // response on stdout nothing else tells that the patch was applied.
            if request.path.is_dry_run() || io::stderr().is_terminal() || is_lost {
                say_outcome(&request, &reply);
            }
            written?;
        }
        Err(error) => {
            let Kind::Refused(status) = error.kind() else {
                return Err(error);
            };
            if let Err(lost) = output.write_refusal(status) {
                stderr::say(&lost.to_string());
            }
            return Err(
                match hints::find(status, &request, resource_version, &server).await {
                    Some(hint) => error.hinted(hint),
                    None => error,
                },
            );
        }
    }
    match server.warning_count() {
        count @ 1.. if arguments.warnings_as_errors => Err(Kind::Warnings { count }.into()),
        _ => Ok(()),
    }
}

/// Prints the curl command for the patch. Sends nothing.
fn print_curl(
    arguments: &PatchArgs,
    mut request: PatchRequest,
    original: &[u8],
    server: &ApiServer,
) -> Result<(), Error> {
    if let Some(resource_version) = &arguments.if_resource_version {
        if request.patch_type == PatchType::Apply {
            return Err(Error::usage(
                "--curl cannot be used with --if-resource-version and --type apply, which must read \
                 the object first",
            )
            .hinted(
                "put the object's metadata.uid and metadata.resourceVersion into the patch",
            ));
        }
        request.guard(resource_version, None)?;
    }
    let request = request.to_api_request();
    let source = source::for_curl(arguments).filter(|_| request.body == original);
    server.print_curl(request, source.as_ref(), &arguments.connection)
}

/// Sends the patch, guarded by `--if-resource-version`. In spite of the version, an apply would *create*
/// an object that is gone. Only a UID prevents that, so the object is read first.
async fn send(
    request: &mut PatchRequest,
    resource_version: Option<&str>,
    server: &ApiServer,
) -> Result<Reply, Error> {
    if let Some(resource_version) = resource_version {
        let uid = match request.patch_type {
            PatchType::Apply => Some(uid_at(resource_version, &request.path, server).await?),
            PatchType::Json | PatchType::Merge | PatchType::Strategic => None,
        };
        request.guard(resource_version, uid.as_deref())?;
    }
    server.send(request.to_api_request()).await
}

/// Returns the UID of the object, if it is at `resource_version`.
async fn uid_at(
    resource_version: &str,
    path: &RawPath,
    server: &ApiServer,
) -> Result<String, Error> {
    let current = Current::read(path, server).await?;
    if current.resource_version != resource_version {
        return Err(Error::conflict(format!(
            "the object is at resource version {}, not {resource_version}; nothing was sent",
            current.resource_version
        ))
        .hinted("read it again, and check that the patch still fits"));
    }
    current.uid.filter(|uid| !uid.is_empty()).ok_or_else(|| {
        Error::protocol("the object has no metadata.uid, so an apply could create it again")
            .hinted("use --type merge: a merge patch never creates an object")
    })
}

/// Prints what was done, in kubectl's words.
fn say_outcome(request: &PatchRequest, reply: &Reply) {
    let document: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
    let what = match document.get("kind") {
        Some(_) => object_name(&document),
        None => request.path.path().to_owned(),
    };
    let done = match request.patch_type {
        _ if reply.status() == StatusCode::CREATED => "created",
        PatchType::Apply => "serverside-applied",
        PatchType::Json | PatchType::Merge | PatchType::Strategic => "patched",
    };
    let dry_run = if request.path.is_dry_run() {
        " (server dry run)"
    } else {
        ""
    };
    stderr::say(&format!("{what} {done}{dry_run}"));
}
