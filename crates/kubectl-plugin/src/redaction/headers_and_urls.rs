//! Headers, URLs and server addresses without the credentials in them.

use http::header;
use http::header::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::redaction::{REDACTED, Redaction};

/// Parts of a name that suggest a credential.
const CREDENTIAL_NAME_PARTS: [&str; 12] = [
    "auth",
    "code",
    "cookie",
    "credential",
    "jwt",
    "key",
    "passw",
    "pwd",
    "secret",
    "session",
    "sig",
    "token",
];

/// Reports whether the name of a header, parameter or variable suggests that its value is a
/// credential.
pub(crate) fn is_credential_name(name: &str) -> bool {
    let name = percent_decode_str(name)
        .decode_utf8_lossy()
        .to_ascii_lowercase();
    CREDENTIAL_NAME_PARTS.iter().any(|part| name.contains(part))
}

/// Returns the value of a header as it may be shown. As in kubectl, `Authorization` keeps its
/// scheme (`client-go/transport/round_trippers.go`, `maskValue`).
pub(crate) fn shown_header(
    name: &HeaderName,
    value: &HeaderValue,
    redaction: &Redaction,
) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    if *name == header::AUTHORIZATION {
        let scheme = text.split(' ').next().unwrap_or_default();
        let is_known =
            ["bearer", "basic", "negotiate"].contains(&scheme.to_ascii_lowercase().as_str());
        return if is_known {
            format!("{scheme} <masked>")
        } else {
            "<masked>".to_owned()
        };
    }
    if *name == header::WARNING {
        return redaction.apply_to_warning(&text);
    }
    if is_credential_name(name.as_str()) {
        return REDACTED.to_owned();
    }
    if text.contains("://") {
        // The query and fragment of a login redirect carry tokens.
        let url = text.split(['?', '#']).next().unwrap_or_default();
        return redaction.apply(&address_without_userinfo(url));
    }
    redaction.apply(&text)
}

/// Replaces the user and password of an address with `…`. The address may be malformed.
pub(crate) fn address_without_userinfo(address: &str) -> String {
    let Some((before, host)) = address.rsplit_once('@') else {
        return address.to_owned();
    };
    let scheme = before
        .find("://")
        .map_or("", |end| &before[..end + "://".len()]);
    format!("{scheme}…@{host}")
}

/// Replaces the values of query parameters whose names suggest a credential. The URL has no
/// userinfo, because a server's address must not have any.
pub(crate) fn url_without_credentials(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_credential_name(name) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_shown_without_credentials() {
        for (name, value, shown) in [
            ("authorization", "Bearer abc", "Bearer <masked>"),
            ("authorization", "Digest abc", "<masked>"),
            ("proxy-authorization", "Basic abc", REDACTED),
            ("x-auth-token", "abc", REDACTED),
            ("set-cookie", "a=b", REDACTED),
            (
                "location",
                "https://u:p@h/login?token=abc",
                "https://…@h/login",
            ),
            ("cf-access-jwt-assertion", "abc", REDACTED),
            ("content-encoding", "gzip", "gzip"),
            ("accept", "application/json", "application/json"),
        ] {
            let name: HeaderName = name.parse().unwrap();
            let value = HeaderValue::from_static(value);
            assert_eq!(shown_header(&name, &value, &Redaction::default()), shown);
        }
    }

    #[test]
    fn urls_are_shown_without_credentials() {
        assert_eq!(
            url_without_credentials("https://h:1/a?x=1&access_token=abc"),
            "https://h:1/a?x=1&access_token=<redacted>"
        );
    }
}
