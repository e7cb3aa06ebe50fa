//! An API path and its query, which are sent unchanged.
//!
//! kubectl decodes a raw path, cleans it, sorts its query, and drops the parts that it cannot
//! parse. The API server drops parameters, too: `?dryRun=All;fieldManager=x` writes for real. So
//! nothing is rewritten here, and `check` refuses everything that a server may read differently.
//! The error has the offset and the right spelling.
//!
//! * `check`: refuses malformed and ambiguous paths
//! * `query`: reads and adds parameters
//! * `resource`: parses the object or collection that a path names
//! * `attributes`: the attributes that the authorizer gets; `field_selector` extracts the
//!   name from `fieldSelector=metadata.name=…`

mod attributes;
mod check;
mod field_selector;
mod query;
mod resource;

use std::fmt;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Error;
use crate::request::type_and_name::{built_in, expected_a_path};

pub use attributes::{Attributes, Verb};
pub use resource::Resource;

/// The characters of a name that are percent-encoded in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@');

/// A checked API path with its query, relative to the server's base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPath {
    path: String,
    query: Option<String>,
    /// The offset of the query in the text that the user typed, in bytes.
    query_offset: usize,
    /// `https://host:port` of a pasted URL, until [`RawPath::on_server`] has compared it.
    origin: Option<String>,
}

impl RawPath {
    /// Accepts `text` without checks, except that it must be possible to send it.
    pub fn verbatim(text: &str) -> Result<Self, Error> {
        let raw_path = Self::split(text)?;
        raw_path.uri()?;
        Ok(raw_path)
    }

    fn split(text: &str) -> Result<Self, Error> {
        if let Some(offset) = text.find('#') {
            return Err(Error::usage(format!(
                "PATH has a `#` at byte {offset}; the rest would not be sent"
            ))
            .with_hint("write `%23` for a `#` in a value"));
        }
        let origin_length = match text.find("://") {
            Some(scheme) if !text[..scheme].contains(['/', '?']) => {
                let authority = scheme + "://".len();
                text[authority..]
                    .find(['/', '?'])
                    .map_or(text.len(), |length| authority + length)
            }
            _ => 0,
        };
        let (origin, rest) = text.split_at(origin_length);
        let (path, query) = rest
            .split_once('?')
            .map_or((rest, None), |(path, query)| (path, Some(query)));
        if !path.starts_with('/') {
            if let Some(error) = expected_a_path(&[path], || "NAMESPACE".to_owned()) {
                return Err(error);
            }
            return Err(
                Error::usage("PATH must start with `/`").with_hint(match path {
                    path if path.starts_with("api") => format!("did you mean `/{path}`?"),
                    path if path.contains("/api/") || path.contains("/apis/") => {
                        "remove the characters before the first `/`".to_owned()
                    }
                    path if path.contains(":/") || path.contains(":\\") => {
                        "set MSYS_NO_PATHCONV=1: Git Bash and MSYS2 rewrite paths".to_owned()
                    }
                    _ => "use a path such as `/apis/apps/v1/namespaces/default/deployments/NAME`"
                        .to_owned(),
                }),
            );
        }
        Ok(Self {
            path: path.to_owned(),
            query: query.map(str::to_owned),
            query_offset: origin_length + path.len() + 1,
            origin: (!origin.is_empty()).then(|| origin.to_owned()),
        })
    }

    /// Returns the path and the query as the target of a request.
    pub fn uri(&self) -> Result<Uri, Error> {
        self.to_string().parse().map_err(|error| {
            Error::usage(format!("PATH is not a valid request path: {error}"))
                .with_hint("percent-encode everything except letters, digits and `-._~`")
        })
    }

    /// Returns the path without its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reports whether the path has a query.
    pub fn has_query(&self) -> bool {
        self.query.is_some()
    }

    /// Returns the object or collection that the path names; `None` outside `/api/VERSION` and
    /// `/apis/GROUP/VERSION`.
    pub fn resource(&self) -> Option<Resource> {
        Resource::parse(&self.path)
    }

    /// Reports whether the API server proxies the request to a node, Pod or Service.
    pub fn is_proxied(&self) -> bool {
        self.resource().is_some_and(|resource| resource.is_proxy())
    }

    /// Reports whether the request asks the API server not to store the result. A server behind a
    /// `proxy` path does not support this.
    pub fn is_dry_run(&self) -> bool {
        self.parameter("dryRun").as_deref() == Some("All") && !self.is_proxied()
    }

    /// Appends a subresource. Refuses a path that has another subresource.
    pub fn add_subresource(&mut self, subresource: &str) -> Result<(), Error> {
        let Some(Resource {
            name: Some(_),
            subresource: present,
            ..
        }) = self.resource()
        else {
            return Err(Error::usage(format!(
                "--subresource={subresource} needs the path of one object"
            ))
            .with_hint("add the name of an object to PATH"));
        };
        let is_name = subresource
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !is_name || subresource.trim_matches('.').is_empty() {
            return Err(Error::usage(format!(
                "--subresource={subresource} is not a subresource name"
            ))
            .with_hint("use a name such as --subresource=status"));
        }
        match present {
            None => {
                self.path.truncate(self.path.trim_end_matches('/').len());
                self.path.push('/');
                self.path.push_str(subresource);
                Ok(())
            }
            Some(present) if present == subresource => Ok(()),
            Some(present) => Err(Error::usage(format!(
                "--subresource={subresource} contradicts `/{present}` in PATH"
            ))
            .with_hint("remove one of them")),
        }
    }

