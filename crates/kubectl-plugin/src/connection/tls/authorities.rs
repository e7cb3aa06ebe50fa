//! A bundle of certificates that a cluster trusts, read as Go reads it (`x509.CertPool`).

use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::Error;

/// The certificates that count. Each is trusted as itself; those of authorities also as signers.
pub(crate) type Bundle = Vec<CertificateDer<'static>>;

/// The names of the certificates of a bundle's PEM text, as far as they can be read.
pub(crate) fn names(text: &[u8]) -> Vec<String> {
    let name = |der: &CertificateDer<'_>| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(certificate.subject().to_string())
    };
    bundle(text).iter().flatten().filter_map(name).collect()
}

/// Reads a bundle's PEM text. What is no certificate in it is passed over, as in Go.
pub(crate) fn bundle(text: &[u8]) -> Result<Bundle, Error> {
    let bundle: Bundle = CertificateDer::pem_slice_iter(text)
        .filter_map(Result::ok)
        .filter(|certificate| webpki::anchor_from_trusted_cert(certificate).is_ok())
        .collect();
    if !bundle.is_empty() {
        return Ok(bundle);
    }
    let is_pem = CertificateDer::pem_slice_iter(text).any(|entry| entry.is_ok());
    let reason = if is_pem {
        "failed to parse certificate: x509: malformed certificate"
    } else {
        "unable to parse bytes as PEM block"
    };
    Err(
        Error::usage(format!("unable to load root certificates: {reason}"))
            .hinted("the cluster's certificate-authority holds no certificate in PEM"),
    )
}
