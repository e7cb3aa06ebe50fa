//! Reads a user's credential and a cluster's certificate authorities
//! (`client-go/transport/transport.go` and `round_trippers.go`).

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::header;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use kube_client::config::{AuthInfo, Cluster};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::Error;
use crate::connection::auth::source::CredentialSource;
use crate::connection::auth::{id_token, mistake};
use crate::connection::kubeconfig::file;
use crate::connection::transport::server_url;

/// The characters that must be escaped in a header name (RFC 9110, `token`), and the escape character.
const ESCAPED_IN_HEADER_NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The credential of a user, with the content of all files, but without impersonation.
#[derive(Clone, Default)]
pub(crate) struct ResolvedCredential {
    /// The `Authorization` header.
    pub(crate) authorization: Option<ResolvedAuthorization>,
    /// The client certificate of the TLS handshake.
    pub(crate) certificate: Option<CertificateAndKey>,
}

/// The content of an `Authorization` header.
#[derive(Clone)]
pub(crate) enum ResolvedAuthorization {
    /// A bearer token.
    Token(SecretString),
    /// A user name and a password.
    Basic {
        name: String,
        password: SecretString,
    },
}

/// A client certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct CertificateAndKey {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: SecretSlice<u8>,
}

impl ResolvedCredential {
    /// Reads the credential of a user in the kubeconfig: a bearer token, or a name and a password;
    /// and a client certificate.
    pub(crate) fn from_user(user: &AuthInfo, source: &CredentialSource) -> Result<Self, Error> {
        let user_name = &source.user;
        let mut authorization = token(user)?.map(ResolvedAuthorization::Token);
        if let Some(name) = &user.username {
            if authorization.is_some() {
                return Err(Error::usage(
                    "username/password or bearer token may be set, but not both",
                ));
            }
            authorization = Some(ResolvedAuthorization::Basic {
                name: name.clone(),
                password: user.password.clone().unwrap_or_default(),
            });
        }
        let certificate = certificate_and_key(user, user_name)?;
        if let Some(provider) = &user.auth_provider {
            id_token::check(provider)?;
            if authorization.is_none() {
                let token = id_token::id_token(provider, user_name)?;
                authorization = Some(ResolvedAuthorization::Token(token.into()));
            }
        }
        Ok(Self {
            authorization,
            certificate,
        })
    }

    /// Reports whether there is a credential at all.
    pub(crate) fn is_some(&self) -> bool {
        self.authorization.is_some() || self.certificate.is_some()
    }

    /// Reports whether two credentials of the same user have the same token and certificate.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let certificate = |credential: &Self| {
            let certificate = credential.certificate.as_ref();
            certificate.map(|certificate| certificate.certificate.clone())
        };
        self.token() == other.token() && certificate(self) == certificate(other)
    }

    /// Returns the bearer token.
    pub(crate) fn token(&self) -> Option<&str> {
        match &self.authorization {
            Some(ResolvedAuthorization::Token(token)) => Some(token.expose_secret()),
            _ => None,
        }
    }
}

fn certificate_and_key(
    user: &AuthInfo,
    user_name: &str,
) -> Result<Option<CertificateAndKey>, Error> {
    let owner = format!(" of user {user_name:?}");
    let certificate = pem(
        "client-certificate",
        &owner,
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_deref(),
    )?;
    // A key without a certificate is useless, but as in kubectl not an error.
    let Some(certificate) = certificate else {
        return Ok(None);
    };
    let data = exposed(user.client_key_data.as_ref());
    let key = pem("client-key", &owner, data, user.client_key.as_deref())?.unwrap_or_default();
    if is_encrypted(&key) {
        return Err(Error::usage(format!("the client-key{owner} is encrypted"))
            .with_hint("remove the passphrase: openssl pkey -in OLD.key -out NEW.key"));
    }
    Ok(Some(CertificateAndKey {
        certificate,
        key: key.into(),
    }))
}

/// The user that requests are sent as instead of the owner of the credential. It is not secret, and
/// like kubectl, the plugins also send it over plain http.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// The user name.
    pub user: Option<String>,
    /// The UID.
    pub uid: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// The extra attributes.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Impersonation {
    pub(crate) fn from_user(user: &AuthInfo) -> Self {
        let extra = user.impersonate_user_extra.clone().unwrap_or_default();
        Self {
            user: user.impersonate.clone(),
            uid: user.impersonate_uid.clone(),
            groups: user.impersonate_groups.clone().unwrap_or_default(),
            extra: extra.into_iter().collect(),
        }
    }

    /// Reports whether requests are sent as another user.
    pub fn is_some(&self) -> bool {
        *self != Self::default()
    }

    /// Adds the headers. The extras are in the order of their keys.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        let mut add = |name: &str, value: &str| {
            let pair = (
                HeaderName::try_from(name).ok(),
                HeaderValue::try_from(value).ok(),
            );
            let (Some(name), Some(value)) = pair else {
                return Err(Error::usage(
                    "an impersonation flag contains a character that HTTP headers do not allow",
                ));
            };
            headers.append(name, value);
            Ok(())
        };
        if let Some(user) = &self.user {
            add("impersonate-user", user)?;
        }
        if let Some(uid) = &self.uid {
            add("impersonate-uid", uid)?;
        }
        for group in &self.groups {
            add("impersonate-group", group)?;
        }
        for (key, values) in &self.extra {
            let name = format!(
                "impersonate-extra-{}",
                utf8_percent_encode(key, ESCAPED_IN_HEADER_NAME)
            );
            for value in values {
                add(&name, value)?;
            }
        }
        Ok(())
    }
}

