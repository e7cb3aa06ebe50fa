//! What TLS says in place of a reply, in the words of Go's `crypto/tls` and `crypto/x509`, but for
//! dates: those are for a person.

use std::net::IpAddr;

use rustls::{AlertDescription as Alert, CertificateError, pki_types::UnixTime};

use super::{Reason, find};
use crate::connection::Unverified;
use crate::text::utc;

/// `whose` is the other side, as in "the server 127.0.0.1:6443".
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
            Reason::new("tls: server selected unsupported protocol version").hinted(format!(
                "TLS 1.2 and 1.3 are spoken here; {whose} speaks neither"
            ))
        }
        other => Reason::new(format!("tls: {other}")),
    }
}

/// What is wrong with the certificate of the other side, in the words of Go's `crypto/x509`, but
/// for dates: those are for a person.
fn certificate_reason(problem: &CertificateError, whose: &str) -> Reason {
    use CertificateError as Problem;
    let out_of_date = |date| {
        Reason::new(format!(
            "certificate has expired or is not yet valid: that of {whose} {date}"
        ))
    };
    let date = |time: &UnixTime| utc::minute(time.as_secs().cast_signed());
    match problem {
        Problem::UnknownIssuer => Reason::new("certificate signed by unknown authority")
            .hinted(unknown_authority(whose)),
        // An authority of that name is known, but it has another key.
        Problem::BadSignature => Reason::new(
            "certificate signed by unknown authority (possibly because of a known one of the same name, which has another key)",
        )
        .hinted(unknown_authority(whose)),
        Problem::ExpiredContext { not_after, .. } => {
            out_of_date(format!("expired on {}", date(not_after)))
                .hinted("it must be renewed there; is this machine's clock right?")
        }
        Problem::NotValidYetContext { not_before, .. } => {
            out_of_date(format!("is not valid before {}", date(not_before)))
                .hinted("is this machine's clock right?")
        }
        Problem::NotValidForNameContext {
            expected,
            presented,
        } => name_reason(&expected.to_str(), presented)
            .hinted(format!(
                "is {whose} the right one? if it is, tls-server-name is for a name that its certificate has"
            )),
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            Reason::new("certificate specifies an incompatible key usage")
                .hinted(format!("the certificate of {whose} is not one for servers"))
        }
        Problem::UnsupportedSignatureAlgorithmContext { .. }
        | Problem::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            Reason::new("cannot verify signature: algorithm unimplemented")
                .hinted("supported are RSA of 2048 bits and more, ECDSA on P-256 and P-384, Ed25519")
        }
        Problem::BadEncoding => Reason::new(format!("malformed certificate of {whose}")),
        Problem::Other(other) => match find::<Unverified>(other) {
            Some(unverified) => Reason::new(unverified.to_string()).hinted(unverified.hint),
            // The platform's authorities did not sign it, or it would have been another problem.
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
        "nobody who is trusted here has signed the certificate of {whose}: look at the cluster's \
         certificate-authority, and at what is in between"
    )
}

/// `presented` are rustls's forms of names: `DnsName("a")`, `IpAddress(1.2.3.4)`.
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

/// Go's words (`crypto/tls/alert.go`).
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
        // `HandshakeFailure` is `handshake failure` there, and so on.
        other => return parted(&format!("{other:?}")),
    }
    .to_owned()
}

/// `BadCertificate` as `bad certificate`.
fn parted(words: &str) -> String {
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
            format!("{whose} wants a client certificate: look at the user in your kubeconfig")
        }
        Alert::BadCertificate
        | Alert::UnknownCA
        | Alert::CertificateExpired
        | Alert::CertificateRevoked
        | Alert::CertificateUnknown
        | Alert::UnsupportedCertificate => {
            format!("{whose} does not take the user's client-certificate")
        }
        Alert::ProtocolVersion => {
            format!("TLS 1.2 and 1.3 are spoken here; {whose} speaks neither")
        }
        Alert::UnrecognisedName => {
            format!("{whose} does not know the name it is asked for; tls-server-name changes it")
        }
        _ => return None,
    })
}
