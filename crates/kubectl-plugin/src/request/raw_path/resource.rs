//! Parses the API group, version, resource and name in a path by the API server's rules
//! (`apiserver/pkg/endpoints/request/requestinfo.go`).

use percent_encoding::percent_decode_str;

/// The parts of a path. Names are percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version, for example `v1`.
    pub version: String,
    /// The namespace; `None` for cluster-scoped objects and for all namespaces.
    pub namespace: Option<String>,
    /// The plural name of the resource, for example `deployments`.
    pub resource: String,
    /// The name of the object; `None` for a collection.
    pub name: Option<String>,
    /// The subresource, for example `scale`.
    pub subresource: Option<String>,
}

/// A legacy verb in a path: `/api/v1/watch/pods`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegacyVerb {
    Watch,
    Proxy,
}

impl LegacyVerb {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Proxy => "proxy",
        }
    }

    fn parse(part: &str) -> Option<Self> {
        [Self::Watch, Self::Proxy]
            .into_iter()
            .find(|legacy_verb| legacy_verb.as_str() == part)
    }
}

impl Resource {
    /// Parses a path. Returns `None` if it has a legacy verb.
    pub(super) fn parse(path: &str) -> Option<Self> {
        match Self::parse_with_legacy_verb(path)? {
            (None, resource) => Some(resource),
            (Some(_), _) => None,
        }
    }

    /// Parses a path. Also returns its legacy verb.
    pub(super) fn parse_with_legacy_verb(path: &str) -> Option<(Option<LegacyVerb>, Self)> {
        let (group, version, mut parts) = split(path)?;
        let legacy_verb = parts.first().and_then(|part| LegacyVerb::parse(part));
        if legacy_verb.is_some() {
            parts.remove(0);
        }
        let mut namespace = None;
        if let [first, second, rest @ ..] = parts.as_slice()
            && first == "namespaces"
        {
            namespace = Some(second.clone());
            let is_of_the_namespace_itself = rest
                .first()
                .is_none_or(|part| ["status", "finalize"].contains(&part.as_str()));
            if !is_of_the_namespace_itself {
                parts.drain(..2);
            }
        }
        let mut parts = parts.into_iter();
        let resource = Self {
            group,
            version,
            namespace,
            resource: parts.next()?,
            name: parts.next(),
            subresource: parts
                .next()
                .filter(|_| legacy_verb != Some(LegacyVerb::Proxy)),
        };
        Some((legacy_verb, resource))
    }

    /// Reports whether a path ends with a legacy verb.
    pub(super) fn ends_with_legacy_verb(path: &str) -> bool {
        split(path).is_some_and(
            |(_, _, parts)| matches!(parts.as_slice(), [part] if LegacyVerb::parse(part).is_some()),
        )
    }

    /// Reports whether requests and responses may contain credentials: the data of a Secret, or a token.
    ///
    /// The resource may be misspelled, or in another group. The server refuses the request, but its body is
    /// still a Secret.
    pub fn is_secret(&self) -> bool {
        let names_secret = |name| self.resource.eq_ignore_ascii_case(name);
        match (self.group.as_str(), self.resource.as_str()) {
            _ if names_secret("secret") || names_secret("secrets") => true,
            ("", "serviceaccounts") => self.subresource.as_deref() == Some("token"),
            ("authentication.k8s.io", resource) => {
                ["tokenrequests", "tokenreviews"].contains(&resource)
            }
            _ => false,
        }
    }

    /// Reports whether this is a review: an object that asks who a user is, or what a user may do,
    /// and is not stored.
    pub(crate) fn is_review(&self) -> bool {
        let is_asked = ["authentication.k8s.io", "authorization.k8s.io"];
        is_asked.contains(&self.group.as_str()) && self.resource.ends_with("reviews")
    }

    /// Reports whether the API server proxies requests for this path to another server.
    pub(crate) fn is_proxy(&self) -> bool {
        self.subresource.as_deref() == Some("proxy")
    }
}

/// Splits a path into its group, its version, and the rest.
fn split(path: &str) -> Option<(String, String, Vec<String>)> {
    // The server decodes before it splits: to the server, `secrets%2Fs` is the Secret `s`.
    let path = percent_decode_str(path).decode_utf8_lossy();
    let mut segments = path.trim_matches('/').split('/').map(str::to_owned);
    let (group, version) = match segments.next()?.as_str() {
        "api" => (String::new(), segments.next()?),
        "apis" => (segments.next()?, segments.next()?),
        _ => return None,
    };
    Some((group, version, segments.collect()))
}
