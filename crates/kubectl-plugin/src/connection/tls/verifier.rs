//! Verifies a server's certificate by the rules of Go's `crypto/x509` (`Certificate.Verify`).
//!
//! webpki checks the chain. It differs from Go in four ways, which this module corrects:
//!
//! - Go trusts a server certificate that is itself in the bundle, whoever signed it.
//! - Go accepts a server certificate that is marked as an authority, as `openssl req -x509` does.
//! - Go ignores an expired authority.
//! - Go ignores a signature by a certificate of the bundle that is not an authority.
//!
//! Dates, name, purpose and signatures are always checked.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use webpki::RawPublicKeyEntity;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use super::authorities::Bundle;
use crate::text::utc;

/// Verifies server certificates with a bundle.
#[derive(Debug)]
pub(crate) struct Verifier {
    bundle: Bundle,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A refusal for which rustls has no message.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Unverified {
    /// Go's message where Go has one, without the leading `x509: `.
    reason: String,
    /// The remedy.
    pub(crate) hint: &'static str,
}

impl Verifier {
    pub(crate) fn new(bundle: Bundle, provider: &CryptoProvider) -> Self {
        Self {
            bundle,
            algorithms: provider.signature_verification_algorithms,
        }
    }

    /// Reports whether an authority signed a certificate directly.
    fn is_signed_by(&self, certificate: &X509Certificate<'_>, authority: &Trusted<'_>) -> bool {
        let Ok(anchor) = webpki::anchor_from_trusted_cert(authority.der) else {
            return false;
        };
        let key = webpki::spki_for_anchor(&anchor);
        let Ok(key) = RawPublicKeyEntity::try_from(&key) else {
            return false;
        };
        let message = certificate.tbs_certificate.as_ref();
        let signature = certificate.signature_value.as_ref();
        certificate.issuer().as_raw() == authority.certificate.subject().as_raw()
            && self
                .algorithms
                .all
                .iter()
                .any(|algorithm| key.verify_signature(*algorithm, message, signature).is_ok())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Ok((_, certificate)) = X509Certificate::from_der(end_entity) else {
            return Err(CertificateError::BadEncoding.into());
        };
        check_dates(&certificate, now)?;
        let leaf = check_name(&certificate, end_entity, server_name)?;

        let trusted: Vec<_> = self.bundle.iter().filter_map(Trusted::parse).collect();
        let signers: Vec<_> = trusted
            .iter()
            .filter(|authority| authority.may_sign() && authority.is_current(now))
            .collect();
        let mut anchors = RootCertStore::empty();
        for signer in &signers {
            anchors.add(signer.der.clone())?;
        }
        let chain = verify_server_cert_signed_by_trust_anchor(
            &leaf,
            &anchors,
            intermediates,
            now,
            self.algorithms.all,
        );
        let Err(refusal) = chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let is_itself_trusted = self.bundle.contains(end_entity);
        // webpki does not check such a leaf, so an authority with name constraints is not accepted
        // here.
        let is_signed_authority = || {
            certificate.is_ca()
                && signers.iter().any(|signer| {
                    matches!(signer.certificate.name_constraints(), Ok(None))
                        && self.is_signed_by(&certificate, signer)
                })
        };
        if serves(&certificate) && (is_itself_trusted || is_signed_authority()) {
            return Ok(ServerCertVerified::assertion());
        }
        if let Some(issuer) = outdated_issuer(&trusted, &certificate, now) {
            return Err(outdated(&issuer.certificate, now));
        }
        Err(if !certificate.is_ca() || !serves(&certificate) {
            refusal
        } else if intermediates.is_empty() {
            CertificateError::UnknownIssuer.into()
        } else {
            unverified(
                "certificate signed by unknown authority",
                "the server uses an authority's certificate (CA:TRUE), which must be signed directly by a \
                 trusted authority",
            )
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A certificate of the bundle, raw and parsed.
struct Trusted<'a> {
    der: &'a CertificateDer<'static>,
    certificate: X509Certificate<'a>,
}

impl<'a> Trusted<'a> {
    fn parse(der: &'a CertificateDer<'static>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self { der, certificate })
    }

    /// Reports whether the certificate is an authority's. For version 1, which does not say so,
    /// returns true.
    fn may_sign(&self) -> bool {
        let may_sign = match self.certificate.key_usage() {
            Ok(Some(usage)) => usage.value.key_cert_sign(),
            Ok(None) => true,
            Err(_) => false,
        };
        self.certificate.version() == X509Version::V1 || self.certificate.is_ca() && may_sign
    }

    fn is_current(&self, now: UnixTime) -> bool {
        check_dates(&self.certificate, now).is_ok()
    }
}

/// Checks that the certificate is for the server, and returns it in webpki's form.
fn check_name<'a>(
    certificate: &X509Certificate<'_>,
    der: &'a CertificateDer<'_>,
    server_name: &ServerName<'_>,
) -> Result<ParsedCertificate<'a>, Error> {
    if certificate.version() == X509Version::V1 {
        // It has no alternative name, and webpki cannot parse it.
        return Err(nameless(certificate, server_name));
    }
    let leaf = ParsedCertificate::try_from(der)?;
    match verify_server_name(&leaf, server_name) {
        Ok(()) => Ok(leaf),
        Err(error) => match certificate.subject_alternative_name() {
            Ok(Some(_)) => Err(error),
            _ => Err(nameless(certificate, server_name)),
        },
    }
}

/// Finds the authority that signed the certificate but is not valid now.
fn outdated_issuer<'a>(
    trusted: &'a [Trusted<'a>],
    certificate: &X509Certificate<'_>,
    now: UnixTime,
) -> Option<&'a Trusted<'a>> {
    trusted.iter().find(|authority| {
        authority.may_sign()
            && !authority.is_current(now)
            && authority.certificate.subject().as_raw() == certificate.issuer().as_raw()
    })
}

