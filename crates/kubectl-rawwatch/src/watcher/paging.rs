//! The bounds of a LIST with several pages. A broken server could continue it forever.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use kubectl_plugin::Error;

use crate::wire::page::Page;

/// The maximum number of pages in a row without an object.
const MAX_EMPTY_PAGES: u32 = 100;
/// The number of characters of a continue token in a message.
const SHOWN: usize = 8;

/// The pages of a LIST so far.
#[derive(Debug, Default)]
pub(crate) struct Paging {
    /// The hashes of the continue tokens, and of the first object of each page.
    seen: HashSet<u64>,
    empty_pages: u32,
}

impl Paging {
    /// Records a page. Refuses a page that the server has already sent, or whose successor it has.
    pub(crate) fn record(&mut self, page: &Page<'_>) -> Result<(), Error> {
        let token = &page.continue_token;
        if !token.is_empty() && !self.seen.insert(hash(("token", token))) {
            let short: String = token.chars().take(SHOWN).collect();
            return Err(endless(&format!(
                "the server repeats the continue token \"{short}…\""
            )));
        }
        let first = page.items.first().and_then(|item| page.identity(item));
        match first {
            Some(first) if !self.seen.insert(hash((first.namespace, first.name))) => {
                Err(endless("the server sends the same page twice"))
            }
            Some(_) => {
                self.empty_pages = 0;
                Ok(())
            }
            None => {
                self.empty_pages += 1;
                if self.empty_pages > MAX_EMPTY_PAGES {
                    let empty =
                        format!("the server sent {MAX_EMPTY_PAGES} pages without an object");
                    return Err(endless(&empty));
                }
                Ok(())
            }
        }
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn endless(problem: &str) -> Error {
    Error::protocol(format!("the list of PATH has no end: {problem}"))
        .with_hint("report this to the developers of the API: it does not implement `continue`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error for pages, each a token and the name of its first object.
    fn record(pages: &[(&str, Option<&str>)]) -> Result<(), Error> {
        let mut paging = Paging::default();
        pages.iter().try_for_each(|(token, first)| {
            let item = first.map_or(String::new(), |name| {
                format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"1"}}}}"#)
            });
            let body = format!(
                r#"{{"metadata":{{"resourceVersion":"9","continue":"{token}"}},"items":[{item}]}}"#
            );
            paging.record(&Page::parse(body.as_bytes()).unwrap())
        })
    }

    #[test]
    fn pages_that_repeat_or_never_end_are_refused() {
        record(&[("t1", Some("a")), ("t2", Some("b")), ("", Some("c"))]).unwrap();
        for (pages, problem) in [
            (
                vec![("token-of-ours", Some("a")), ("token-of-ours", Some("b"))],
                "repeats the continue token \"token-of…\"",
            ),
            (
                vec![("t1", Some("a")), ("t2", Some("a"))],
                "same page twice",
            ),
        ] {
            let error = record(&pages).unwrap_err();
            assert_eq!(error.exit_code(), 6);
            assert!(error.to_string().contains(problem), "{error}");
        }
        let tokens: Vec<String> = (0..=MAX_EMPTY_PAGES).map(|page| page.to_string()).collect();
        let empty: Vec<_> = tokens.iter().map(|token| (token.as_str(), None)).collect();
        record(&empty[1..]).unwrap();
        assert!(record(&empty).is_err());
    }
}
