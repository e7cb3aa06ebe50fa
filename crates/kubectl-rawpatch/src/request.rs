//! Builds one checked request from the command line, the path and the patch. No I/O.

use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use kubectl_plugin::Error;
use kubectl_plugin::request::{ApiRequest, RawPath, Resource};

use crate::args::PatchArgs;
use crate::body::{self, Document, PatchType, Target, with_resource_version};
use crate::query;

/// A PATCH that is ready to be sent.
#[derive(Debug)]
pub(crate) struct PatchRequest {
    pub(crate) path: RawPath,
    pub(crate) patch_type: PatchType,
    /// A probable mistake that the server would not report.
    pub(crate) warning: Option<String>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl PatchRequest {
    /// Builds the request. Without `--verbatim`, checks everything that needs no server.
    pub(crate) fn new(
        arguments: &PatchArgs,
        mut path: RawPath,
        patch: Vec<u8>,
    ) -> Result<Self, Error> {
        if !arguments.verbatim {
            path.check_parameters(&query::PARAMETERS)?;
        }
        if let Some(namespace) = arguments.connection.namespace() {
            path.check_namespace(namespace)?;
        }
        if let Some(subresource) = non_empty(arguments.subresource.as_ref()) {
            path.add_subresource(subresource)?;
        }
        query::add_flags(&mut path, arguments)?;
        let mut request = Self {
            path,
            patch_type: arguments
                .patch_type
                .unwrap_or_else(|| PatchType::of_body(&patch)),
            warning: None,
            headers: arguments.headers.iter().cloned().collect(),
            body: patch,
        };
        if !arguments.verbatim {
            request.check(arguments.patch_type)?;
            query::add_defaults(&mut request.path);
        }
        request.set_content_type(arguments.verbatim)?;
        let accept = request
            .headers
            .entry(header::ACCEPT)
            .or_insert(HeaderValue::from_static("application/json, */*"));
        if arguments.output.parses_response() && !accept.as_bytes().starts_with(b"application/json")
        {
            return Err(Error::usage(
                "--header Accept does not ask for JSON, but --output needs JSON",
            )
            .hinted("remove one of them"));
        }
        Ok(request)
    }

    /// Reads and converts the body, and checks that path, flags and body agree.
    fn check(&mut self, explicit_type: Option<PatchType>) -> Result<(), Error> {
        let document = Document::read(&self.body)?;
        self.patch_type = PatchType::choose(explicit_type, &document)?;
        query::check(&self.path, self.patch_type)?;
        if !self.path.is_proxied() {
            let resource = object(&self.path)?;
            self.warning = body::check(&document, self.patch_type, &target(&resource))?;
        }
        self.body = document.bytes().to_vec();
        Ok(())
    }

    fn set_content_type(&mut self, verbatim: bool) -> Result<(), Error> {
        let media_type = self.patch_type.media_type();
        let given = self
            .headers
            .get(header::CONTENT_TYPE)
            .map(HeaderValue::as_bytes);
        let essence = |value: &[u8]| {
            let text = String::from_utf8_lossy(value);
            text.split(';').next().unwrap_or_default().trim().to_owned()
        };
        match given.map(essence) {
            Some(given) if given != media_type && !verbatim => Err(Error::usage(format!(
                "--header Content-Type: {given} contradicts the patch type, {media_type}"
            ))
            .hinted("set the patch type with --type")),
            Some(_) => Ok(()),
            None => {
                self.headers
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
                Ok(())
            }
        }
    }

    /// Makes the server refuse the patch unless the object is at this resource version. With `uid`, the
    /// server does not create the object either.
    pub(crate) fn guard(&mut self, resource_version: &str, uid: Option<&str>) -> Result<(), Error> {
        self.body = with_resource_version(&self.body, self.patch_type, resource_version, uid)?;
        Ok(())
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
            body: self.body.clone().into(),
        }
    }
}

/// Returns the value of a flag; an empty one counts as not given.
fn non_empty(flag: Option<&String>) -> Option<&str> {
    flag.map(String::as_str).filter(|text| !text.is_empty())
}

/// Returns the object that the path names.
fn object(path: &RawPath) -> Result<Resource, Error> {
    match path.resource() {
        Some(resource) if resource.name.is_some() => Ok(resource),
        Some(resource) => Err(Error::usage(format!(
            "PATH is the collection of all {}, but a patch needs one object",
            resource.resource
        ))
        .hinted(format!("add a name: {}/NAME", path.path()))),
        None => Err(Error::usage("PATH is not the path of an object").hinted(
            "for example: /api/v1/namespaces/NAMESPACE/pods/NAME or /apis/GROUP/VERSION/…; \
             --verbatim sends it unchecked",
        )),
    }
}

fn target(resource: &Resource) -> Target<'_> {
    Target {
        group: &resource.group,
        version: &resource.version,
        // A Namespace is not in a namespace, though its path looks like it.
        namespace: resource
            .namespace
            .as_deref()
            .filter(|_| resource.resource != "namespaces"),
        resource: &resource.resource,
        name: resource.name.as_deref().unwrap_or_default(),
        subresource: resource.subresource.as_deref(),
    }
}
