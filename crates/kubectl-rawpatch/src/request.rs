//! Builds the checked request from the command line, the path and the patch, without I/O.

use http::Method;
use http::header;
use http::header::{HeaderMap, HeaderValue};
use kubectl_plugin::Error;
use kubectl_plugin::request::{ApiRequest, ExpectedReply, RawPath, Resource};
use serde_json::Value;

use crate::args::PatchArgs;
use crate::body;
use crate::body::{
    Document, Expected, PatchTarget, PatchType, version_in, with_resource_version, wrong_scalars,
};
use crate::evaluate::{evaluate, is_idempotent};
use crate::query;

/// A PATCH that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct PatchRequest {
    pub(crate) path: RawPath,
    pub(crate) patch_type: PatchType,
    /// A probable mistake that the server would not report.
    pub(crate) warning: Option<String>,
    /// The value of the patch; null with `--verbatim`.
    pub(crate) patch: Value,
    headers: HeaderMap,
    body: Vec<u8>,
    /// The body with the guard of a resource version.
    guarded_body: Option<Vec<u8>>,
    expected: ExpectedReply,
}

impl PatchRequest {
    /// Builds the request. Without `--verbatim`, checks everything that needs no server.
    pub(crate) fn new(
        arguments: &PatchArgs,
        mut path: RawPath,
        patch: Vec<u8>,
    ) -> Result<Self, Error> {
        if let Some(subresource) = arguments.subresource() {
            path.add_subresource(subresource)?;
        }
        let mut request = Self::unchecked(arguments, path, patch)?;
        if !arguments.verbatim {
            request.parse_body(arguments)?;
            if !request.path.is_proxied() {
                let object = require_object(&request.path)?;
                request.check_body(&patch_target(&object))?;
            }
        }
        request.set_defaults(arguments)?;
        Ok(request)
    }

    /// Builds the request for each object of a collection, or for paths that are checked one by one if
    /// `path` is `/`. [`PatchRequest::for_object`] then sets the path.
    pub(crate) fn for_several(
        arguments: &PatchArgs,
        path: RawPath,
        patch: Vec<u8>,
    ) -> Result<Self, Error> {
        let mut request = Self::unchecked(arguments, path, patch)?;
        request.parse_body(arguments)?;
        if let Some(collection) = request.path.resource() {
            let target = PatchTarget {
                subresource: arguments.subresource(),
                ..patch_target(&collection)
            };
            request.check_body(&target)?;
        }
        request.set_defaults(arguments)?;
        Ok(request)
    }

    /// Checks that the patch fits one of several objects.
    pub(crate) fn check_object(&mut self, path: &RawPath) -> Result<(), Error> {
        let object = require_object(path)?;
        self.check_body(&PatchTarget {
            name: None,
            ..patch_target(&object)
        })
    }

    /// Returns the request for one of several objects.
    pub(crate) fn for_object(&self, path: &str) -> Self {
        Self {
            path: self.path.with_path(path),
            ..self.clone()
        }
    }

    /// Builds the request without checking its body.
    fn unchecked(arguments: &PatchArgs, mut path: RawPath, patch: Vec<u8>) -> Result<Self, Error> {
        if !arguments.verbatim {
            path.check_parameters(&query::PARAMETERS)?;
        }
        if let Some(namespace) = arguments.connection.namespace() {
            path.check_namespace(namespace)?;
        }
        query::add_flags(&mut path, arguments)?;
        Ok(Self {
            path,
            patch_type: arguments
                .patch_type
                .unwrap_or_else(|| PatchType::from_body(&patch)),
            warning: None,
            patch: Value::Null,
            headers: arguments.headers.iter().cloned().collect(),
            body: patch,
            guarded_body: None,
            expected: if arguments.verbatim {
                ExpectedReply::Anything
            } else {
                ExpectedReply::Object
            },
        })
    }

    /// Converts the body to JSON, and checks that it agrees with the flags.
    fn parse_body(&mut self, arguments: &PatchArgs) -> Result<(), Error> {
        let document = Document::parse(&self.body)?;
        self.patch_type = PatchType::choose(arguments.patch_type, &document)?;
        query::check(&self.path, self.patch_type)?;
        (self.body, self.patch) = document.into_parts();
        Ok(())
    }

    /// Checks that the body agrees with the path.
    fn check_body(&mut self, target: &PatchTarget<'_>) -> Result<(), Error> {
        self.warning = body::check(&self.patch, self.patch_type, target)?;
        Ok(())
    }

    fn set_defaults(&mut self, arguments: &PatchArgs) -> Result<(), Error> {
        if !arguments.verbatim {
            query::add_defaults(&mut self.path);
        }
        self.set_content_type(arguments.verbatim)?;
        self.set_accept(arguments)
    }

    fn set_content_type(&mut self, verbatim: bool) -> Result<(), Error> {
        let expected = self.patch_type.media_type();
        let Some(from_flag) = self.headers.get(header::CONTENT_TYPE) else {
            let content_type = HeaderValue::from_static(expected);
            self.headers.insert(header::CONTENT_TYPE, content_type);
            return Ok(());
        };
        let from_flag = String::from_utf8_lossy(from_flag.as_bytes());
        let media_type = from_flag.split(';').next().unwrap_or_default().trim();
        if media_type != expected && !verbatim {
            return Err(Error::usage(format!(
                "--header Content-Type: {media_type} contradicts the patch type, {expected}"
            ))
            .with_hint("remove the header, and set the patch type with --type"));
        }
        Ok(())
    }

