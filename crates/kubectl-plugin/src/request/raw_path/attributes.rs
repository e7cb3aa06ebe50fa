//! The attributes of a request, as the API server passes them to its authorizer.
//!
//! The rules come from `apiserver/pkg/endpoints/request/requestinfo.go`; `tests/whoami/can.rs`
//! compares them with a real server's audit log. One rule is missing: if the server cannot parse a
//! label selector, it ignores the name in a field selector.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::field_selector::required_name;
use super::resource::LegacyVerb;
use super::{RawPath, Resource};
use crate::Error;
use crate::text::nearest::nearest;

/// The HTTP methods that the API server supports, in the spelling of non-resource rules.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// The other verbs that Kubernetes itself uses (`kubectl/pkg/cmd/auth/cani.go`).
const VERBS: [&str; 13] = [
    "list",
    "watch",
    "create",
    "update",
    "deletecollection",
    "impersonate",
    "use",
    "bind",
    "escalate",
    "approve",
    "sign",
    "attest",
    "*",
];

/// A verb on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// An HTTP method in lower case. The server maps it to a verb, depending on the path.
    Method(&'static str),
    /// Any other verb, unchanged.
    Other(String),
}

/// The attributes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// A request for objects of the API.
    Resource {
        /// The verb, for example `list`.
        verb: String,
        /// The object or collection.
        resource: Resource,
        /// The selector in the query of `list`, `watch` and `deletecollection`.
        field_selector: Option<String>,
        /// The label selector in the query of the same verbs.
        label_selector: Option<String>,
    },
    /// A request for any other path.
    NonResource {
        /// The HTTP method in lower case, or `*`.
        verb: String,
        /// The path, percent-decoded.
        path: String,
    },
}

impl Verb {
    /// Reports whether Kubernetes itself uses this verb. Custom authorization may use any other.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Method(_) => true,
            Self::Other(verb) => VERBS.contains(&verb.as_str()),
        }
    }

    /// Returns the verb. An HTTP method is in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Method(method) => method,
            Self::Other(verb) => verb,
        }
    }
}

impl FromStr for Verb {
    type Err = Error;

    /// Parses an HTTP method in any case, a verb of Kubernetes, or a custom verb. Refuses a custom
    /// verb that looks like a misspelling.
    fn from_str(text: &str) -> Result<Self, Error> {
        let is_method = |method: &&&str| method.eq_ignore_ascii_case(text);
        if let Some(method) = METHODS.iter().find(is_method) {
            return Ok(Self::Method(method));
        }
        if VERBS.contains(&text) {
            return Ok(Self::Other(text.to_owned()));
        }
        let names = || METHODS.into_iter().chain(VERBS);
        // Roles may contain verbs such as `impersonate:user-info` and `associate`.
        let is_verb = text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"0123456789-:".contains(&byte));
        match nearest(text, names().filter(|name| *name != "*")) {
            Some(near) => Err(Error::usage(format!("{text:?} is not a verb"))
                .with_hint(format!("did you mean `{near}`?"))),
            None if is_verb => Ok(Self::Other(text.to_owned())),
            None => Err(
                Error::usage(format!("{text:?} is not a verb")).with_hint(format!(
                    "use an HTTP method or a Kubernetes verb: {}",
                    names().collect::<Vec<_>>().join(", ")
                )),
            ),
        }
    }
}

impl RawPath {
    /// Returns the attributes that the API server passes to its authorizer for `verb` on this path.
    ///
    /// # Errors
    /// Fails if no request has such attributes: the path contradicts the verb, or the verb does not
    /// apply to it.
    pub fn attributes(&self, verb: &Verb) -> Result<Attributes, Error> {
        match Resource::parse_with_legacy_verb(&self.path) {
            Some((Some(legacy_verb), resource)) => legacy_attributes(legacy_verb, verb, resource),
            Some((None, resource)) => self.resource_attributes(verb, resource),
            None if Resource::ends_with_legacy_verb(&self.path) => {
                Err(Error::usage("PATH ends before the name of a resource")
                    .with_hint("add a resource, as in /api/v1/watch/pods"))
            }
            None => self.non_resource_attributes(verb),
        }
    }

