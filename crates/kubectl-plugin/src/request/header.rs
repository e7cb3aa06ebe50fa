//! `-H`: headers that the user adds.

use http::header;
use http::header::{HeaderName, HeaderValue};

use crate::Error;

/// Headers that the connection or the credential sets.
const RESERVED: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Parses a `Name: value` of the command line.
///
/// # Errors
/// Refuses invalid headers, and headers that the connection or the credential sets. No message
/// shows the value.
pub fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), Error> {
    // The value may be a credential for a proxy, so no message shows it.
    let (name, value) = text.split_once(':').ok_or_else(|| {
        Error::usage("--header has no `:`")
            .with_hint("write NAME: VALUE, as in -H 'X-Request-Reason: rollout'")
    })?;
    let name = HeaderName::try_from(name.trim())
        .map_err(|_| Error::usage("--header has an invalid name"))?;
    if name.as_str().starts_with("impersonate-") {
        return Err(Error::usage(format!("--header must not set {name}"))
            .with_hint("use --as, --as-group, --as-uid or --as-user-extra"));
    }
    if RESERVED.contains(&name) {
        let hint = match name {
            header::AUTHORIZATION => "use --token, or the user in your kubeconfig",
            _ => "remove it: the connection sets this header",
        };
        return Err(Error::usage(format!("--header must not set {name}")).with_hint(hint));
    }
    let value = HeaderValue::try_from(value.trim())
        .map_err(|_| Error::usage(format!("--header {name} has an invalid value")))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_parsed_unless_it_is_reserved() {
        let (name, value) = parse_header("X-Reason:  a: b ").unwrap();
        assert_eq!(
            (name.as_str(), value.to_str().unwrap()),
            ("x-reason", "a: b")
        );
        for bad in [
            "nocolon",
            "a b: c",
            ": x",
            "Authorization: x",
            "impersonate-user: x",
            "X: a\nb",
        ] {
            assert!(parse_header(bad).is_err(), "{bad}");
        }
        let error = parse_header("Proxy-Authorization: Basic c2VjcmV0")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("c2VjcmV0"));
    }
}
