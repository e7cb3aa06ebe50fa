//! The identity of a user, and its source.
//!
//! * here: the types
//! * `ladder`: asks the server for the identity, in several ways
//! * `impersonation`: checks that the impersonated user is the one that the server named
//! * `review`: builds the request for a review, and parses the response

pub(crate) mod impersonation;
pub(crate) mod ladder;
pub(crate) mod review;

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::{Display, Formatter};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The server's name for the user of a request that is not authenticated
/// (`apiserver/pkg/authentication/user`).
pub(crate) const ANONYMOUS: &str = "system:anonymous";

/// The group of all requests that are not authenticated.
const UNAUTHENTICATED: &str = "system:unauthenticated";

/// The user attributes, in the order of Go's struct (`k8s.io/api/authentication/v1`, `UserInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct UserInfo {
    #[serde(
        deserialize_with = "or_nothing",
        skip_serializing_if = "String::is_empty"
    )]
    pub(crate) username: String,
    #[serde(
        deserialize_with = "or_nothing",
        skip_serializing_if = "String::is_empty"
    )]
    pub(crate) uid: String,
    #[serde(deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    #[serde(
        deserialize_with = "each_or_nothing",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

/// Deserializes a value, or a null, which Go treats as absent.
pub(crate) fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    source: D,
) -> Result<T, D::Error> {
    Option::deserialize(source).map(Option::unwrap_or_default)
}

fn each_or_nothing<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let extra: BTreeMap<String, Option<Vec<String>>> = or_nothing(source)?;
    let values = extra.into_iter();
    Ok(values
        .map(|(key, values)| (key, values.unwrap_or_default()))
        .collect())
}

impl UserInfo {
    /// Returns the name for display.
    pub(crate) fn shown_name(&self) -> &str {
        match self.username.as_str() {
            "" => "none",
            name => name,
        }
    }

    /// Returns the user of a request that is not authenticated.
    pub(crate) fn anonymous() -> Self {
        Self {
            username: ANONYMOUS.to_owned(),
            ..Self::default()
        }
    }

    /// Reports whether the server did not authenticate the request.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.username == ANONYMOUS || self.groups.iter().any(|group| group == UNAUTHENTICATED)
    }

    /// Reports whether no attribute is set.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The source of an identity, in the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The server's own `SelfSubjectReview`, in a version of that API.
    SelfSubjectReview(&'static str),
    /// The server's review of the token that was sent.
    TokenReview,
    /// The user that the server writes into a request for a certificate, which is not stored.
    CertificateSigningRequest,
    /// `OpenShift`'s object for the user of a request.
    OpenShiftUser,
    /// The user name in a refusal.
    Forbidden,
    /// The credential itself, unverified.
    LocalCredential,
}

/// A user, and the source of this information.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) source: Source,
    pub(crate) user: UserInfo,
    /// The API version of the server's `SelfSubjectReview`.
    pub(crate) api_version: &'static str,
    pub(crate) metadata: Map<String, Value>,
}

impl Identity {
    /// Creates an identity from another source than a `SelfSubjectReview`.
    pub(crate) fn new(source: Source, user: UserInfo) -> Self {
        Self {
            source,
            user,
            api_version: API_VERSION,
            metadata: Map::new(),
        }
    }
}

/// The stable API version of `SelfSubjectReview`.
pub(crate) const API_VERSION: &str = "authentication.k8s.io/v1";

impl Source {
    /// Returns the name in documents, which must not change.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelfSubjectReview("v1beta1") => "SelfSubjectReview/v1beta1",
            Self::SelfSubjectReview("v1alpha1") => "SelfSubjectReview/v1alpha1",
            Self::SelfSubjectReview(_) => "SelfSubjectReview/v1",
            Self::TokenReview => "TokenReview",
            Self::CertificateSigningRequest => "CertificateSigningRequest",
            Self::OpenShiftUser => "OpenShiftUser",
            Self::Forbidden => "Forbidden",
            Self::LocalCredential => "LocalCredential",
        }
    }
}

impl Display for Source {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfSubjectReview(version) => {
                write!(formatter, "SelfSubjectReview {version}")
            }
            Self::TokenReview => formatter.write_str("TokenReview of your token"),
            Self::CertificateSigningRequest => {
                formatter.write_str("CertificateSigningRequest v1 (dry run)")
            }
            Self::OpenShiftUser => formatter.write_str("users/~ of OpenShift; groups are unknown"),
            Self::Forbidden => {
                formatter.write_str("the user name in a 403 response; groups and UID are unknown")
            }
            Self::LocalCredential => formatter.write_str("the local credential, unverified"),
        }
    }
}
