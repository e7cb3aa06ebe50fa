//! The parameters of a query, read as the API server reads them. They are added to, but never rewritten.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::RawPath;
use crate::Error;

/// The characters that are encoded in the value of a flag.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One `name=value` of a query.
struct Pair<'a> {
    /// Its offset in the query, in bytes.
    place: usize,
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
                let place = end;
                end += pair.len() + 1;
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Pair {
                    place,
                    name: decode(name),
                    value: decode(value),
                }
            });
        pairs.filter(|pair| !pair.name.is_empty())
    }

    /// Refuses parameters that are not `known`, and those that are given twice. After `/proxy/`, the query
    /// belongs to another server and is not checked.
    pub fn check_parameters(&self, known: &[&str]) -> Result<(), Error> {
        if self.is_proxied() {
            return Ok(());
        }
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for Pair { place, name, .. } in self.pairs() {
            let place = self.query_offset + place;
            if !known.contains(&name.as_ref()) {
                return Err(Error::usage(format!(
                    "PATH has the unknown parameter `{name}` at byte {place}"
                ))
                .hinted(format!(
                    "the server would ignore it; valid parameters: {}",
                    known.join(", ")
                ))
                .did_you_mean(&name, known));
            }
            if seen.contains(&name) {
                return Err(Error::usage(format!(
                    "PATH has the parameter `{name}` again at byte {place}"
                ))
                .hinted("remove one of them: the server reads only one"));
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

    /// Adds a parameter for `flag`. A parameter in PATH must have the same value.
    pub fn add_parameter(&mut self, name: &str, value: &str, flag: &str) -> Result<(), Error> {
        match self.parameter(name) {
            Some(present) if present != value => Err(Error::usage(format!(
                "{flag} contradicts `{name}={present}` in PATH"
            ))
            .hinted("remove one of them")),
            _ => {
                self.add_default(name, value);
                Ok(())
            }
        }
    }

    /// Adds a parameter unless PATH has it.
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

/// Decodes a name or value as an HTML form encodes it, as the server does.
fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
    } else {
        percent_decode_str(text).decode_utf8_lossy()
    }
}
