//! Sends the patch, once, and says what became of it.

use std::io::{self, IsTerminal};

use http::{Method, Request, Response, StatusCode, header};
use kubectl_plugin::{ApiServer, Error, RawPath, messages, name};
use serde_json::Value;

use crate::args::PatchArgs;
use crate::body::PatchType;
use crate::hints;
use crate::request::PatchRequest;

/// The command: everything between the parsed command line and the exit code.
pub(crate) async fn patch(arguments: PatchArgs) -> Result<(), Error> {
    let output = arguments.output.output()?;
    let path = match arguments.path()? {
        path if arguments.verbatim => RawPath::verbatim(path)?,
        path => path.parse()?,
    };
    let given = arguments.patch()?;
    let server = ApiServer::connect(&arguments.connection)?.including_headers(arguments.include);
    let mut request = PatchRequest::new(&arguments, server.path(path)?, given)?;
    request
        .warning
        .iter()
        .for_each(|warning| messages::warn(warning));
    if let Some(resource_version) = &arguments.if_resource_version {
        guard(&mut request, resource_version, &server).await?;
    }

    match server.send(request.http()?).await {
        Ok(reply) => {
            say_outcome(&request, &reply);
            output.write(reply.body())?;
        }
        Err(Error::Refused { status, .. }) => {
            output.write_refusal(&status)?;
            let asked_for = arguments.if_resource_version.as_deref();
            let hint = hints::find(&status, &request, asked_for, &server).await;
            return Err(Error::Refused { status, hint });
        }
        Err(error) => return Err(error),
    }
    match server.warning_count() {
        count @ 1.. if arguments.warnings_as_errors => Err(Error::Warnings { count }),
        _ => Ok(()),
    }
}

/// Puts `--if-resource-version` into the patch. An apply would *create* an object that is
/// gone in spite of its version; only a uid forbids that, so the object is read first.
async fn guard(
    request: &mut PatchRequest,
    resource_version: &str,
    server: &ApiServer,
) -> Result<(), Error> {
    if request.patch_type != PatchType::Apply {
        return request.guard(resource_version, None);
    }
    let current = Metadata::read(&request.path, server).await?;
    if current.resource_version != resource_version {
        return Err(Error::Conflict {
            message: format!(
                "the object is at resource version {}, not {resource_version}; nothing was sent",
                current.resource_version
            ),
            hint: Some("read it again, and decide whether the patch still fits".to_owned()),
        });
    }
    request.guard(resource_version, Some(&current.uid))
}

/// The identity of an object, as the server has it now.
pub(crate) struct Metadata {
    pub(crate) resource_version: String,
    uid: String,
}

impl Metadata {
    /// Reads it by a GET that asks for nothing else.
    pub(crate) async fn read(path: &RawPath, server: &ApiServer) -> Result<Self, Error> {
        let mut request = Request::new(Vec::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = path
            .path()
            .parse()
            .map_err(|error| Error::usage(format!("PATH cannot be sent: {error}")))?;
        request.headers_mut().insert(
            header::ACCEPT,
            header::HeaderValue::from_static(
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
            ),
        );
        let reply = server.send(request).await?;
        let document: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        let text = |pointer| {
            document
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        match (text("/metadata/resourceVersion"), text("/metadata/uid")) {
            (Some(resource_version), uid) => Ok(Self {
                resource_version,
                uid: uid.unwrap_or_default(),
            }),
            _ => Err(Error::Protocol {
                message: "the server's answer to a GET of PATH has no metadata.resourceVersion"
                    .to_owned(),
                hint: None,
            }),
        }
    }
}

/// Says what was done, in kubectl's words: always for a dry run, which looks like the real
/// thing otherwise, and for a person at a terminal.
fn say_outcome(request: &PatchRequest, reply: &Response<impl AsRef<[u8]>>) {
    if !request.is_dry_run() && !io::stderr().is_terminal() {
        return;
    }
    let document: Value = serde_json::from_slice(reply.body().as_ref()).unwrap_or_default();
    let what = if document.get("kind").is_some() {
        name(&document)
    } else {
        request.path.to_string()
    };
    let done = match request.patch_type {
        _ if reply.status() == StatusCode::CREATED => "created",
        PatchType::Apply => "serverside-applied",
        _ => "patched",
    };
    let dry_run = if request.is_dry_run() {
        " (server dry run)"
    } else {
        ""
    };
    messages::say(&format!("{what} {done}{dry_run}"));
}