    /// Sets `Accept`, which has to be JSON if the output parses the response.
    fn set_accept(&mut self, arguments: &PatchArgs) -> Result<(), Error> {
        let flag = match arguments {
            PatchArgs { diff, .. } if diff.diff => Some("--diff"),
            PatchArgs { output, .. } if output.parses_response() => Some("-o"),
            _ => None,
        };
        let accept = self
            .headers
            .entry(header::ACCEPT)
            .or_insert(HeaderValue::from_static("application/json, */*"));
        match flag {
            Some(flag) if !accept.as_bytes().starts_with(b"application/json") => {
                Err(Error::usage(format!(
                    "{flag} needs a JSON response, but --header Accept requests another format"
                ))
                .with_hint("remove the Accept header"))
            }
            _ => Ok(()),
        }
    }

    /// Makes the server refuse the patch unless the object is at `resource_version`. With `uid`, the server
    /// does not create a missing object either. Replaces another guard.
    pub(crate) fn guard(&mut self, resource_version: &str, uid: Option<&str>) -> Result<(), Error> {
        let guarded = with_resource_version(&self.body, self.patch_type, resource_version, uid)?;
        self.guarded_body = Some(guarded);
        Ok(())
    }

    pub(crate) fn remove_guard(&mut self) {
        self.guarded_body = None;
    }

    /// Returns the resource version that the patch itself requires, if there is one.
    pub(crate) fn own_version(&self) -> Option<&str> {
        version_in(&self.patch)
    }

    /// Returns the reason why reading the object cannot show the outcome of the patch, if there is one.
    pub(crate) fn unverifiable(&self) -> Option<&'static str> {
        let accept = self.headers.get(header::ACCEPT);
        let accept = accept.map_or(b"" as &[u8], HeaderValue::as_bytes);
        if self.path.is_proxied() {
            Some("PATH is proxied to another server")
        } else if self.expected == ExpectedReply::Anything {
            Some("--verbatim sends a patch that is not checked")
        } else if !accept.starts_with(b"application/json") || accept.contains(&b';') {
            Some("--header Accept asks for another format than the whole object in JSON")
        } else {
            None
        }
    }

    /// Returns the name that the server records as the manager of the changed fields.
    pub(crate) fn field_manager(&self) -> Option<String> {
        let name = self.path.parameter("fieldManager")?;
        (!name.is_empty()).then(|| name.into_owned())
    }

    /// Applies the patch without its guard to `object`, like the server. Returns `None` if only the server
    /// can do this.
    pub(crate) fn evaluate(&self, object: &Value) -> Option<Value> {
        evaluate(self.patch_type, &self.body, object)?.ok()
    }

    /// Reports whether the result is the same if the server applies the patch twice.
    pub(crate) fn is_idempotent(&self) -> bool {
        is_idempotent(&self.patch)
    }

    /// Returns the JSON pointers of scalars that are probably not `expected`.
    pub(crate) fn wrong_scalars(&self, expected: Expected) -> Vec<String> {
        wrong_scalars(&self.body, self.patch_type, expected)
    }

    /// Returns the patch without the guard of a resource version.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the `Content-Type`, which `--verbatim -H` may override.
    pub(crate) fn media_type(&self) -> &[u8] {
        self.headers
            .get(header::CONTENT_TYPE)
            .map_or(b"", HeaderValue::as_bytes)
    }

    /// Returns the request to send.
    pub(crate) fn to_api_request(&self) -> ApiRequest {
        ApiRequest {
            method: Method::PATCH,
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: self
                .guarded_body
                .as_ref()
                .unwrap_or(&self.body)
                .clone()
                .into(),
            expected: self.expected,
        }
    }

    /// Returns a request that shows the result of the patch without its guard, and stores nothing.
    /// `flag` is what asks for it.
    pub(crate) fn to_dry_run(&self, flag: &str) -> Result<ApiRequest, Error> {
        let mut request = self.to_api_request();
        request.path.add_parameter("dryRun", "All", flag)?;
        request.body = self.body.clone().into();
        Ok(request)
    }

    /// Returns a request that reads the object at `path`, with the headers of the patch.
    pub(crate) fn to_read(&self, path: RawPath) -> ApiRequest {
        let mut headers = self.headers.clone();
        headers.remove(header::CONTENT_TYPE);
        ApiRequest::get(path, headers)
    }
}

/// Returns the object that the path names. Refuses a collection, and a path outside the resource API.
fn require_object(path: &RawPath) -> Result<Resource, Error> {
    match path.resource() {
        Some(resource) if resource.name.is_some() => Ok(resource),
        Some(resource) => Err(Error::usage(format!(
            "PATH is a collection of {}, but a patch needs one object",
            resource.resource
        ))
        .with_hint(format!(
            "add a name: {}/NAME, or use --all, -l or --field-selector to patch several objects",
            path.path()
        ))),
        None => Err(Error::usage("PATH does not name an object").with_hint(
            "use a path such as /api/v1/namespaces/NAMESPACE/pods/NAME or /apis/GROUP/VERSION/…, or add --verbatim to send the patch unchecked",
        )),
    }
}

fn patch_target(object: &Resource) -> PatchTarget<'_> {
    PatchTarget {
        group: &object.group,
        version: &object.version,
        // The path of a Namespace looks like the path of an object in that Namespace.
        namespace: object
            .namespace
            .as_deref()
            .filter(|_| object.resource != "namespaces"),
        resource: &object.resource,
        name: object.name.as_deref(),
        subresource: object.subresource.as_deref(),
    }
}
