//! Explains TLS errors with the messages of Go's `crypto/tls` and `crypto/x509`, and readable
//! dates.

use std::net::IpAddr;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError};

use super::{Reason, find};
use crate::connection::Unverified;
use crate::text::utc;

/// Explains a TLS error. `whose` is the peer, for example "the server 127.0.0.1:6443".
pub(super) fn reason(error: &rustls::Error, whose: &str) -> Reason {
    match error {
        rustls::Error::InvalidCertificate(problem) => {
            let reason = certificate_reason(problem, whose);
            Reason {
                text: format!("tls: failed to verify certificate: x509: {}", reason.text),
                ..reason
            }
        }
        rustls::Error::InvalidMessage(_) => {
            Reason::new("tls: first record does not look like a TLS handshake")
                .with_hint(format!("check the port: {whose} does not speak TLS on it"))
        }
        rustls::Error::AlertReceived(alert) => {
            let reason = Reason::new(format!("remote error: tls: {}", alert_words(*alert)));
            match alert_hint(*alert, whose) {
                Some(hint) => reason.with_hint(hint),
                None => reason,
            }
        }
        rustls::Error::PeerIncompatible(_) => {
            Reason::new("tls: server selected unsupported protocol version")
                .with_hint(format!("enable TLS 1.2 or 1.3 on {whose}"))
        }
        other => Reason::new(format!("tls: {other}")),
    }
}

/// Explains a problem of the peer's certificate.
fn certificate_reason(problem: &CertificateError, whose: &str) -> Reason {
    use CertificateError as Problem;
    let validity_error = |date| {
        Reason::new(format!(
            "certificate has expired or is not yet valid: the certificate of {whose} {date}"
        ))
    };
    let date = |time: &UnixTime| utc::minute(time.as_secs().cast_signed());
    match problem {
        Problem::UnknownIssuer => Reason::new("certificate signed by unknown authority")
            .with_hint(unknown_authority(whose)),
        // A known authority has the same name but another key.
        Problem::BadSignature => Reason::new(
            "certificate signed by unknown authority (a trusted authority has the same name but a different key)",
        )
        .with_hint(unknown_authority(whose)),
        Problem::ExpiredContext { not_after, .. } => {
            validity_error(format!("expired at {}", date(not_after)))
                .with_hint(format!(
                    "renew the certificate of {whose}, and check this machine's clock"
                ))
        }
        Problem::NotValidYetContext { not_before, .. } => {
            validity_error(format!("is not valid before {}", date(not_before)))
                .with_hint("check this machine's clock")
        }
        Problem::NotValidForNameContext {
            expected,
            presented,
        } => name_reason(&expected.to_str(), presented)
            .with_hint(
                "check the address, or set --tls-server-name to a name in the certificate",
            ),
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            Reason::new("certificate specifies an incompatible key usage")
                .with_hint(format!("use a server certificate (extended key usage serverAuth) for {whose}"))
        }
        Problem::UnsupportedSignatureAlgorithmContext { .. }
        | Problem::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            Reason::new("cannot verify signature: algorithm unimplemented")
                .with_hint(
                    "use a certificate whose chain has ECDSA keys on P-256 or P-384 and signatures with \
                     SHA-256, SHA-384 or SHA-512, RSA keys of 2048 to 8192 bits, or Ed25519",
                )
        }
        Problem::BadEncoding => Reason::new(format!("malformed certificate of {whose}")),
        Problem::Other(other) => match find::<Unverified>(other) {
            Some(unverified) => Reason::new(unverified.to_string()).with_hint(unverified.hint),
            // If one of the platform's authorities had signed the certificate, the error would be
            // another one.
            None if find(other) == Some(&webpki::Error::CaUsedAsEndEntity) => {
                certificate_reason(&Problem::UnknownIssuer, whose)
            }
            None => Reason::new(other.to_string()),
        },
        other => Reason::new(other.to_string()),
    }
}

fn unknown_authority(whose: &str) -> String {
    format!(
        "no trusted authority signed the certificate of {whose}: check the cluster's \
         certificate-authority, and whether a proxy intercepts the connection"
    )
}

/// Explains a name mismatch. `presented` has names in rustls's notation: `DnsName("a")`,
/// `IpAddress(1.2.3.4)`.
fn name_reason(expected: &str, presented: &[String]) -> Reason {
    let is_address = expected.parse::<IpAddr>().is_ok();
    let (opening, closing) = if is_address {
        ("IpAddress(", ")")
    } else {
        ("DnsName(\"", "\")")
    };
    let names: Vec<_> = presented
        .iter()
        .filter_map(|name| name.strip_prefix(opening)?.strip_suffix(closing))
        .collect();
    Reason::new(match (names.as_slice(), is_address) {
        ([], true) => format!(
            "cannot validate certificate for {expected} because it doesn't contain any IP SANs"
        ),
        ([], false) => {
            format!("certificate is not valid for any names, but wanted to match {expected}")
        }
        (names, _) => format!(
            "certificate is valid for {}, not {expected}",
            names.join(", ")
        ),
    })
}

/// Returns Go's description of an alert (`crypto/tls/alert.go`).
fn alert_words(alert: Alert) -> String {
    match alert {
        Alert::CertificateRevoked => "revoked certificate",
        Alert::CertificateExpired => "expired certificate",
        Alert::CertificateUnknown => "unknown certificate",
        Alert::UnknownCA => "unknown certificate authority",
        Alert::DecodeError => "error decoding message",
        Alert::DecryptError => "error decrypting message",
        Alert::ProtocolVersion => "protocol version not supported",
        Alert::InsufficientSecurity => "insufficient security level",
        Alert::UnrecognisedName => "unrecognized name",
        // Go's other descriptions are the alerts' names: `handshake failure` for
        // `HandshakeFailure`.
        other => return split_words(&format!("{other:?}")),
    }
    .to_owned()
}

/// Converts `BadCertificate` to `bad certificate`.
fn split_words(words: &str) -> String {
    let mut text = String::with_capacity(words.len() + 2);
    for character in words.chars() {
        if character.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

fn alert_hint(alert: Alert, whose: &str) -> Option<String> {
    Some(match alert {
        Alert::CertificateRequired => {
            format!("{whose} requires a client certificate: check the user in your kubeconfig")
        }
        Alert::BadCertificate
        | Alert::UnknownCA
        | Alert::CertificateExpired
        | Alert::CertificateRevoked
        | Alert::CertificateUnknown
        | Alert::UnsupportedCertificate => {
            format!("renew or replace the client certificate: {whose} does not accept it")
        }
        Alert::HandshakeFailure => format!(
            "enable a cipher suite with ECDHE and AES-GCM or ChaCha20 on {whose}: suites with CBC or \
             without ECDHE are not supported"
        ),
        Alert::ProtocolVersion => {
            format!("enable TLS 1.2 or 1.3 on {whose}")
        }
        Alert::UnrecognisedName => {
            format!("set --tls-server-name: {whose} does not recognize the requested name")
        }
        _ => return None,
    })
}
