//! The identity of a user, as a server states it, and the source of that statement.

pub(crate) mod ladder;
pub(crate) mod review;

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::{Display, Formatter};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The user attributes, in the order in which Go's struct has them
/// (`k8s.io/api/authentication/v1`, `UserInfo`).
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
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
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

    /// Reports whether no attribute is set.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The source of an identity, from the best to the last resort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The server's own `SelfSubjectReview`, in a version of that API.
    SelfSubjectReview(&'static str),
    /// The server's review of the token that was sent.
    TokenReview,
    /// The user that the server writes into a request for a certificate, which is not stored.
    CertificateSigningRequest,
    /// The user name in a refusal.
    Forbidden,
    /// The credential itself, unverified.
    LocalCredential,
}

/// A user, and who says so.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) source: Source,
    pub(crate) user: UserInfo,
    /// The API version and the metadata of the server's own `SelfSubjectReview`.
    pub(crate) api_version: &'static str,
    pub(crate) metadata: Map<String, Value>,
}

impl Identity {
    /// Returns an identity from another source than a `SelfSubjectReview`.
    pub(crate) fn new(source: Source, user: UserInfo) -> Self {
        Self {
            source,
            user,
            api_version: API_VERSION,
            metadata: Map::new(),
        }
    }
}

/// The API version of the `SelfSubjectReview` that is generally available.
pub(crate) const API_VERSION: &str = "authentication.k8s.io/v1";

impl Source {
    /// Returns its name in documents, which does not change.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelfSubjectReview("v1beta1") => "SelfSubjectReview/v1beta1",
            Self::SelfSubjectReview("v1alpha1") => "SelfSubjectReview/v1alpha1",
            Self::SelfSubjectReview(_) => "SelfSubjectReview/v1",
            Self::TokenReview => "TokenReview",
            Self::CertificateSigningRequest => "CertificateSigningRequest",
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
                formatter.write_str("CertificateSigningRequest v1, as a dry run")
            }
            Self::Forbidden => {
                formatter.write_str("the user name in a refusal; the server says nothing else")
            }
            Self::LocalCredential => formatter.write_str("the local credential, unverified"),
        }
    }
}
