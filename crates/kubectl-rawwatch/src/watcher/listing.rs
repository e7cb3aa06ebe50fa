//! A LIST under way: the initial state, or what differs from the state that the consumer knows.
//!
//! Initial objects are printed page by page. In a resync the deletions come first and the rest in
//! the order of versions, so nothing is printed before the last page is there; what did not change
//! is dropped at once, and only the differences are held.

use std::cmp::Ordering;

use kubectl_plugin::Error;
use serde_json::value::RawValue;

use crate::watcher::index::{Difference, Gone, Index};
use crate::wire::event::{Event, EventType, Line, ObjectIdentity};
use crate::wire::page::Page;
use crate::wire::version::Version;

/// Why the differences to a LIST stand in for events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The server does not have the events any more (410).
    Expired,
    /// The server went back in time, as after a restore of etcd.
    Rollback,
    /// Streams end at once, or are silent, though the server has events.
    Stalled,
    /// The initial LIST broke off, and had to begin anew.
    Initial,
    /// A comparison with a LIST, or an event that did not fit those before it.
    Audit,
}

impl Reason {
    /// As it stands in a line's `rawwatch.reason`.
    fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Rollback => "rollback",
            Self::Stalled => "stalled",
            Self::Initial => "initial",
            Self::Audit => "audit",
        }
    }

    /// As a part of a sentence, behind "after".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Expired => "410",
            Self::Rollback => "a rollback of the server",
            Self::Stalled => "streams that brought nothing",
            Self::Initial => "a broken initial list",
            Self::Audit => "an audit",
        }
    }
}

/// A LIST under way.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// What is resynced, and since when; `None` for the initial state.
    resync: Option<(Reason, Version)>,
    /// What asks for the next page; empty for the first.
    pub(crate) token: String,
    /// How often it began anew, because its snapshot had gone.
    pub(crate) restarts: u32,
    /// The version of the pages so far.
    version: Option<Version>,
    held: Vec<Held>,
    gone: Vec<Gone>,
}

/// A listed object that differs.
#[derive(Debug)]
struct Held {
    change: EventType,
    version: Version,
    object: Vec<u8>,
}

/// A LIST that is whole.
pub(crate) struct Listed {
    pub(crate) version: Version,
    /// What to say of a resync.
    pub(crate) summary: Option<String>,
}

impl Listing {
    /// A LIST that finds out what changed since a version.
    pub(crate) fn resync(reason: Reason, since: Version) -> Self {
        Self {
            resync: Some((reason, since)),
            ..Self::default()
        }
    }

    /// Begins anew at the first page. What was printed of an initial state is known by now.
    pub(crate) fn restart(&mut self) {
        let since = self.version.take();
        *self = Self {
            resync: self
                .resync
                .take()
                .or(since.map(|version| (Reason::Initial, version))),
            restarts: self.restarts + 1,
            ..Self::default()
        };
    }

