//! What an API path is about, by the rules of the API server
//! (`apiserver/pkg/endpoints/request/requestinfo.go`).

use percent_encoding::percent_decode_str;

/// The parts of a path. Names are percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Empty for the core group.
    pub group: String,
    /// For example `v1`.
    pub version: String,
    /// `None` for cluster-scoped objects, and for all namespaces.
    pub namespace: Option<String>,
    /// The plural, for example `deployments`.
    pub resource: String,
    /// `None` for a collection.
    pub name: Option<String>,
    /// For example `scale`.
    pub subresource: Option<String>,
}

impl Resource {
    pub(super) fn of(path: &str) -> Option<Self> {
        // The server decodes before it splits: `secrets%2Fs` is the Secret `s` for it.
        let path = percent_decode_str(path).decode_utf8_lossy();
        let mut segments = path.trim_matches('/').split('/').map(str::to_owned);
        let (group, version) = match segments.next()?.as_str() {
            "api" => (String::new(), segments.next()?),
            "apis" => (segments.next()?, segments.next()?),
            _ => return None,
        };
        let mut parts: Vec<String> = segments.collect();
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
        Some(Self {
            group,
            version,
            namespace,
            // These are verbs of old: `/api/v1/watch/pods`.
            resource: parts
                .next()
                .filter(|part| !["watch", "proxy"].contains(&part.as_str()))?,
            name: parts.next(),
            subresource: parts.next(),
        })
    }

    /// Whether credentials may be in what is sent or said: the data of a Secret, or a token.
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

    /// Whether it is one of the questions that are asked by POST and not stored: who somebody is,
    /// and what somebody may do.
    pub(crate) fn is_review(&self) -> bool {
        let is_asked = ["authentication.k8s.io", "authorization.k8s.io"];
        is_asked.contains(&self.group.as_str()) && self.resource.ends_with("reviews")
    }

    /// Whether what is behind the API server is meant.
    pub(crate) fn is_proxy(&self) -> bool {
        self.subresource.as_deref() == Some("proxy")
    }
}
