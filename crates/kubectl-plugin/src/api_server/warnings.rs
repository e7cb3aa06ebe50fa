//! The `Warning` headers of replies (RFC 7234 §5.5; Kubernetes sends code 299 only).

use std::cell::RefCell;
use std::collections::BTreeSet;

use http::{HeaderMap, header};

use crate::redaction::Redaction;
use crate::stderr;

/// The warnings of this process so far: each text is said once, as by kubectl.
#[derive(Debug, Default)]
pub(crate) struct Warnings(RefCell<BTreeSet<String>>);

impl Warnings {
    /// Says the warnings in `headers` that are new, as far as they may be shown.
    pub(crate) fn say_new(&self, headers: &HeaderMap, redaction: &Redaction) {
        for value in headers.get_all(header::WARNING) {
            for text in texts(&String::from_utf8_lossy(value.as_bytes())) {
                if self.0.borrow_mut().insert(text.clone()) {
                    stderr::warn(&redaction.apply_to_warning(&text));
                }
            }
        }
    }

    /// How many different ones there were.
    pub(crate) fn count(&self) -> usize {
        self.0.borrow().len()
    }
}

/// The texts of a header that may hold several warnings, `299 - "text"` separated by commas.
/// What does not have that form ends the reading, as there is no way to find the next one.
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

/// The code and text of the first warning in `header`, and what follows it. A date in
/// quotes may stand behind the text.
fn warning(header: &str) -> Option<((&str, String), &str)> {
    let (code, rest) = header.trim_start_matches([' ', ',']).split_once(' ')?;
    let (_agent, rest) = rest.split_once(' ')?;
    let (text, rest) = quoted(rest.trim_start())?;
    let rest = rest.trim_start();
    let rest = quoted(rest).map_or(rest, |(_date, rest)| rest);
    Some(((code, text), rest))
}

/// The content of the quoted string that `text` begins with, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
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
    fn reads_what_servers_and_proxies_send() {
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
