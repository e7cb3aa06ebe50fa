//! Describes a credential for display: its kind, its subject and its expiry.

use std::fmt;
use std::fmt::Write as _;

use jiff::Timestamp;
use kube_client::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AttributeTypeAndValue;

pub use super::jwt::Claims;
pub use super::source::CredentialSource;
use crate::connection::auth::credential;
use crate::connection::auth::credential::{ResolvedAuthorization, ResolvedCredential};
use crate::text::utc;

/// The credential that is sent with a request. It may have both parts; the server decides which one counts.
#[derive(Debug, Default)]
pub struct CredentialSummary {
    /// The `Authorization` header.
    pub authorization: Option<Authorization>,
    /// The client certificate of the TLS handshake.
    pub certificate: Option<ClientCertificate>,
    /// The exec plugin that provides the credential.
    pub plugin: Option<ExecPluginInfo>,
    /// The place that the credential comes from.
    pub source: CredentialSource,
}

/// An exec plugin that provides a credential.
#[derive(Debug)]
pub struct ExecPluginInfo {
    /// The program, as named in the kubeconfig.
    pub command: String,
    /// The `status.expirationTimestamp` that it returned.
    pub expires: Option<Timestamp>,
}

/// The content of an `Authorization` header.
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
    /// The kubeconfig's `auth-provider` that has the token.
    pub auth_provider: Option<String>,
    /// Its claims, if it is a JWT.
    pub claims: Option<Box<Claims>>,
}

/// A client certificate: the first one of its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The common name, which is the API server's user name.
    pub common_name: Option<String>,
    /// The organizations, which are the API server's groups.
    pub organizations: Vec<String>,
    /// The subject, for example `O=dev, CN=jane`.
    pub subject: String,
    /// The subject of the authority that signed it.
    pub issuer: String,
    /// The SHA-256 of its DER form, in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl CredentialSummary {
    /// Describes `credential`, which comes from the kubeconfig's `user` or from an exec plugin.
    pub(crate) fn from_credential(user: &AuthInfo, credential: &ResolvedCredential) -> Self {
        let authorization = credential.authorization.as_ref();
        let certificate = credential.certificate.as_ref();
        Self {
            authorization: authorization.map(|authorization| match authorization {
                ResolvedAuthorization::Token(text) => {
                    Authorization::Token(BearerToken::new(user, text))
                }
                ResolvedAuthorization::Basic { name, .. } => {
                    Authorization::Basic { name: name.clone() }
                }
            }),
            certificate: certificate.and_then(|certificate| leaf(&certificate.certificate)),
            ..Self::default()
        }
    }
}

impl BearerToken {
    fn new(user: &AuthInfo, text: &SecretString) -> Self {
        Self {
            text: text.clone(),
            file: credential::effective_token_file(user).map(str::to_owned),
            auth_provider: match (&user.auth_provider, &user.token) {
                (Some(provider), None) => Some(provider.name.clone()),
                _ => None,
            },
            claims: Claims::parse(text.expose_secret()).map(Box::new),
        }
    }

    /// Returns the token itself, for a review of it. It must not be printed.
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
    fn from_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let subject = certificate.subject();
        let validity = certificate.validity();
        Some(Self {
            // If there are several, Go uses the last one.
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
    ClientCertificate::from_der(&leaf)
}

/// Returns the value of a part of a name.
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
