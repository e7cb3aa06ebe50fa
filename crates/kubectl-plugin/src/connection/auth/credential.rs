//! What of a kubeconfig's user goes to the server, and which certificates the server's must be
//! signed by (`client-go/transport/transport.go` and `round_trippers.go`).

use std::collections::BTreeMap;
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use kube_client::config::{AuthInfo, Cluster};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::Error;
use crate::connection::auth::id_token;
use crate::connection::kubeconfig::file;
use crate::connection::transport::server_url;

/// What must not stand in a header's name (RFC 9110, `token`), and the sign of an escape itself.
const NO_TOKEN: &AsciiSet = &NON_ALPHANUMERIC
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

/// The impersonation alone. It is no credential, and kubectl sends it over plain http too.
pub(crate) fn impersonation(user: &AuthInfo) -> AuthInfo {
    AuthInfo {
        impersonate: user.impersonate.clone(),
        impersonate_uid: user.impersonate_uid.clone(),
        impersonate_groups: user.impersonate_groups.clone(),
        impersonate_user_extra: user.impersonate_user_extra.clone(),
        ..AuthInfo::default()
    }
}

/// The impersonation and the credentials, read from their files: a bearer token or a name and
/// password, and beside them a client certificate.
pub(crate) fn login(user: &AuthInfo, user_name: &str) -> Result<AuthInfo, Error> {
    let mut login = impersonation(user);
    login.token = token(user)?;
    if user.username.is_some() {
        if login.token.is_some() {
            return Err(Error::usage(
                "username/password or bearer token may be set, but not both",
            ));
        }
        login.username.clone_from(&user.username);
        login.password = Some(user.password.clone().unwrap_or_default());
    }
    let owner = format!(" of user {user_name:?}");
    let certificate = pem(
        "client-certificate",
        &owner,
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_deref(),
    )?;
    // Without a certificate the key is of no use; as in kubectl it is no error.
    if let Some(certificate) = certificate {
        let data = exposed(user.client_key_data.as_ref());
        let key = pem("client-key", &owner, data, user.client_key.as_deref())?.unwrap_or_default();
        if is_encrypted(&key) {
            return Err(Error::usage(format!("the client-key{owner} is encrypted"))
                .hinted("`openssl pkey -in FILE -out FILE` takes the passphrase off"));
        }
        login.client_certificate_data = Some(STANDARD.encode(certificate));
        login.client_key_data = Some(STANDARD.encode(key).into());
    }
    if let Some(provider) = &user.auth_provider {
        id_token::check(provider)?;
        if login.token.is_none() && login.username.is_none() {
            login.token = Some(id_token::id_token(provider, user_name)?.into());
        }
    }
    Ok(login)
}

/// Whether a PEM text says of its key that it is encrypted: in the name of PKCS#8, in a header of
/// PKCS#1 and SEC1.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.lines().any(|line| {
        line.starts_with("-----BEGIN ENCRYPTED")
            || line.starts_with("Proc-Type:") && line.contains("ENCRYPTED")
    })
}

/// Whether there is anything in `login` to log in with.
pub(crate) fn is_some(login: &AuthInfo) -> bool {
    login.token.is_some() || login.username.is_some() || login.client_certificate_data.is_some()
}

/// Whether two logins of the same user present the same token and certificate.
pub(crate) fn is_same(one: &AuthInfo, other: &AuthInfo) -> bool {
    exposed(one.token.as_ref()) == exposed(other.token.as_ref())
        && one.client_certificate_data == other.client_certificate_data
}

/// What to say when the user has a credential and the server, over plain http, does not get it.
pub(crate) fn withheld(user: &AuthInfo, server: &Uri) -> Option<String> {
    let has_any = user.token.is_some()
        || user.token_file.is_some()
        || user.username.is_some()
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some()
        || user.exec.is_some()
        || user.auth_provider.is_some();
    (has_any && !server_url::is_loopback(server))
        .then(|| format!("no credential is sent to {server}: it is plain http"))
}

/// The cluster's certificate authorities in PEM; `None` is the platform's.
pub(crate) fn certificate_authority(cluster: &Cluster) -> Result<Option<Vec<u8>>, Error> {
    pem(
        "certificate-authority",
        "",
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
    )
}

/// A secret's text, if there is one.
fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