    /// Returns another path with the query of this one.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }

    /// Returns the path of an object in this collection, with its query. `namespace` is empty for a
    /// cluster-scoped object. Returns `None` if no path can name the object.
    pub fn of_object(&self, namespace: &str, name: &str) -> Option<Self> {
        let mut collection = self.path.clone();
        if !namespace.is_empty() && self.resource()?.namespace.is_none() {
            let resource = collection.rfind('/')?;
            let namespace = utf8_percent_encode(namespace, SEGMENT);
            collection.insert_str(resource, &format!("/namespaces/{namespace}"));
        }
        let path = format!("{collection}/{}", utf8_percent_encode(name, SEGMENT));
        check::path(&path, 0).ok()?;
        let object = self.with_path(&path);
        let resource = object.resource()?;
        let is_named = resource.name.as_deref() == Some(name) && resource.subresource.is_none();
        let is_in_namespace = namespace.is_empty()
            || resource.resource == "namespaces"
            || resource.namespace.as_deref() == Some(namespace);
        (is_named && is_in_namespace).then_some(object)
    }

    /// Returns the path of the object itself, without a subresource and a query.
    #[must_use]
    pub fn without_subresource(&self) -> Self {
        let subresource = self.resource().and_then(|resource| resource.subresource);
        let suffix = subresource.map_or_else(String::new, |name| format!("/{name}"));
        Self {
            path: self
                .path
                .strip_suffix(&suffix)
                .unwrap_or(&self.path)
                .to_owned(),
            query: None,
            ..self.clone()
        }
    }

    /// Refuses a namespace that differs from the one in the path.
    pub fn check_namespace(&self, namespace: &str) -> Result<(), Error> {
        match self.resource().and_then(|resource| resource.namespace) {
            None if self.covers_namespaces() => Err(Error::usage(format!(
                "--namespace={namespace} contradicts PATH, which covers all namespaces"
            ))
            .with_hint(format!(
                "add /namespaces/{namespace} to PATH, or remove --namespace"
            ))),
            Some(present) if present != namespace => Err(Error::usage(format!(
                "--namespace={namespace} contradicts `/namespaces/{present}` in PATH"
            ))
            .with_hint("remove --namespace: a raw request uses the namespace in its path")),
            _ => Ok(()),
        }
    }

    /// Reports whether this is a collection of all namespaces, as far as that is known without the
    /// server.
    fn covers_namespaces(&self) -> bool {
        self.resource().is_some_and(|resource| {
            let with_group = format!("{}.{}", resource.resource, resource.group);
            let built_in = built_in(with_group.trim_end_matches('.'))
                .filter(|built_in| built_in.group == resource.group);
            resource.name.is_none() && built_in.is_some_and(|built_in| built_in.is_namespaced)
        })
    }

    /// Returns the path relative to `server`. A pasted URL must have that server's address and base
    /// path.
    pub fn on_server(mut self, server: &Uri) -> Result<Self, Error> {
        let Some(origin) = self.origin.take() else {
            return Ok(self);
        };
        let is_same = origin.parse::<Uri>().is_ok_and(|given| {
            let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
            given.scheme() == server.scheme()
                && host(&given) == host(server)
                && port(&given) == port(server)
        });
        let below = self.path.strip_prefix(server.path().trim_end_matches('/'));
        match below {
            Some(rest) if is_same && rest.starts_with('/') => {
                self.path = String::from(rest);
                Ok(self)
            }
            _ => {
                let authority = server
                    .authority()
                    .map_or("", |authority| authority.as_str());
                Err(Error::usage(format!(
                    "PATH is a URL on {}, but the kubeconfig's server is {authority}{}",
                    without_userinfo(&origin),
                    server.path().trim_end_matches('/'),
                ))
                .with_hint("pass only the path, or select that server with --context"))
            }
        }
    }
}

impl FromStr for RawPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut raw_path = Self::split(text)?;
        let origin_length = raw_path.origin.as_ref().map_or(0, String::len);
        // A shell's completion may leave one trailing slash, which the API server does not need.
        // For a proxied server, it may be significant.
        let length = raw_path.path.len();
        if length > 1 && raw_path.path.ends_with('/') && !raw_path.is_proxied() {
            raw_path.path.truncate(length - 1);
        }
        check::path(&raw_path.path, origin_length)?;
        if let Some(query) = &raw_path.query {
            check::query(query, raw_path.query_offset)?;
        }
        Ok(raw_path)
    }
}

impl Display for RawPath {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        self.query
            .iter()
            .try_for_each(|query| write!(formatter, "?{query}"))
    }
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    uri.port_u16().unwrap_or(default)
}

/// Removes the user name and the password from an origin.
fn without_userinfo(origin: &str) -> String {
    match (origin.find("://"), origin.rfind('@')) {
        (Some(scheme), Some(at)) => format!("{}{}", &origin[..scheme + 3], &origin[at + 1..]),
        _ => origin.to_owned(),
    }
}

#[cfg(test)]
mod tests;