    /// Takes one page in; `made` gets every line that results, and must note it in the index.
    /// `None` while pages are missing.
    pub(crate) fn take<E: From<Error>>(
        &mut self,
        page: &Page<'_>,
        index: &mut Index,
        mut made: impl FnMut(&mut Index, &Line<'_>) -> Result<(), E>,
    ) -> Result<Option<Listed>, E> {
        if self.token.is_empty() {
            index.begin_round();
        }
        let version = Version::new(&page.resource_version);
        let mut line = Vec::new();
        for item in &page.items {
            let head = page.head(item).ok_or_else(|| {
                Error::protocol("the list of PATH has an item without a name or a resourceVersion")
            })?;
            if self.resync.is_some() {
                self.compare(index, &head, item, page);
            } else {
                make_line(&mut line, EventType::Added, |line| {
                    page.append_object(line, item);
                });
                let added = Line {
                    change: EventType::Added,
                    head,
                    text: &line,
                    mark: "",
                };
                made(index, &added)?;
            }
        }
        self.version = Some(version.clone());
        self.token.clone_from(&page.continue_token);
        if !self.token.is_empty() {
            return Ok(None);
        }
        let summary = match self.resync.take() {
            Some((reason, since)) => {
                Some(self.emit(reason, &since, &version, page, index, &mut made)?)
            }
            None => None,
        };
        Ok(Some(Listed { version, summary }))
    }

    fn compare(
        &mut self,
        index: &mut Index,
        head: &ObjectIdentity<'_>,
        item: &RawValue,
        page: &Page<'_>,
    ) {
        let change = match index.meet(head) {
            Difference::Same => return,
            Difference::Changed => EventType::Modified,
            Difference::New => EventType::Added,
            Difference::Recreated(old) => {
                self.gone.push(old);
                EventType::Added
            }
        };
        let mut object = Vec::with_capacity(item.get().len() + 64);
        page.append_object(&mut object, item);
        self.held.push(Held {
            change,
            version: Version::new(head.resource_version),
            object,
        });
    }

    /// Makes the lines of a resync; what to say of it.
    fn emit<E>(
        &mut self,
        reason: Reason,
        since: &Version,
        version: &Version,
        page: &Page<'_>,
        index: &mut Index,
        made: &mut impl FnMut(&mut Index, &Line<'_>) -> Result<(), E>,
    ) -> Result<String, E> {
        self.gone.extend(index.missing());
        self.held.sort_by(|one, other| {
            one.version
                .partial_cmp(&other.version)
                .unwrap_or(Ordering::Equal)
        });
        let count = |change| {
            self.held
                .iter()
                .filter(|held| held.change == change)
                .count()
        };
        let summary = format!(
            "rawwatch: resynced after {} ({since}→{version}): {} added, {} modified, {} deleted; \
             intermediate states in the gap are not recoverable",
            reason.words(),
            count(EventType::Added),
            count(EventType::Modified),
            self.gone.len(),
        );
        let mark = format!(
            r#""synthetic":true,"reason":"{}","gap":["{since}","{version}"]"#,
            reason.word()
        );
        let mark_of_the_deleted = format!(r#"{mark},"finalStateUnknown":true"#);
        let mut line = Vec::new();
        for gone in self.gone.drain(..) {
            let (uid, last_version) = (gone.uid.to_string(), gone.version.to_string());
            let head = gone.head(&uid, &last_version);
            make_line(&mut line, EventType::Deleted, |line| {
                page.append_gone(line, &head);
            });
            let deleted = Line {
                change: EventType::Deleted,
                head,
                text: &line,
                mark: &mark_of_the_deleted,
            };
            made(index, &deleted)?;
        }
        for held in self.held.drain(..) {
            make_line(&mut line, held.change, |line| {
                line.extend_from_slice(&held.object);
            });
            let changed = Line {
                change: held.change,
                head: head_of(&line),
                text: &line,
                mark: &mark,
            };
            made(index, &changed)?;
        }
        Ok(summary)
    }
}

/// The identity in a line that was made here.
fn head_of(line: &[u8]) -> ObjectIdentity<'_> {
    match Event::read(line) {
        Some(Event::Object(_, head)) => head,
        _ => ObjectIdentity::default(),
    }
}

/// Makes an event of an object, as the server would write it.
fn make_line(line: &mut Vec<u8>, change: EventType, object: impl FnOnce(&mut Vec<u8>)) {
    line.clear();
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(change.word().as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    object(line);
    line.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of `ConfigMaps`, each a name and a version; the UID is the name unless it has one.
    fn page(version: &str, token: &str, items: &[(&str, &str)]) -> String {
        let items: Vec<String> = items
            .iter()
            .map(|(name, version)| {
                let (name, uid) = name.split_once('@').unwrap_or((name, name));
                format!(r#"{{"metadata":{{"name":"{name}","namespace":"n","uid":"{uid}","resourceVersion":"{version}"}}}}"#)
            })
            .collect();
        format!(
            r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"{version}","continue":"{token}"}},"items":[{}]}}"#,
            items.join(",")
        )
    }

