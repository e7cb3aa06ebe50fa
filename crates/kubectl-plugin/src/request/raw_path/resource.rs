//! Reads the API group, version, resource and name in a path by the API server's rules
//! (`apiserver/pkg/endpoints/request/requestinfo.go`).

use percent_encoding::percent_decode_str;

/// The parts of a path. Names are percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Empty for the core group.
    pub group: String,
    /// For example `v1`.
    pub version: String,
    /// `None` for cluster-scoped objects and for all namespaces.
    pub namespace: Option<String>,
    /// The plural, for example `deployments`.
    pub resource: String,
    /// `None` for a collection.
    pub name: Option<String>,
    /// For example `scale`.
    pub subresource: Option<String>,
}

/// A legacy verb in a path: `/api/v1/watch/pods`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Watch,
    Proxy,
}

impl Prefix {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Proxy => "proxy",
        }
    }

    fn of(part: &str) -> Option<Self> {
        [Self::Watch, Self::Proxy]
            .into_iter()
            .find(|prefix| prefix.as_str() == part)
    }
}

impl Resource {
    /// Returns what a path without a legacy verb names.
    pub(super) fn of(path: &str) -> Option<Self> {
        match Self::with_prefix(path)? {
            (None, resource) => Some(resource),
            (Some(_), _) => None,
        }
    }

    /// Returns what a path names, and its legacy verb.
    pub(super) fn with_prefix(path: &str) -> Option<(Option<Prefix>, Self)> {
        let (group, version, mut parts) = split(path)?;
        let prefix = parts.first().and_then(|part| Prefix::of(part));
        if prefix.is_some() {
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
            subresource: parts.next().filter(|_| prefix != Some(Prefix::Proxy)),
        };
        Some((prefix, resource))
    }

    /// Reports whether a path ends with a legacy verb.
    pub(super) fn is_cut_off(path: &str) -> bool {
        split(path).is_some_and(
            |(_, _, parts)| matches!(parts.as_slice(), [part] if Prefix::of(part).is_some()),
        )
    }

    /// Reports whether requests and responses may contain credentials: the data of a Secret, or a token.
    pub fn is_secret(&self) -> bool {
        match (self.group.as_str(), self.resource.as_str()) {
            ("", "secrets") => true,
            ("", "serviceaccounts") => self.subresource.as_deref() == Some("token"),
            ("authentication.k8s.io", resource) => {
                ["tokenrequests", "tokenreviews"].contains(&resource)
            }
            _ => false,
        }
    }

    /// Reports whether this is a review: a POST that asks who a user is, or what a user may do, and that is not
    /// stored.
    pub(crate) fn is_review(&self) -> bool {
        let is_asked = ["authentication.k8s.io", "authorization.k8s.io"];
        is_asked.contains(&self.group.as_str()) && self.resource.ends_with("reviews")
    }

    /// Reports whether the path leads through the API server to another one.
    pub(crate) fn is_proxy(&self) -> bool {
        self.subresource.as_deref() == Some("proxy")
    }
}

/// Returns the group, the version, and the rest of the path.
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