/// Returns a user without its credential but with its impersonation, for a server that must not get
/// the credential.
pub(crate) fn without_credential(user: &AuthInfo) -> AuthInfo {
    AuthInfo {
        impersonate: user.impersonate.clone(),
        impersonate_uid: user.impersonate_uid.clone(),
        impersonate_groups: user.impersonate_groups.clone(),
        impersonate_user_extra: user.impersonate_user_extra.clone(),
        ..AuthInfo::default()
    }
}

/// Reports whether a private key in PEM is encrypted. PKCS#8 shows it in the label, PKCS#1 and SEC1
/// in a header.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.lines().any(|line| {
        line.starts_with("-----BEGIN ENCRYPTED")
            || line.starts_with("Proc-Type:") && line.contains("ENCRYPTED")
    })
}

/// Returns a note if the user's credential is not sent because the server uses plain http.
pub(crate) fn withheld(user: &AuthInfo, server: &Uri) -> Option<String> {
    let has_any = user.token.is_some()
        || user.token_file.is_some()
        || user.username.is_some()
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some()
        || user.exec.is_some()
        || user.auth_provider.is_some();
    (has_any && !server_url::is_loopback(server))
        .then(|| format!("no credential is sent to {server}: the connection is not encrypted"))
}

/// Returns the cluster's certificate authorities in PEM; `None` means the platform's.
pub(crate) fn certificate_authority(cluster: &Cluster) -> Result<Option<Vec<u8>>, Error> {
    pem(
        "certificate-authority",
        "",
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
    )
}

/// Returns the text of a secret.
fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

/// Returns the token. As in client-go, the token in a file takes precedence, because Kubernetes
/// renews it there.
fn token(user: &AuthInfo) -> Result<Option<SecretString>, Error> {
    let inline = exposed(user.token.as_ref());
    let token = match (&user.token_file, inline) {
        (Some(path), inline) => match (token_of_file(path), inline) {
            (Ok(token), _) => match mistake::of_token(&token) {
                Some(mistake) => return Err(mistake.error(&format!("the token in {path}"))),
                None => token,
            },
            (Err(_), Some(inline)) => inline.to_owned(),
            (Err(reason), None) => return Err(Error::usage(reason)),
        },
        (None, Some(inline)) => inline.to_owned(),
        (None, None) => return Ok(None),
    };
    // Departure: kubectl does not trim an inline token, and fails if it ends with the newline of a
    // YAML block.
    let token = token.trim();
    if HeaderValue::from_str(token).is_err() {
        return Err(Error::usage(
            "the token contains a character that HTTP headers do not allow",
        ));
    }
    Ok(Some(token.to_owned().into()))
}

/// Returns the file that the user's token is read from, if there is one.
pub(crate) fn effective_token_file(user: &AuthInfo) -> Option<&str> {
    let path = user.token_file.as_deref()?;
    (user.token.is_none() || token_of_file(path).is_ok()).then_some(path)
}

/// Reads a token from a file, which must not be empty.
fn token_of_file(path: &str) -> Result<String, String> {
    let bytes = file::read(Path::new(path))?;
    match String::from_utf8(bytes) {
        Ok(token) if !token.trim().is_empty() => Ok(token),
        _ => Err(format!("read empty token from file {path:?}")),
    }
}

/// Returns a certificate or key in PEM, from the kubeconfig's base64 or from a file.
fn pem(
    field: &str,
    owner: &str,
    data: Option<&str>,
    path: Option<&str>,
) -> Result<Option<Vec<u8>>, Error> {
    match (data, path) {
        (Some(data), _) => {
            // Go skips line breaks, which a YAML block contains.
            let data: String = data.split(['\r', '\n']).collect();
            let decoded = STANDARD.decode(data);
            let error = |_| Error::usage(format!("the {field}-data{owner} is not valid base64"));
            decoded.map(Some).map_err(error)
        }
        (None, Some(path)) => {
            let text = file::read(Path::new(path)).map_err(Error::usage)?;
            match mistake::of_pem(&text) {
                Some(mistake) => Err(mistake.error(&format!("the {field} in {path}"))),
                None => Ok(Some(text)),
            }
        }
        (None, None) => Ok(None),
    }
}

/// Returns the headers of a credential and an impersonation (`client-go/transport/round_trippers.go`).
///
/// kube-client's layers would set the same headers, but they bring its exec plugins and auth providers, a
/// `JSONPath` and a regex engine: a tenth of the binary.
pub(crate) fn headers(
    credential: &ResolvedCredential,
    impersonation: &Impersonation,
) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(authorization) = &credential.authorization {
        let text = match authorization {
            ResolvedAuthorization::Token(token) => format!("Bearer {}", token.expose_secret()),
            ResolvedAuthorization::Basic { name, password } => {
                let pair = format!("{name}:{}", password.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            Error::usage("the credential contains a character that HTTP headers do not allow")
        })?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    impersonation.add_headers(&mut headers)?;
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reports_a_withheld_credential_except_on_loopback() {
        let alice = AuthInfo {
            token: Some("t".to_owned().into()),
            ..AuthInfo::default()
        };
        let far = Uri::from_static("http://far.example");
        let near = Uri::from_static("http://localhost:8001");
        let note = withheld(&alice, &far).expect("a note");
        assert_eq!(
            note,
            "no credential is sent to http://far.example/: the connection is not encrypted"
        );
        assert_eq!(withheld(&alice, &near), None);
        assert_eq!(withheld(&AuthInfo::default(), &far), None);
    }
}
