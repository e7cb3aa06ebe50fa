//! The client certificate, as Go takes it (`tls.X509KeyPair`): also one of X.509 version 1, as
//! `openssl x509 -req` makes them, which rustls itself would refuse to read.

use base64::{Engine, engine::general_purpose::STANDARD};
use kube_client::config::AuthInfo;
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use secrecy::ExposeSecret;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

use crate::Error;
use crate::text::utc;

/// The name of the curve P-521 in a key: the object identifier 1.3.132.0.35.
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// The certificate and key of a login, which holds them as PEM in base64, if it has any.
/// A message never repeats a line of them.
pub(crate) fn identity(login: &AuthInfo, user_name: &str) -> Result<Option<CertifiedKey>, Error> {
    let Some(certificate) = &login.client_certificate_data else {
        return Ok(None);
    };
    let key = login
        .client_key_data
        .as_ref()
        .map_or("", |key| key.expose_secret());
    let error = |problem: &str| {
        Error::usage(format!(
            "the client certificate or key of user {user_name:?} {problem}"
        ))
    };
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| error("is not base64"));

    // As in Go, what is no certificate in the text is passed over.
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&decode(certificate)?)
        .filter_map(Result::ok)
        .collect();
    let Some(leaf) = chain.first() else {
        return Err(Error::usage(format!(
            "the client-certificate of user {user_name:?} holds no certificate in PEM"
        )));
    };
    let leaf_key = webpki::anchor_from_trusted_cert(leaf)
        .map(|anchor| webpki::spki_for_anchor(&anchor))
        .map_err(|_| {
            Error::usage(format!(
                "the client-certificate of user {user_name:?} is not a certificate"
            ))
        })?;
    let key = match PrivateKeyDer::from_pem_slice(&decode(key)?) {
        Ok(key) => key,
        Err(pem::Error::NoItemsFound) => {
            return Err(Error::usage(format!(
                "the client-key of user {user_name:?} holds no private key in PEM"
            )));
        }
        Err(_) => return Err(error("is not valid PEM")),
    };
    let is_p521 = key
        .secret_der()
        .windows(P521.len())
        .any(|window| window == P521);
    let key = any_supported_type(&key).map_err(|_| {
        let kind = if is_p521 {
            "on the curve P-521, which is not supported"
        } else {
            "of no supported kind"
        };
        Error::usage(format!("the client-key of user {user_name:?} is {kind}"))
            .hinted("supported are RSA of 2048 bits and more, ECDSA on P-256 and P-384, Ed25519")
    })?;
    if key
        .public_key()
        .is_some_and(|public_key| public_key != leaf_key)
    {
        return Err(Error::usage(format!(
            "the client-key of user {user_name:?} is not that of the client-certificate"
        )));
    }
    Ok(Some(CertifiedKey::new(chain, key)))
}

/// What to say when the certificate is out of date: most servers then answer only `Unauthorized`.
pub(crate) fn expiry_note(identity: &CertifiedKey, user_name: &str) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(identity.cert.first()?).ok()?;
    let now = ASN1Time::now();
    let validity = certificate.validity();
    let problem = if validity.not_after < now {
        format!("expired on {}", utc::minute(validity.not_after.timestamp()))
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
