//! The command line, the path and the patch → one checked request; no I/O.

use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use kubectl_plugin::Error;
use kubectl_plugin::request::{ApiRequest, RawPath, Resource, parse_header};

use crate::args::PatchArgs;
use crate::body::{self, Document, PatchType, Target, with_resource_version};
use crate::query;

/// A PATCH that is ready to be sent.
#[derive(Debug)]
pub(crate) struct PatchRequest {
    pub(crate) path: RawPath,
    pub(crate) patch_type: PatchType,
    /// What looks like a mistake that the server would not report.
    pub(crate) warning: Option<String>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl PatchRequest {
    /// Checks everything that can be checked here, by the rules that `--verbatim` turns off.
    pub(crate) fn new(
        arguments: &PatchArgs,
        mut path: RawPath,
        given: Vec<u8>,
    ) -> Result<Self, Error> {
        if let Some(resource_version) = &arguments.if_resource_version {
            check_resource_version(resource_version)?;
        }
        let headers = arguments
            .headers
            .iter()
            .map(|text| parse_header(text))
            .collect::<Result<HeaderMap, Error>>()?;
        if !arguments.verbatim {
            path.check_parameters(&query::PARAMETERS)?;
        }
        if let Some(namespace) = arguments.connection.namespace() {
            path.check_namespace(namespace)?;
        }
        if let Some(subresource) = given_text(arguments.subresource.as_ref()) {
            path.add_subresource(subresource)?;
        }
        query::add_flags(&mut path, arguments)?;
        let mut request = Self {
            path,
            patch_type: arguments
                .patch_type
                .unwrap_or_else(|| PatchType::of_body(&given)),
            warning: None,
            headers,
            body: given,
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
                "--header Accept asks for another reply than JSON, which --output reads",
            )
            .hinted("leave one of them out"));
        }
        Ok(request)
    }

    /// What `--verbatim` leaves out: the body is read and converted, and everything is compared
    /// with everything.
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
                "--header Content-Type: {given} contradicts the patch, which is {media_type}"
            ))
            .hinted("--type says what the patch is")),
            Some(_) => Ok(()),
            None => {
                self.headers
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
                Ok(())
            }
        }
    }

    /// Makes the server refuse the patch unless the object is at this version; `uid` also
    /// forbids it to create the object.
    pub(crate) fn guard(&mut self, resource_version: &str, uid: Option<&str>) -> Result<(), Error> {
        self.body = with_resource_version(&self.body, self.patch_type, resource_version, uid)?;
        Ok(())
    }

    /// What the body is said to be, which `--verbatim -H` may decide.
    pub(crate) fn media_type(&self) -> &[u8] {
        self.headers
            .get(header::CONTENT_TYPE)
            .map_or(b"", HeaderValue::as_bytes)
    }

    /// The request as it is sent.
    pub(crate) fn to_api_request(&self) -> ApiRequest {
        ApiRequest {
            method: Method::PATCH,
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: self.body.clone().into(),
        }
    }
}

/// What a flag says, unless it is empty, which is as good as not given.
fn given_text(flag: Option<&String>) -> Option<&str> {
    flag.map(String::as_str).filter(|text| !text.is_empty())
}

/// Refuses what no object has: the server takes an empty version and 0 for "any", and answers
/// 500 to what is no number.
fn check_resource_version(text: &str) -> Result<(), Error> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && !text.starts_with('0') {
        return Ok(());
    }
    Err(Error::usage(format!(
        "--if-resource-version: {text:?} is no resource version"
    ))
    .hinted("it is the number in metadata.resourceVersion of the object that you read"))
}

/// What the path is about, if that is one object.
fn object(path: &RawPath) -> Result<Resource, Error> {
    match path.resource() {
        Some(resource) if resource.name.is_some() => Ok(resource),
        Some(resource) => Err(Error::usage(format!(
            "PATH is the collection of all {}, and a patch is for one object",
            resource.resource
        ))
        .hinted(format!("add its name: {}/NAME", path.path()))),
        None => Err(Error::usage("PATH is not the path of an object").hinted(
            "for example: /api/v1/namespaces/NAMESPACE/pods/NAME or /apis/GROUP/VERSION/…; \
             --verbatim sends it as it is",
        )),
    }
}

fn target(resource: &Resource) -> Target<'_> {
    Target {
        group: &resource.group,
        version: &resource.version,
        // A Namespace is in no namespace, though its path reads like it.
        namespace: resource
            .namespace
            .as_deref()
            .filter(|_| resource.resource != "namespaces"),
        resource: &resource.resource,
        name: resource.name.as_deref().unwrap_or_default(),
        subresource: resource.subresource.as_deref(),
    }
}
