//! What a server can say of a user, and by which of its answers.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The user attributes, in the order in which Go's struct has them
/// (`k8s.io/api/authentication/v1`, `UserInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct UserInfo {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) uid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) extra: BTreeMap<String, Vec<String>>,
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
    pub(crate) metadata: Value,
}

impl Identity {
    /// One that a `SelfSubjectReview` is made up for.
    pub(crate) fn new(source: Source, user: UserInfo) -> Self {
        Self {
            source,
            user,
            api_version: API_VERSION,
            metadata: json!({}),
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
