//! Parses a client certificate like Go's `tls.X509KeyPair`. X.509 version 1 is accepted, too:
//! `openssl x509 -req` issues such certificates, but rustls's own parser refuses them.

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::ExposeSecret;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use crate::Error;
use crate::connection::auth::credential::CertificateAndKey;
use crate::text::utc;

/// The object identifier of the curve P-521 in a key: 1.3.132.0.35.
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// Parses a client certificate and its key. Errors quote neither.
pub(crate) fn certified_key(
    pem: &CertificateAndKey,
    user_name: &str,
) -> Result<CertifiedKey, Error> {
    // As in Go, other items in the text are skipped.
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem.certificate)
        .filter_map(Result::ok)
        .collect();
    let Some(leaf) = chain.first() else {
        return Err(Error::usage(format!(
            "the client-certificate of user {user_name:?} contains no PEM certificate"
        )));
    };
    let leaf_key = webpki::anchor_from_trusted_cert(leaf)
        .map(|anchor| webpki::spki_for_anchor(&anchor))
        .map_err(|_| {
            Error::usage(format!(
                "the client-certificate of user {user_name:?} is not a certificate"
            ))
        })?;
    let key = match PrivateKeyDer::from_pem_slice(pem.key.expose_secret()) {
        Ok(key) => key,
        Err(PemError::NoItemsFound) => {
            return Err(Error::usage(format!(
                "the client-key of user {user_name:?} contains no PEM private key"
            )));
        }
        Err(_) => {
            return Err(Error::usage(format!(
                "the client certificate or key of user {user_name:?} is not valid PEM"
            )));
        }
    };
    let key = any_supported_type(&key).map_err(|_| {
        let problem = key_problem(&key, leaf);
        Error::usage(format!("the client-key of user {user_name:?} {problem}")).with_hint(
            "use ECDSA P-256 or P-384, Ed25519, or an RSA key of 2048, 3072 or 4096 bits with the \
             exponent 65537",
        )
    })?;
    if key
        .public_key()
        .is_some_and(|public_key| public_key != leaf_key)
    {
        return Err(Error::usage(format!(
            "the client-key of user {user_name:?} does not match its client-certificate"
        )));
    }
    Ok(CertifiedKey::new(chain, key))
}

/// Describes a key that ring does not support. The size of an RSA key is in its certificate.
fn key_problem(key: &PrivateKeyDer<'_>, leaf: &CertificateDer<'_>) -> String {
    let is_p521 = key
        .secret_der()
        .windows(P521.len())
        .any(|bytes| bytes == P521);
    let certificate = X509Certificate::from_der(leaf).ok();
    let public_key = certificate
        .as_ref()
        .and_then(|(_, certificate)| certificate.public_key().parsed().ok());
    match public_key {
        _ if is_p521 => "uses the curve P-521, which is not supported".to_owned(),
        Some(PublicKey::RSA(rsa)) => {
            let exponent = rsa.try_exponent().unwrap_or_default();
            // The modulus has a leading zero byte.
            let bits = rsa.modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
            format!(
                "is an RSA key with {bits} bits and the exponent {exponent}, which is not supported"
            )
        }
        _ => "has an unsupported type".to_owned(),
    }
}

/// Returns a note if the certificate is not valid now, which most servers answer with a bare `Unauthorized`.
pub(crate) fn expiry_note(certified_key: &CertifiedKey, user_name: &str) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certified_key.cert.first()?).ok()?;
    let now = ASN1Time::now();
    let validity = certificate.validity();
    let problem = if validity.not_after < now {
        format!("expired at {}", utc::minute(validity.not_after.timestamp()))
    } else if now < validity.not_before {
        format!(
            "is not valid before {}",
            utc::minute(validity.not_before.timestamp())
        )
    } else {
        return None;
    };
    Some(format!(
        "the client certificate of user {user_name:?} {problem}"
    ))
}
