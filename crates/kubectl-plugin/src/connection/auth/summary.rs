//! What a login presents to the server, as far as a person may look at it: by what somebody is
//! logged in, and until when. Nothing here is sent.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use kube_client::config::AuthInfo;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, x509::AttributeTypeAndValue};

pub use super::jwt::Claims;
use crate::connection::auth::credential::{self, ResolvedAuthorization, ResolvedCredential};
use crate::text::utc;

/// What goes to the server with a request. Both halves may be there: which of them counts is for
/// the server to say.
#[derive(Debug, Default)]
pub struct CredentialSummary {
    /// The header `Authorization`.
    pub authorization: Option<Authorization>,
    /// The client certificate of the TLS handshake.
    pub certificate: Option<ClientCertificate>,
    /// The program that both come from.
    pub plugin: Option<ExecPluginInfo>,
}

/// An exec plugin.
#[derive(Debug)]
pub struct ExecPluginInfo {
    /// The program, as the kubeconfig names it.
    pub command: String,
    /// `status.expirationTimestamp` of its answer.
    pub expires: Option<Timestamp>,
}

/// What a header `Authorization` holds.
#[derive(Debug)]
pub enum Authorization {
    /// `Bearer`.
    Token(BearerToken),
    /// `Basic`.
    Basic {
        /// The user name.
        name: String,
    },
}

/// A bearer token.
pub struct BearerToken {
    text: SecretString,
    /// The file that it was read from.
    pub file: Option<String>,
    /// The kubeconfig's `auth-provider` that it belongs to.
    pub auth_provider: Option<String>,
    /// What it says of itself, if it is a JWT.
    pub claims: Option<Claims>,
}

/// A client certificate: the first one of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// From which the API server takes the user name.
    pub common_name: Option<String>,
    /// From which the API server takes the groups.
    pub organizations: Vec<String>,
    /// For example `O=dev, CN=jane`.
    pub subject: String,
    /// Of the authority that signed it.
    pub issuer: String,
    /// SHA-256 of its DER form, in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// When it begins to be good.
    pub not_before: Timestamp,
    /// Until when it is good.
    pub not_after: Timestamp,
}

impl CredentialSummary {
    /// Describes `credential`, which comes from the kubeconfig's `user` or from an exec plugin.
    pub(crate) fn of(user: &AuthInfo, credential: &ResolvedCredential) -> Self {
        let authorization = credential.authorization.as_ref();
        let certificate = credential.certificate.as_ref();
        Self {
            authorization: authorization.map(|authorization| match authorization {
                ResolvedAuthorization::Token(text) => {
                    Authorization::Token(BearerToken::of(user, text))
                }
                ResolvedAuthorization::Basic { name, .. } => {
                    Authorization::Basic { name: name.clone() }
                }
            }),
            certificate: certificate.and_then(|certificate| leaf(&certificate.certificate)),
            plugin: None,
        }
    }
}

impl BearerToken {
    fn of(user: &AuthInfo, text: &SecretString) -> Self {
        Self {
            text: text.clone(),
            file: credential::effective_token_file(user).map(str::to_owned),
            auth_provider: match (&user.auth_provider, &user.token) {
                (Some(provider), None) => Some(provider.name.clone()),
                _ => None,
            },
            claims: Claims::of(text.expose_secret()),
        }
    }

    /// The token itself: for a request about it, and for nothing that is printed.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BearerToken")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl ClientCertificate {
    fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let subject = certificate.subject();
        let validity = certificate.validity();
        Some(Self {
            // Of several, Go takes the last one.
            common_name: subject.iter_common_name().last().map(text),
            organizations: subject.iter_organization().map(text).collect(),
            subject: subject.to_string(),
            issuer: certificate.issuer().to_string(),
            fingerprint: fingerprint(der),
            not_before: utc::from_seconds(validity.not_before.timestamp()),
            not_after: utc::from_seconds(validity.not_after.timestamp()),
        })
    }
}

/// Describes the first certificate of a PEM text.
fn leaf(pem: &[u8]) -> Option<ClientCertificate> {
    let leaf = CertificateDer::pem_slice_iter(pem).find_map(Result::ok)?;
    ClientCertificate::of(&leaf)
}

/// The value of a part of a name.
fn text(part: &AttributeTypeAndValue<'_>) -> String {
    match part.as_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(part.as_slice()).into_owned(),
    }
}

fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let mut text = String::new();
    for byte in digest.as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
