//! A bundle of trusted certificates, read like Go's `x509.CertPool`.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::Error;

/// Trusted certificates. A server may present one of them, or a certificate that one of them
/// signed.
pub(crate) type Bundle = Vec<CertificateDer<'static>>;

/// Returns the subjects of the certificates in a PEM text. Skips certificates that cannot be
/// parsed.
pub(crate) fn names(text: &[u8]) -> Vec<String> {
    let name = |der: &CertificateDer<'_>| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(certificate.subject().to_string())
    };
    bundle(text).iter().flatten().filter_map(name).collect()
}

/// Parses a PEM text. As in Go, items that are not certificates are skipped.
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
            .with_hint("check the cluster's certificate-authority: it contains no PEM certificate"),
    )
}
