//! Explains TLS errors in the words of Go's `crypto/tls` and `crypto/x509`, with readable dates.

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
                .hinted(format!("{whose} does not speak TLS on that port"))
        }
        rustls::Error::AlertReceived(alert) => {
            let reason = Reason::new(format!("remote error: tls: {}", alert_words(*alert)));
            match alert_hint(*alert, whose) {
                Some(hint) => reason.hinted(hint),
                None => reason,
            }
        }
        rustls::Error::PeerIncompatible(_) => {
            Reason::new("tls: server selected unsupported protocol version")
                .hinted(format!("{whose} supports neither TLS 1.2 nor TLS 1.3"))
        }
        other => Reason::new(format!("tls: {other}")),
    }
}

/// Explains what is wrong with the peer's certificate.
fn certificate_reason(problem: &CertificateError, whose: &str) -> Reason {
    use CertificateError as Problem;
    let out_of_date = |date| {
        Reason::new(format!(
            "certificate has expired or is not yet valid: the certificate of {whose} {date}"
        ))
    };
    let date = |time: &UnixTime| utc::minute(time.as_secs().cast_signed());
    match problem {
        Problem::UnknownIssuer => Reason::new("certificate signed by unknown authority")
            .hinted(unknown_authority(whose)),
        // A known authority has the same name but another key.
        Problem::BadSignature => Reason::new(
            "certificate signed by unknown authority (possibly because of a known one of the same name, which has another key)",
        )
        .hinted(unknown_authority(whose)),
        Problem::ExpiredContext { not_after, .. } => {
            out_of_date(format!("expired on {}", date(not_after)))
                .hinted("renew the certificate there, and check this machine's clock")
        }
        Problem::NotValidYetContext { not_before, .. } => {
            out_of_date(format!("is not valid before {}", date(not_before)))
                .hinted("check this machine's clock")
        }
        Problem::NotValidForNameContext {
            expected,
            presented,
        } => name_reason(&expected.to_str(), presented)
            .hinted(
                "check the address; if it is right, set tls-server-name to a name in the certificate",
            ),
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            Reason::new("certificate specifies an incompatible key usage")
                .hinted(format!("the certificate of {whose} is not a server certificate"))
        }
        Problem::UnsupportedSignatureAlgorithmContext { .. }
        | Problem::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            Reason::new("cannot verify signature: algorithm unimplemented")
                .hinted("supported: RSA keys of at least 2048 bits, ECDSA on P-256 and P-384, Ed25519")
        }
        Problem::BadEncoding => Reason::new(format!("malformed certificate of {whose}")),
        Problem::Other(other) => match find::<Unverified>(other) {
            Some(unverified) => Reason::new(unverified.to_string()).hinted(unverified.hint),
            // A certificate that the platform's authorities had signed would have failed otherwise.
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

/// Explains a name mismatch. `presented` has rustls's notation of names: `DnsName("a")`, `IpAddress(1.2.3.4)`.
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

/// Returns Go's words for an alert (`crypto/tls/alert.go`).
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
        // The others are the alert's name in words: `HandshakeFailure`, `handshake failure`.
        other => return split_words(&format!("{other:?}")),
    }
    .to_owned()
}

/// Turns `BadCertificate` into `bad certificate`.
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
            format!("{whose} does not accept the user's client-certificate")
        }
        Alert::ProtocolVersion => {
            format!("{whose} supports neither TLS 1.2 nor TLS 1.3")
        }
        Alert::UnrecognisedName => {
            format!("{whose} does not recognize the requested name: set tls-server-name")
        }
        _ => return None,
    })
}
