//! Refuses malformed and ambiguous paths and queries. Offsets are bytes of what the user typed.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::Resource;
use crate::Error;

/// The characters that must be encoded in a query. Brackets are not among them: selectors and `JSONPath`
/// use them, and every server accepts them.
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

/// Checks a path that begins at `offset`.
pub(super) fn path(path: &str, offset: usize) -> Result<(), Error> {
    characters(path, offset, REFUSED_IN_PATH)?;
    if path == "/" {
        return Ok(());
    }
    let is_proxied = Resource::of(path).is_some_and(|resource| resource.is_proxy());
    let mut behind_proxy = false;
    let mut place = offset;
    for segment in path.split('/') {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        let is_first = place == offset;
        let problem = match decoded.as_ref() {
            "" if !is_first && !behind_proxy => Some((
                "an empty segment (`//`)".to_owned(),
                "check for an empty variable; a path without a namespace means all namespaces"
                    .to_owned(),
            )),
            "." | ".." => Some((
                format!("a `{decoded}` segment"),
                "write the full path without it: the server does not resolve it".to_owned(),
            )),
            _ if decoded.contains('/') && !behind_proxy => Some((
                "an encoded slash (`%2F`)".to_owned(),
                format!("write a `/`: the server would read the segment as `{decoded}`"),
            )),
            _ => None,
        };
        if let Some((what, hint)) = problem {
            return Err(refusal(&what, place).hinted(hint));
        }
        behind_proxy |= is_proxied && segment == "proxy";
        place += segment.len() + 1;
    }
    Ok(())
}

/// Checks a query that begins at `offset`.
pub(super) fn query(query: &str, offset: usize) -> Result<(), Error> {
    characters(query, offset, REFUSED_IN_QUERY)?;
    match query.find(';') {
        Some(place) => Err(Error::usage(format!(
            "PATH has an unescaped `;` in its query at byte {}; the server would drop this parameter",
            offset + place
        ))
        .hinted("separate parameters with `&`, or write `%3B` for a `;` in a value")),
        None => Ok(()),
    }
}

/// Refuses characters that must be encoded, and a `%` that does not start an escape.
fn characters(part: &str, offset: usize, refused: &'static AsciiSet) -> Result<(), Error> {
    for (place, character) in part.char_indices() {
        let rest = &part[place..];
        let text = &rest[..character.len_utf8()];
        let encoded = utf8_percent_encode(text, refused).to_string();
        if encoded != text {
            let refusal = refusal(&format!("an unescaped {character:?}"), offset + place);
            return Err(refusal.hinted(format!("write `{encoded}`")));
        }
        let digits = rest.as_bytes().get(1..3);
        let is_escape = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if character == '%' && !is_escape {
            let refusal = refusal("a `%` that does not start an escape", offset + place);
            return Err(refusal.hinted("write `%25` for a `%`"));
        }
    }
    Ok(())
}

fn refusal(what: &str, place: usize) -> Error {
    Error::usage(format!("PATH has {what} at byte {place}"))
}
