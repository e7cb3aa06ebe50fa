//! What the API server asks its authorizer about a request: the attributes of a verb on a path.
//!
//! The rules are those of `apiserver/pkg/endpoints/request/requestinfo.go`; `tests/whoami/can.rs`
//! holds them against what a real server writes into its audit log. One thing is not judged here:
//! a label selector that the server cannot read makes it overlook the name in a field selector.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::field_selector::required_name;
use super::resource::Prefix;
use super::{RawPath, Resource};
use crate::Error;
use crate::text::nearest::nearest;

/// The methods of HTTP that the API server knows, as it writes them for what is no resource.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// The verbs beside them that Kubernetes itself asks about (`kubectl/pkg/cmd/auth/cani.go`).
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

/// What is to be done on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A method of HTTP, in lower case: the server makes a verb of it that depends on the path.
    Method(&'static str),
    /// Any other verb, which stands as it is.
    Other(String),
}

/// The question for an authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// About objects of the API.
    Resource {
        /// For example `list`.
        verb: String,
        /// What the verb is done to.
        resource: Resource,
        /// Of `list`, `watch` and `deletecollection`: which objects are meant, as in the query.
        field_selector: Option<String>,
        /// The same for labels.
        label_selector: Option<String>,
    },
    /// About any other path.
    NonResource {
        /// The method of HTTP in lower case, or `*`.
        verb: String,
        /// Percent-decoded.
        path: String,
    },
}

impl Verb {
    /// Whether Kubernetes itself asks about it. Others mean something to those who made them up.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Method(_) => true,
            Self::Other(verb) => VERBS.contains(&verb.as_str()),
        }
    }

    /// The verb as it was given; methods in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Method(method) => method,
            Self::Other(verb) => verb,
        }
    }
}

impl FromStr for Verb {
    type Err = Error;

    /// A method in any case, a verb of Kubernetes, or one of somebody's own that looks like none
    /// of them.
    fn from_str(text: &str) -> Result<Self, Error> {
        let is_method = |method: &&&str| method.eq_ignore_ascii_case(text);
        if let Some(method) = METHODS.iter().find(is_method) {
            return Ok(Self::Method(method));
        }
        if VERBS.contains(&text) {
            return Ok(Self::Other(text.to_owned()));
        }
        let names = || METHODS.into_iter().chain(VERBS);
        // Roles may hold verbs like `impersonate:user-info` and `associate`.
        let is_verb = text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"0123456789-:".contains(&byte));
        match nearest(text, names().filter(|name| *name != "*")) {
            Some(near) => Err(Error::usage(format!("{text:?} is no verb"))
                .hinted(format!("did you mean `{near}`?"))),
            None if is_verb => Ok(Self::Other(text.to_owned())),
            None => Err(Error::usage(format!("{text:?} is no verb")).hinted(format!(
                "verbs are the methods of HTTP and those of Kubernetes: {}",
                names().collect::<Vec<_>>().join(", ")
            ))),
        }
    }
}

impl RawPath {
    /// What the API server asks its authorizer when `verb` is done on this path.
    ///
    /// # Errors
    /// When no request can ask that: a verb that the path contradicts or has no use for.
    pub fn attributes(&self, verb: &Verb) -> Result<Attributes, Error> {
        match Resource::with_prefix(&self.path) {
            Some((Some(prefix), resource)) => prefixed(prefix, verb, resource),
            Some((None, resource)) => self.of_resource(verb, resource),
            None if Resource::is_cut_off(&self.path) => Err(Error::usage(
                "PATH ends where the name of a resource is due",
            )
            .hinted("the API server answers such a path with an internal error")),
            None => self.of_no_resource(verb),
        }
    }

    fn of_resource(&self, verb: &Verb, mut resource: Resource) -> Result<Attributes, Error> {
        let is_collection = resource.name.is_none();
        let verb = match verb {
            Verb::Method("get" | "head") if is_collection && self.asks_to_watch() => "watch",
            Verb::Method("get" | "head") if is_collection => "list",
            Verb::Method("get" | "head") => "get",
            Verb::Method("post") => "create",
            Verb::Method("put") => "update",
            Verb::Method("delete") if is_collection => "deletecollection",
            Verb::Method("options") => {
                return Err(Error::usage("no verb of Kubernetes is an OPTIONS request")
                    .hinted("ask for what you want to do: get, list, watch, create, …"));
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
            .hinted("leave one of them out"));
        }
        if is_collection && ["list", "watch"].contains(&verb) && self.has_sound_numbers() {
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

    fn of_no_resource(&self, verb: &Verb) -> Result<Attributes, Error> {
        if let Verb::Other(verb) = verb
            && verb != "*"
        {
            return Err(Error::usage(format!(
                "PATH is that of no resource, which nobody can {verb}"
            ))
            .hinted(format!("its verbs are {}", METHODS.join(", "))));
        }
        Ok(Attributes::NonResource {
            verb: verb.as_str().to_owned(),
            path: percent_decode_str(&self.path)
                .decode_utf8_lossy()
                .into_owned(),
        })
    }

    /// What `watch` in the query means: everything but `0` and `false` is yes, nothing too
    /// (`apimachinery/pkg/runtime/conversion.go`).
    fn asks_to_watch(&self) -> bool {
        self.parameter("watch")
            .is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// Whether the server can read the numbers of the query. If not, it leaves it at the verb.
    fn has_sound_numbers(&self) -> bool {
        ["limit", "timeoutSeconds"].iter().all(|name| {
            self.parameter(name)
                .is_none_or(|value| value.parse::<i64>().is_ok())
        })
    }
}

/// A path with a verb of old in it: that is the verb, whatever the method.
fn prefixed(prefix: Prefix, verb: &Verb, resource: Resource) -> Result<Attributes, Error> {
    match verb {
        Verb::Other(verb) if verb != prefix.as_str() => Err(Error::usage(format!(
            "the verb {verb} contradicts `/{}/` in PATH",
            prefix.as_str()
        ))
        .hinted("take it out of the path: it was a verb of old there")),
        _ => Ok(Attributes::Resource {
            verb: prefix.as_str().to_owned(),
            resource,
            field_selector: None,
            label_selector: None,
        }),
    }
}