/// The token: as in client-go that of the file first, as Kubernetes renews it there.
fn token(user: &AuthInfo) -> Result<Option<SecretString>, Error> {
    let inline = exposed(user.token.as_ref());
    let token = match (&user.token_file, inline) {
        (Some(path), inline) => match (token_of_file(path), inline) {
            (Ok(token), _) => token,
            (Err(_), Some(inline)) => inline.to_owned(),
            (Err(reason), None) => return Err(Error::usage(reason)),
        },
        (None, Some(inline)) => inline.to_owned(),
        (None, None) => return Ok(None),
    };
    // Departure: kubectl takes an inline token with the newline of a YAML block as it is, and fails.
    let token = token.trim();
    if HeaderValue::from_str(token).is_err() {
        return Err(Error::usage(
            "the token holds a character that no header may hold",
        ));
    }
    Ok(Some(token.to_owned().into()))
}

/// The file that the token of a user is from, if it is from one.
pub(crate) fn token_file_that_counts(user: &AuthInfo) -> Option<&str> {
    let path = user.token_file.as_deref()?;
    (user.token.is_none() || token_of_file(path).is_ok()).then_some(path)
}

/// The token in a file, which must not be empty.
fn token_of_file(path: &str) -> Result<String, String> {
    let bytes = file::read(Path::new(path))?;
    match String::from_utf8(bytes) {
        Ok(token) if !token.trim().is_empty() => Ok(token),
        _ => Err(format!("read empty token from file {path:?}")),
    }
}

/// The PEM text of a certificate or key, from the kubeconfig's base64 or from a file.
fn pem(
    field: &str,
    owner: &str,
    data: Option<&str>,
    path: Option<&str>,
) -> Result<Option<Vec<u8>>, Error> {
    match (data, path) {
        (Some(data), _) => {
            // Go skips line breaks, which a YAML block leaves in.
            let data: String = data.split(['\r', '\n']).collect();
            let decoded = STANDARD.decode(data);
            let error = |_| Error::usage(format!("the {field}-data{owner} is not base64"));
            decoded.map(Some).map_err(error)
        }
        (None, Some(path)) => file::read(Path::new(path)).map(Some).map_err(Error::usage),
        (None, None) => Ok(None),
    }
}

/// The headers of a login and an impersonation (`client-go/transport/round_trippers.go`).
///
/// kube-client's layers would set the same ones. With them come its exec plugins and auth
/// providers, which are ours here, and a `JSONPath` and a regex engine: a tenth of the binary.
pub(crate) fn headers(login: &AuthInfo) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(authorization) = authorization(login) {
        let mut value = HeaderValue::try_from(authorization)
            .map_err(|_| Error::usage("the login holds a character that no header may hold"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    let mut add = |name: &str, value: &str| {
        let pair = (
            HeaderName::try_from(name).ok(),
            HeaderValue::try_from(value).ok(),
        );
        let (Some(name), Some(value)) = pair else {
            return Err(Error::usage(
                "an impersonated name holds a character that no header may hold",
            ));
        };
        headers.append(name, value);
        Ok(())
    };
    login
        .impersonate
        .iter()
        .try_for_each(|user| add("impersonate-user", user))?;
    login
        .impersonate_uid
        .iter()
        .try_for_each(|uid| add("impersonate-uid", uid))?;
    login
        .impersonate_groups
        .iter()
        .flatten()
        .try_for_each(|group| add("impersonate-group", group))?;
    // In some order, but always in the same.
    let extras: BTreeMap<_, _> = login.impersonate_user_extra.iter().flatten().collect();
    for (key, values) in extras {
        let name = format!("impersonate-extra-{}", utf8_percent_encode(key, NO_TOKEN));
        values.iter().try_for_each(|value| add(&name, value))?;
    }
    Ok(headers)
}

fn authorization(login: &AuthInfo) -> Option<String> {
    if let Some(token) = exposed(login.token.as_ref()) {
        return Some(format!("Bearer {token}"));
    }
    let name = login.username.as_ref()?;
    let password = exposed(login.password.as_ref()).unwrap_or_default();
    Some(format!(
        "Basic {}",
        STANDARD.encode(format!("{name}:{password}"))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_that_plain_http_gets_no_credential_but_not_on_this_machine() {
        let alice = AuthInfo {
            token: Some("t".to_owned().into()),
            ..AuthInfo::default()
        };
        let far = Uri::from_static("http://far.example");
        let near = Uri::from_static("http://localhost:8001");
        let note = withheld(&alice, &far).expect("a note");
        assert_eq!(
            note,
            "no credential is sent to http://far.example/: it is plain http"
        );
        assert_eq!(withheld(&alice, &near), None);
        assert_eq!(withheld(&AuthInfo::default(), &far), None);
    }
}