    /// Takes a page, and shows `TYPE name@version` of each line; a marked one in brackets.
    fn take(listing: &mut Listing, index: &mut Index, page: &str) -> (Vec<String>, Option<Listed>) {
        let mut lines = Vec::new();
        let listed = listing
            .take::<Error>(
                &Page::read(page.as_bytes()).unwrap(),
                index,
                |index, made| {
                    serde_json::from_slice::<serde_json::Value>(made.text).unwrap();
                    index.apply(made.change, &made.head);
                    let text = format!(
                        "{} {}@{}",
                        made.change, made.head.name, made.head.resource_version
                    );
                    lines.push(if made.mark.is_empty() {
                        text
                    } else {
                        format!("[{text}]")
                    });
                    Ok(())
                },
            )
            .unwrap();
        (lines, listed)
    }

    #[test]
    fn the_initial_state_is_printed_page_by_page() {
        let (mut listing, mut index) = (Listing::default(), Index::default());
        let (lines, listed) = take(&mut listing, &mut index, &page("9", "t", &[("a", "1")]));
        assert_eq!(lines, ["ADDED a@1"]);
        assert!(listed.is_none());
        assert_eq!(listing.token, "t");
        let (lines, listed) = take(&mut listing, &mut index, &page("9", "", &[("b", "2")]));
        assert_eq!(lines, ["ADDED b@2"]);
        let listed = listed.unwrap();
        assert_eq!((listed.version, listed.summary), (Version::new("9"), None));
    }

    #[test]
    fn a_resync_says_the_deleted_first_and_the_rest_in_the_order_of_versions() {
        let (mut listing, mut index) = (Listing::default(), Index::default());
        let before = page(
            "9",
            "",
            &[
                ("same", "1"),
                ("changed", "2"),
                ("gone", "3"),
                ("again@old", "4"),
            ],
        );
        take(&mut listing, &mut index, &before);
        let mut listing = Listing::resync(Reason::Expired, Version::new("9"));
        let first = page("20", "t", &[("again@new", "19"), ("changed", "15")]);
        assert_eq!(take(&mut listing, &mut index, &first).0, [""; 0]);
        let second = page("20", "", &[("new", "12"), ("same", "1")]);
        let (lines, listed) = take(&mut listing, &mut index, &second);
        assert_eq!(
            lines,
            [
                "[DELETED again@4]",
                "[DELETED gone@3]",
                "[ADDED new@12]",
                "[MODIFIED changed@15]",
                "[ADDED again@19]",
            ]
        );
        assert_eq!(
            listed.unwrap().summary.unwrap(),
            "rawwatch: resynced after 410 (9→20): 2 added, 1 modified, 2 deleted; \
             intermediate states in the gap are not recoverable"
        );
    }

    #[test]
    fn an_initial_list_that_begins_anew_says_only_what_changed() {
        let (mut listing, mut index) = (Listing::default(), Index::default());
        take(
            &mut listing,
            &mut index,
            &page("9", "t", &[("a", "1"), ("b", "2")]),
        );
        listing.restart();
        assert_eq!((listing.token.as_str(), listing.restarts), ("", 1));
        let (lines, listed) = take(
            &mut listing,
            &mut index,
            &page("12", "", &[("a", "1"), ("c", "11")]),
        );
        assert_eq!(lines, ["[DELETED b@2]", "[ADDED c@11]"]);
        assert!(
            listed
                .unwrap()
                .summary
                .unwrap()
                .contains("a broken initial list (9→12)")
        );
    }

    #[test]
    fn a_listing_that_never_got_a_page_begins_anew_as_it_was() {
        let (mut listing, mut index) = (Listing::default(), Index::default());
        listing.restart();
        let (lines, _) = take(&mut listing, &mut index, &page("9", "", &[("a", "1")]));
        assert_eq!(lines, ["ADDED a@1"]);
    }
}
