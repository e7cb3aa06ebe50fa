//! The `Warning` headers of responses (RFC 7234 §5.5; Kubernetes sends code 299 only).

use std::cell::RefCell;
use std::collections::BTreeSet;

use http::{HeaderMap, header};

use crate::redaction::Redaction;
use crate::stderr;

/// The warnings that this process has received. As in kubectl, each text is printed once.
#[derive(Debug, Default)]
pub(crate) struct Warnings(RefCell<BTreeSet<String>>);

impl Warnings {
    /// Prints the warnings in `headers` that are new, redacted.
    pub(crate) fn say_new(&self, headers: &HeaderMap, redaction: &Redaction) {
        for value in headers.get_all(header::WARNING) {
            for text in texts(&String::from_utf8_lossy(value.as_bytes())) {
                if self.0.borrow_mut().insert(text.clone()) {
                    stderr::warn(&redaction.apply_to_warning(&text));
                }
            }
        }
    }

    /// Returns the number of different warnings.
    pub(crate) fn count(&self) -> usize {
        self.0.borrow().len()
    }
}

/// Parses the texts of a header with one or more warnings, `299 - "text"` separated by commas.
/// Stops at anything else, because the start of the next warning is unknown.
fn texts(header: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = header;
    while let Some(((code, text), after)) = warning(rest) {
        if code == "299" && !text.is_empty() {
            texts.push(text);
        }
        rest = after;
    }
    texts
}

/// Parses the first warning in `header`. Returns its code and text, and the rest of the header. A
/// quoted date may follow the text.
fn warning(header: &str) -> Option<((&str, String), &str)> {
    let (code, rest) = header.trim_start_matches([' ', ',']).split_once(' ')?;
    let (_agent, rest) = rest.split_once(' ')?;
    let (text, rest) = parse_quoted(rest.trim_start())?;
    let rest = rest.trim_start();
    let rest = parse_quoted(rest).map_or(rest, |(_date, rest)| rest);
    Some(((code, text), rest))
}

/// Parses the quoted string at the start of `text`. Returns its content, and the rest of the text.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut characters = text.strip_prefix('"')?.char_indices();
    let mut content = String::new();
    while let Some((offset, character)) = characters.next() {
        match character {
            '"' => return Some((content, &text[offset + 2..])),
            '\\' => content.push(characters.next()?.1),
            _ => content.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_from_servers_and_proxies_are_parsed() {
        for (header, expected) in [
            (r#"299 - "a \"b\", c""#, &[r#"a "b", c"#] as &[&str]),
            (
                r#"299 - "one", 299 - "two" "Wed, 21 Oct 2015 07:28:00 GMT", 299 x "three""#,
                &["one", "two", "three"],
            ),
            (r#"199 - "not this", 299 - "this""#, &["this"]),
            (r#"299 - """#, &[]),
            (r#"299 - "open"#, &[]),
            ("nonsense", &[]),
        ] {
            assert_eq!(texts(header), expected, "{header}");
        }
    }
}
