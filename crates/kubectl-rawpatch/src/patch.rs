//! Sends the patch once.

use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::Output;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::{Error, stderr};

use crate::args::PatchArgs;
use crate::body::PatchType;
use crate::hints;
use crate::live_object::LiveObject;
use crate::report::report_success;
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
        .with_headers_shown(arguments.include)
        .with_stdin_in_use(source::reads_stdin(&arguments));
    let mut request = PatchRequest::new(&arguments, server.path(path)?, patch)?;
    if let Some(warning) = &request.warning {
        stderr::warn(warning);
    }
    if let Some(original) = original {
        return print_curl(&arguments, request, &original, &server);
    }
    let resource_version = arguments.if_resource_version.as_deref();
    match send(&mut request, resource_version, &server).await {
        Ok(reply) => report_success(&request, &reply, resource_version, &server, &output)?,
        Err(error) => {
            return Err(report_refusal(error, &request, resource_version, &server, &output).await);
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
                "--curl does not support --if-resource-version with --type apply: this combination reads the object first",
            )
            .with_hint(
                "remove --if-resource-version, and put the object's metadata.uid and \
                 metadata.resourceVersion into the patch",
            ));
        }
        request.guard(resource_version, None)?;
    }
    let request = request.to_api_request();
    let source = source::for_curl(arguments).filter(|_| request.body == original);
    server.print_curl(request, source.as_ref(), &arguments.connection)
}

/// Sends the patch, guarded by `--if-resource-version`.
///
/// An apply patch also needs the object's UID, which has to be read first. With only a resource
/// version, it would create the object again if it was deleted.
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

/// Returns the UID of the object, or a conflict if it is not at `resource_version`.
async fn uid_at(
    resource_version: &str,
    path: &RawPath,
    server: &ApiServer,
) -> Result<String, Error> {
    let live = LiveObject::read(path, server).await?;
    if live.resource_version != resource_version {
        return Err(Error::conflict(format!(
            "the object is at resource version {}, not {resource_version}; the patch was not sent",
            live.resource_version
        ))
        .with_hint("read the object again, and check the patch"));
    }
    live.uid.filter(|uid| !uid.is_empty()).ok_or_else(|| {
        Error::protocol(
            "the object has no metadata.uid, so an apply patch could recreate it after a deletion",
        )
        .with_hint("use --type merge: a merge patch never creates an object")
    })
}

/// Writes the Status of a refusal in the output format, and adds a hint to the error. Returns any other
/// error unchanged.
async fn report_refusal(
    error: Error,
    request: &PatchRequest,
    resource_version: Option<&str>,
    server: &ApiServer,
    output: &Output,
) -> Error {
    let Kind::Refused(status) = error.kind() else {
        return error;
    };
    if let Err(not_written) = output.write_refusal(status) {
        stderr::say(&not_written.to_string());
    }
    match hints::find(status, request, resource_version, server).await {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