fn check_dates(certificate: &X509Certificate<'_>, time: UnixTime) -> Result<(), Error> {
    let unix_time = |time: ASN1Time| {
        let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    };
    let not_before = unix_time(certificate.validity().not_before);
    let not_after = unix_time(certificate.validity().not_after);
    if time < not_before {
        return Err(CertificateError::NotValidYetContext { time, not_before }.into());
    }
    if time > not_after {
        return Err(CertificateError::ExpiredContext { time, not_after }.into());
    }
    Ok(())
}

/// Reports whether the certificate may be used by a server: its purpose is unlimited or includes
/// servers.
fn serves(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => usage.value.any || usage.value.server_auth,
        Err(_) => false,
    }
}

/// Returns the refusal of a certificate without alternative names.
fn nameless(certificate: &X509Certificate<'_>, expected: &ServerName<'_>) -> Error {
    let common_name = common_name(certificate);
    if common_name.is_some_and(|name| name.eq_ignore_ascii_case(&expected.to_str())) {
        return unverified(
            "certificate relies on legacy Common Name field, use SANs instead",
            "use a server certificate with the name in subjectAltName",
        );
    }
    CertificateError::NotValidForNameContext {
        expected: expected.to_owned(),
        presented: Vec::new(),
    }
    .into()
}

/// Returns the refusal of a certificate whose authority is not valid now.
fn outdated(authority: &X509Certificate<'_>, now: UnixTime) -> Error {
    let name = common_name(authority).unwrap_or_default();
    let validity = authority.validity();
    let (problem, time) = if validity.not_after.timestamp() < now.as_secs().cast_signed() {
        ("expired at", validity.not_after)
    } else {
        ("is not valid before", validity.not_before)
    };
    unverified(
        format!(
            "certificate has expired or is not yet valid: the certificate of the authority {name:?} {problem} {}",
            utc::minute(time.timestamp())
        ),
        "renew the cluster's certificate-authority, and check this machine's clock",
    )
}

fn unverified(reason: impl Into<String>, hint: &'static str) -> Error {
    let reason = reason.into();
    CertificateError::Other(OtherError(Arc::new(Unverified { reason, hint }))).into()
}

fn common_name<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a str> {
    certificate
        .subject()
        .iter_common_name()
        .next()?
        .as_str()
        .ok()
}
