//! Recognizes credentials that were copied wrongly: texts that stand for a hidden credential, an
//! encoding too many, a `Bearer` too many. No message contains the value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube_client::config::{AuthInfo, Cluster};
use secrecy::ExposeSecret;

use crate::Error;
use crate::connection::auth::jwt::Claims;
use crate::connection::auth::source::CredentialSource;

/// The texts with which `kubectl config view` replaces credentials.
const HIDDEN: [&str; 2] = ["REDACTED", "DATA+OMITTED"];

/// The start of PEM in base64, and the start of that in base64 again.
const PEM_IN_BASE64: &str = "LS0tLS1CRUdJTi";
const PEM_IN_BASE64_TWICE: &str = "TFMwdExTMUNSVWRK";

/// The start of a JWT in base64.
const JWT_IN_BASE64: &str = "ZXlK";

/// A mistake that makes a credential certainly unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    Hidden(&'static str),
    Scheme,
    Encoded,
    NotEncoded,
}

impl Mistake {
    /// Returns the error. `field` says which credential it is, and where.
    pub(crate) fn error(self, field: &str) -> Error {
        let (problem, hint) = match self {
            Self::Hidden(text) => (
                format!("is {text:?}, not a credential"),
                "copy the kubeconfig with `kubectl config view --raw`: without --raw, kubectl leaves \
                 credentials out",
            ),
            Self::Scheme => (
                "begins with \"Bearer \"".to_owned(),
                "remove this word: it is added when the token is sent",
            ),
            Self::Encoded => (
                "is encoded in base64 once too often".to_owned(),
                "decode it once, as with `base64 -d`",
            ),
            Self::NotEncoded => (
                "is not encoded in base64".to_owned(),
                "encode it, as with `base64 -w0`, or put it into a file and use the field without -data",
            ),
        };
        Error::usage(format!("{field} {problem}")).with_hint(hint)
    }
}

/// Checks the credentials in the kubeconfig and the flags.
pub(crate) fn check_user(user: &AuthInfo, source: &CredentialSource) -> Result<(), Error> {
    let token = user.token.as_ref().map(ExposeSecret::expose_secret);
    let password = user.password.as_ref().map(ExposeSecret::expose_secret);
    let key = user
        .client_key_data
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let certificate = user.client_certificate_data.as_deref();
    for (field, mistake) in [
        ("token", token.and_then(of_token)),
        ("password", password.and_then(hidden)),
        ("client-certificate-data", certificate.and_then(of_data)),
        ("client-key-data", key.and_then(of_data)),
    ] {
        if let Some(mistake) = mistake {
            return Err(mistake.error(&source.field(field)));
        }
    }
    Ok(())
}

/// Checks the certificate authorities in the kubeconfig. `owner` names the cluster and its file.
pub(crate) fn check_cluster(cluster: &Cluster, owner: &str) -> Result<(), Error> {
    let data = cluster.certificate_authority_data.as_deref();
    match data.and_then(of_data) {
        Some(mistake) => Err(mistake.error(&format!("the certificate-authority-data of {owner}"))),
        None => Ok(()),
    }
}

/// Finds a mistake in a token.
pub(crate) fn of_token(token: &str) -> Option<Mistake> {
    let token = token.trim();
    let scheme = token.get(..7).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer ") {
        return Some(Mistake::Scheme);
    }
    let is_jwt = || Claims::parse(&decoded(token)?);
    if token.starts_with(JWT_IN_BASE64) && is_jwt().is_some() {
        return Some(Mistake::Encoded);
    }
    hidden(token)
}

/// Finds a mistake in the text of a certificate or key, which should be PEM.
pub(crate) fn of_pem(text: &[u8]) -> Option<Mistake> {
    let is_encoded = text.trim_ascii().starts_with(PEM_IN_BASE64.as_bytes());
    is_encoded.then_some(Mistake::Encoded)
}

/// Finds a mistake in the base64 of a certificate or key.
fn of_data(data: &str) -> Option<Mistake> {
    let data = data.trim();
    if data.starts_with(PEM_IN_BASE64_TWICE) {
        return Some(Mistake::Encoded);
    }
    if data.starts_with("-----BEGIN ") {
        return Some(Mistake::NotEncoded);
    }
    hidden(data)
}

/// Describes the likely mistake in a token that the server refused.
pub(crate) fn suspicion(token: &str) -> Option<&'static str> {
    let is_text =
        |text: String| text.len() >= 8 && text.trim_end().chars().all(|c| c.is_ascii_graphic());
    if token.starts_with(['"', '\'']) || token.ends_with(['"', '\'']) {
        Some("remove the quotes around it")
    } else if token.contains(char::is_whitespace) {
        Some("a token is one word, but it contains a space")
    } else if token.starts_with(['$', '<', '{']) {
        Some("it looks like a placeholder: replace it with the token")
    } else if decoded(token).is_some_and(is_text) {
        Some("it may still be encoded in base64: decode it with `base64 -d`")
    } else {
        None
    }
}

fn hidden(text: &str) -> Option<Mistake> {
    let text = text.trim();
    let known = HIDDEN.into_iter().find(|known| *known == text)?;
    Some(Mistake::Hidden(known))
}

/// Decodes base64 whose content is text.
fn decoded(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2ln";

    #[test]
    fn only_certain_mistakes_are_refused() {
        for (token, expected) in [
            (JWT, None),
            ("opaque", None),
            // The base64 of an opaque token may be an opaque token.
            ("b3BhcXVlLXRva2Vu", None),
            ("REDACTED1", None),
            ("REDACTED", Some(Mistake::Hidden("REDACTED"))),
            ("DATA+OMITTED\n", Some(Mistake::Hidden("DATA+OMITTED"))),
            ("Bearer x", Some(Mistake::Scheme)),
            ("bearer x", Some(Mistake::Scheme)),
            ("bearer-x", None),
            (&STANDARD.encode(JWT), Some(Mistake::Encoded)),
            (&STANDARD.encode("eyJ-opaque"), None),
        ] {
            assert_eq!(of_token(token), expected, "{token}");
        }
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let once = STANDARD.encode(pem);
        assert_eq!(of_pem(pem.as_bytes()), None);
        assert_eq!(of_pem(once.as_bytes()), Some(Mistake::Encoded));
        assert_eq!(of_data(&once), None);
        assert_eq!(of_data(&STANDARD.encode(once)), Some(Mistake::Encoded));
        assert_eq!(of_data(pem), Some(Mistake::NotEncoded));
        assert_eq!(
            of_data("DATA+OMITTED"),
            Some(Mistake::Hidden("DATA+OMITTED"))
        );
    }

    #[test]
    fn likely_mistakes_of_a_refused_token_are_described() {
        for (token, expected) in [
            ("opaque", ""),
            ("\"opaque\"", "remove the quotes"),
            ("one two", "a token is one word"),
            ("$TOKEN", "it looks like a placeholder"),
            ("b3BhcXVlLXRva2Vu", "it may still be encoded in base64"),
            // Its base64 is binary.
            ("aaaabbbbcccc", ""),
        ] {
            let said = suspicion(token).unwrap_or_default();
            assert!(said.starts_with(expected), "{token}: {said}");
            assert_eq!(said.is_empty(), expected.is_empty(), "{token}: {said}");
        }
    }
}
