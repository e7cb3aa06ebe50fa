//! The parameters of a query, parsed like in the API server. Parameters can be added, but are never
//! rewritten.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::RawPath;
use crate::Error;

/// The characters that are encoded in a value that a flag adds.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One `name=value` of a query.
struct Pair<'a> {
    /// The offset in the query, in bytes.
    offset: usize,
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl RawPath {
    fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let mut end = 0;
        let pairs = self
            .query
            .iter()
            .flat_map(|query| query.split('&'))
            .map(move |pair| {
                let offset = end;
                end += pair.len() + 1;
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Pair {
                    offset,
                    name: decode(name),
                    value: decode(value),
                }
            });
        pairs.filter(|pair| !pair.name.is_empty())
    }

    /// Refuses parameters that are not in `known`, and repeated ones. A proxied path is not
    /// checked, because its query belongs to another server.
    pub fn check_parameters(&self, known: &[&str]) -> Result<(), Error> {
        if self.is_proxied() {
            return Ok(());
        }
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for Pair { offset, name, .. } in self.pairs() {
            let offset = self.query_offset + offset;
            if !known.contains(&name.as_ref()) {
                return Err(Error::usage(format!(
                    "PATH has the unknown parameter `{name}` at byte {offset}"
                ))
                .with_hint(format!(
                    "remove it: the server would ignore it. Valid parameters: {}",
                    known.join(", ")
                ))
                .did_you_mean(&name, known));
            }
            if seen.contains(&name) {
                return Err(Error::usage(format!(
                    "PATH repeats the parameter `{name}` at byte {offset}"
                ))
                .with_hint("remove one of them: the server reads only one"));
            }
            seen.push(name);
        }
        Ok(())
    }

    /// Returns the decoded value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        self.pairs()
            .find(|pair| pair.name == name)
            .map(|pair| pair.value)
    }

    /// Adds a parameter for `flag`. Refuses a PATH in which the parameter has another value.
    pub fn add_parameter(&mut self, name: &str, value: &str, flag: &str) -> Result<(), Error> {
        match self.parameter(name) {
            Some(present) if present != value => Err(Error::usage(format!(
                "{flag}={value} contradicts `{name}={present}` in PATH"
            ))
            .with_hint(format!("remove {flag}, or remove `{name}` from PATH"))),
            _ => {
                self.add_default(name, value);
                Ok(())
            }
        }
    }

    /// Adds a parameter, unless PATH already has it.
    pub fn add_default(&mut self, name: &str, value: &str) {
        if self.parameter(name).is_some() {
            return;
        }
        let query = self.query.get_or_insert_default();
        if !query.is_empty() && !query.ends_with('&') {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.extend(utf8_percent_encode(value, VALUE));
    }
}

/// Decodes a name or a value like the server: as in an HTML form, a `+` is a space.
fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
    } else {
        percent_decode_str(text).decode_utf8_lossy()
    }
}
