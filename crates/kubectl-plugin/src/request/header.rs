//! `-H`: headers of the user's own, as far as they are the user's to set.

use http::header::{self, HeaderName, HeaderValue};

use crate::Error;

/// Headers that the connection or the login decides.
const RESERVED: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Reads a `Name: value` of the command line.
///
/// # Errors
/// What no header can be, and what the login and the connection decide; no message shows the value.
pub fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), Error> {
    // The value may be a credential for a proxy on the way, so no message shows it.
    let (name, value) = text.split_once(':').ok_or_else(|| {
        Error::usage("--header has no `:`").hinted("for example: -H 'X-Request-Reason: rollout'")
    })?;
    let name = HeaderName::try_from(name.trim())
        .map_err(|_| Error::usage("--header has a name that no header can have"))?;
    if name.as_str().starts_with("impersonate-") {
        return Err(Error::usage(format!("--header must not set {name}"))
            .hinted("use --as, --as-group, --as-uid and --as-user-extra"));
    }
    if RESERVED.contains(&name) {
        return Err(Error::usage(format!("--header must not set {name}"))
            .hinted("the login and the connection come from the kubeconfig and its flags"));
    }
    let value = HeaderValue::try_from(value.trim()).map_err(|_| {
        Error::usage(format!(
            "--header {name} has a value that no header can hold"
        ))
    })?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_header_and_refuses_what_is_not_its_to_set() {
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