    fn resource_attributes(
        &self,
        verb: &Verb,
        mut resource: Resource,
    ) -> Result<Attributes, Error> {
        let is_collection = resource.name.is_none();
        let verb = match verb {
            Verb::Method("get" | "head") if is_collection && self.asks_to_watch() => "watch",
            Verb::Method("get" | "head") if is_collection => "list",
            Verb::Method("get" | "head") => "get",
            Verb::Method("post") => "create",
            Verb::Method("put") => "update",
            Verb::Method("delete") if is_collection => "deletecollection",
            Verb::Method("options") => {
                return Err(Error::usage("no Kubernetes verb maps to OPTIONS")
                    .with_hint("use the verb that you need: get, list, watch, create, …"));
            }
            Verb::Method(method) => method,
            Verb::Other(verb) => verb,
        };
        let watches = self.parameter("watch").map(|_| self.asks_to_watch());
        if let ("list", Some(true)) | ("watch", Some(false)) = (verb, watches) {
            return Err(Error::usage(format!(
                "the verb {verb} contradicts `watch={}` in PATH",
                self.parameter("watch").unwrap_or_default()
            ))
            .with_hint("remove one of them"));
        }
        if is_collection && ["list", "watch"].contains(&verb) && self.has_valid_numbers() {
            resource.name = self
                .parameter("fieldSelector")
                .and_then(|selector| required_name(&selector));
        }
        let selector = |name| {
            ["list", "watch", "deletecollection"]
                .contains(&verb)
                .then(|| self.parameter(name))?
                .filter(|selector| !selector.is_empty())
                .map(std::borrow::Cow::into_owned)
        };
        Ok(Attributes::Resource {
            field_selector: selector("fieldSelector"),
            label_selector: selector("labelSelector"),
            verb: verb.to_owned(),
            resource,
        })
    }

    fn non_resource_attributes(&self, verb: &Verb) -> Result<Attributes, Error> {
        if let Verb::Other(verb) = verb
            && verb != "*"
        {
            return Err(Error::usage(format!(
                "PATH is not a resource path, so the verb {verb} does not apply"
            ))
            .with_hint(format!("use an HTTP method: {}", METHODS.join(", "))));
        }
        Ok(Attributes::NonResource {
            verb: verb.as_str().to_owned(),
            path: percent_decode_str(&self.path)
                .decode_utf8_lossy()
                .into_owned(),
        })
    }

    /// Reports whether the query asks for a watch, with any value except `0` and `false`, even an
    /// empty one (`apimachinery/pkg/runtime/conversion.go`).
    fn asks_to_watch(&self) -> bool {
        self.parameter("watch")
            .is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// Reports whether the server can parse the numbers in the query. If not, it ignores the field
    /// selector.
    fn has_valid_numbers(&self) -> bool {
        ["limit", "timeoutSeconds"].iter().all(|name| {
            self.parameter(name)
                .is_none_or(|value| value.parse::<i64>().is_ok())
        })
    }
}

/// Returns the attributes for a path with a legacy verb, which overrides the method.
fn legacy_attributes(
    legacy_verb: LegacyVerb,
    verb: &Verb,
    resource: Resource,
) -> Result<Attributes, Error> {
    match verb {
        Verb::Other(verb) if verb != legacy_verb.as_str() => Err(Error::usage(format!(
            "the verb {verb} contradicts `/{}/` in PATH",
            legacy_verb.as_str()
        ))
        .with_hint(format!("remove /{}/ from PATH", legacy_verb.as_str()))),
        _ => Ok(Attributes::Resource {
            verb: legacy_verb.as_str().to_owned(),
            resource,
            field_selector: None,
            label_selector: None,
        }),
    }
}
