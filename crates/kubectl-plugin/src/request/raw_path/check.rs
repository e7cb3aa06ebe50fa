//! Refuses malformed and ambiguous paths and queries. Offsets in errors count the bytes that the
//! user typed.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::Resource;
use crate::Error;

/// The characters that must be encoded in a query. Brackets are allowed, because selectors and
/// `JSONPath` use them, and every server accepts them.
const REFUSED_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// The characters that must be encoded in a path (RFC 3986, `pchar`).
const REFUSED_IN_PATH: &AsciiSet = &REFUSED_IN_QUERY
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Checks a path that begins at `start`.
pub(super) fn path(path: &str, start: usize) -> Result<(), Error> {
    characters(path, start, REFUSED_IN_PATH)?;
    if path == "/" {
        return Ok(());
    }
    let is_proxied = Resource::parse(path).is_some_and(|resource| resource.is_proxy());
    let mut after_proxy = false;
    let mut offset = start;
    for segment in path.split('/') {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        let is_first = offset == start;
        let problem = match decoded.as_ref() {
            "" if !is_first && !after_proxy => Some((
                "an empty segment (`//`)".to_owned(),
                "check for an empty variable; a path without a namespace means all namespaces"
                    .to_owned(),
            )),
            "." | ".." => Some((
                format!("a `{decoded}` segment"),
                "write the full path without it: the server does not resolve it".to_owned(),
            )),
            _ if decoded.contains('/') && !after_proxy => Some((
                "an encoded slash (`%2F`)".to_owned(),
                format!("write a `/`: the server would read the segment as `{decoded}`"),
            )),
            _ => None,
        };
        if let Some((what, hint)) = problem {
            return Err(refusal(&what, offset).with_hint(hint));
        }
        after_proxy |= is_proxied && segment == "proxy";
        offset += segment.len() + 1;
    }
    Ok(())
}

/// Checks a query that begins at `start`.
pub(super) fn query(query: &str, start: usize) -> Result<(), Error> {
    characters(query, start, REFUSED_IN_QUERY)?;
    match query.find(';') {
        Some(offset) => Err(Error::usage(format!(
            "PATH has an unescaped `;` in its query at byte {}; the server would drop this parameter",
            start + offset
        ))
        .with_hint("separate parameters with `&`, or write `%3B` for a `;` in a value")),
        None => Ok(()),
    }
}

/// Refuses characters that must be encoded, and a `%` that does not start an escape.
fn characters(part: &str, start: usize, refused: &'static AsciiSet) -> Result<(), Error> {
    for (offset, character) in part.char_indices() {
        let rest = &part[offset..];
        let text = &rest[..character.len_utf8()];
        let encoded = utf8_percent_encode(text, refused).to_string();
        if encoded != text {
            let refusal = refusal(&format!("an unescaped {character:?}"), start + offset);
            return Err(refusal.with_hint(format!("write `{encoded}`")));
        }
        let digits = rest.as_bytes().get(1..3);
        let is_escape = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if character == '%' && !is_escape {
            let refusal = refusal("a `%` that does not start an escape", start + offset);
            return Err(refusal.with_hint("write `%25` for a `%`"));
        }
    }
    Ok(())
}

fn refusal(what: &str, offset: usize) -> Error {
    Error::usage(format!("PATH has {what} at byte {offset}"))
}
