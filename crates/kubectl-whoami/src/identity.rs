//! What a server can say of a user, and by which of its answers.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

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

/// A value, or the null that is nothing for Go.
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
    /// The name as a person reads it.
    pub(crate) fn shown_name(&self) -> &str {
        match self.username.as_str() {
            "" => "none",
            name => name,
        }
    }

    /// Whether it says nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where an identity comes from, from the best to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The server's own answer to this very question, in a version of that API.
    SelfSubjectReview(&'static str),
    /// What the server makes of the token that was presented.
    TokenReview,
    /// What the server writes into a request for a certificate, which it does not store.
    CertificateSigningRequest,
    /// The user name in a refusal.
    Forbidden,
    /// The credential itself. Nobody has checked it.
    LocalCredential,
}

/// A user as somebody knows it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) source: Source,
    pub(crate) user: UserInfo,
    /// The API version and the metadata of the server's own `SelfSubjectReview`.
    pub(crate) api_version: &'static str,
    pub(crate) metadata: Map<String, Value>,
}

impl Identity {
    /// One that a `SelfSubjectReview` is made up for.
    pub(crate) fn new(source: Source, user: UserInfo) -> Self {
        Self {
            source,
            user,
            api_version: API_VERSION,
            metadata: Map::new(),
        }
    }
}

/// That of the `SelfSubjectReview` that lasts.
pub(crate) const API_VERSION: &str = "authentication.k8s.io/v1";

impl Source {
    /// Its name in documents, which does not change.
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
            Self::TokenReview => formatter.write_str("TokenReview of the token"),
            Self::CertificateSigningRequest => {
                formatter.write_str("CertificateSigningRequest v1, a dry run")
            }
            Self::Forbidden => {
                formatter.write_str("the name in a refusal; the server says nothing else")
            }
            Self::LocalCredential => formatter.write_str("the local credential, unverified"),
        }
    }
}
