//! A LIST in progress, for the initial state, or for the differences from the state that the
//! consumer knows.
//!
//! Initial objects are printed page by page. In a resync, the deletions come first, and the rest
//! follows in the order of versions, so nothing is printed before the last page. Unchanged objects
//! are dropped immediately. Only the differences are kept.

use std::cmp::Ordering;

use kubectl_plugin::Error;
use serde_json::value::RawValue;

use crate::watcher::index::{DeletedObject, Difference, Index};
use crate::watcher::paging::Paging;
use crate::wire::event::{EventType, Line, ObjectIdentity};
use crate::wire::page::Page;
use crate::wire::version::Version;

/// The reason why a LIST replaces events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The server no longer has the events (410).
    Expired,
    /// The server went back in time, for example after a restore of etcd.
    Rollback,
    /// Streams end immediately or stay silent, although the server has events.
    Stalled,
    /// The initial LIST was interrupted and started over.
    Initial,
    /// An audit found a difference, or an event contradicted earlier ones.
    Audit,
    /// The collection is listed at an interval, without a watch.
    Poll,
}

impl Reason {
    /// Returns the value of `rawwatch.reason`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Rollback => "rollback",
            Self::Stalled => "stalled",
            Self::Initial => "initial",
            Self::Audit => "audit",
            Self::Poll => "poll",
        }
    }

    /// Returns the reason in words.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Expired => "410 Gone",
            Self::Rollback => "a server rollback",
            Self::Stalled => "a stalled stream",
            Self::Initial => "an interrupted initial list",
            Self::Audit => "missing or out-of-order events",
            Self::Poll => "a poll",
        }
    }
}

/// A LIST in progress.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The reason of the resync and its starting version; `None` for the initial state.
    resync: Option<(Reason, Version)>,
    /// The token for the next page; empty for the first one.
    pub(crate) token: String,
    /// The number of times the LIST started over, because its snapshot had expired.
    pub(crate) restarts: u32,
    paging: Paging,
    /// The version of the pages so far.
    version: Option<Version>,
    pending: Vec<PendingEvent>,
    deleted: Vec<DeletedObject>,
}

/// A synthetic event that waits for the last page.
#[derive(Debug)]
struct PendingEvent {
    event_type: EventType,
    version: Version,
    fingerprint: Option<u64>,
    object: Vec<u8>,
}

/// A complete LIST.
pub(crate) struct Listed {
    pub(crate) version: Version,
    /// The note about a resync that replaces a stream.
    pub(crate) summary: Option<String>,
}

impl Listing {
    /// Starts a LIST that finds the changes since a version.
    pub(crate) fn resync(reason: Reason, since: Version) -> Self {
        Self {
            resync: Some((reason, since)),
            ..Self::default()
        }
    }

    /// Starts over at the first page. If objects were already printed, the LIST becomes a resync.
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

    /// Handles one page. `deliver` gets every resulting line, and must record it in the index.
    /// Returns `None` until the last page.
    pub(crate) fn take<E: From<Error>>(
        &mut self,
        page: &Page<'_>,
        index: &mut Index,
        mut deliver: impl FnMut(&mut Index, &Line<'_>) -> Result<(), E>,
    ) -> Result<Option<Listed>, E> {
        self.paging.record(page)?;
        if self.token.is_empty() {
            index.begin_round();
        }
        let version = Version::new(&page.resource_version);
        let mut line = Vec::new();
        for item in &page.items {
            let identity = page.identity(item).ok_or_else(|| {
                Error::protocol(
                    "the list of PATH contains an item without a name or a resourceVersion",
                )
            })?;
            if self.resync.is_some() {
                self.compare(index, &identity, item, page);
            } else {
                make_line(&mut line, EventType::Added, |line| {
                    page.append_object(line, item);
                });
                let added = Line {
                    event_type: EventType::Added,
                    identity,
                    text: &line,
                    synthetic: "",
                };
                deliver(index, &added)?;
            }
        }
        self.version = Some(version.clone());
        self.token.clone_from(&page.continue_token);
        if !self.token.is_empty() {
            return Ok(None);
        }
        let summary = match self.resync.take() {
            Some((reason, since)) => {
                self.emit(reason, &since, &version, page, index, &mut deliver)?
            }
            None => None,
        };
        Ok(Some(Listed { version, summary }))
    }

    fn compare(
        &mut self,
        index: &mut Index,
        identity: &ObjectIdentity<'_>,
        item: &RawValue,
        page: &Page<'_>,
    ) {
        let event_type = match index.compare_listed(identity) {
            Difference::Same => return,
            Difference::Changed => EventType::Modified,
            Difference::New => EventType::Added,
            Difference::Recreated(old) => {
                self.deleted.push(old);
                EventType::Added
            }
        };
        let mut object = Vec::with_capacity(item.get().len() + 64);
        page.append_object(&mut object, item);
        self.pending.push(PendingEvent {
            event_type,
            version: identity.version(),
            fingerprint: identity.fingerprint,
            object,
        });
    }

    /// Delivers the lines of a resync. Returns the note about it, unless it is a poll.
    fn emit<E>(
        &mut self,
        reason: Reason,
        since: &Version,
        version: &Version,
        page: &Page<'_>,
        index: &mut Index,
        deliver: &mut impl FnMut(&mut Index, &Line<'_>) -> Result<(), E>,
    ) -> Result<Option<String>, E> {
        let reason = if *version < *since {
            Reason::Rollback
        } else {
            reason
        };
        self.deleted.extend(index.missing());
        self.pending.sort_by(|left, right| {
            left.version
                .partial_cmp(&right.version)
                .unwrap_or(Ordering::Equal)
        });
        let summary = (reason != Reason::Poll).then(|| self.summary(reason, since, version));
        let synthetic = synthetic_members(reason, since, version);
        let synthetic_deletion = format!(r#"{synthetic},"finalStateUnknown":true"#);
        let mut line = Vec::new();
        for deleted in self.deleted.drain(..) {
            let (uid, last_version) = (deleted.uid.to_string(), deleted.version.to_string());
            let identity = deleted.identity(&uid, &last_version);
            make_line(&mut line, EventType::Deleted, |line| {
                page.append_deleted(line, &identity);
            });
            let deleted = Line {
                event_type: EventType::Deleted,
                identity,
                text: &line,
                synthetic: &synthetic_deletion,
            };
            deliver(index, &deleted)?;
        }
        for pending in self.pending.drain(..) {
            make_line(&mut line, pending.event_type, |line| {
                line.extend_from_slice(&pending.object);
            });
            let changed = Line {
                event_type: pending.event_type,
                identity: ObjectIdentity {
                    fingerprint: pending.fingerprint,
                    ..ObjectIdentity::parse(&pending.object).unwrap_or_default()
                },
                text: &line,
                synthetic: &synthetic,
            };
            deliver(index, &changed)?;
        }
        Ok(summary)
    }

    fn summary(&self, reason: Reason, since: &Version, version: &Version) -> String {
        let count = |event_type| {
            let pending = self.pending.iter();
            pending
                .filter(|pending| pending.event_type == event_type)
                .count()
        };
        format!(
            "rawwatch: resynced after {} ({since}→{version}): {} added, {} modified, {} deleted; \
             changes in between cannot be recovered",
            reason.description(),
            count(EventType::Added),
            count(EventType::Modified),
            self.deleted.len(),
        )
    }
}

/// Returns the members of `rawwatch` that mark an event as synthetic. A list without a version has no
/// gap.
fn synthetic_members(reason: Reason, since: &Version, version: &Version) -> String {
    let reason = reason.as_str();
    if version.is_unknown() {
        return format!(r#""synthetic":true,"reason":"{reason}""#);
    }
    format!(r#""synthetic":true,"reason":"{reason}","gap":["{since}","{version}"]"#)
}

/// Writes an object as an event, in the server's format.
fn make_line(line: &mut Vec<u8>, event_type: EventType, object: impl FnOnce(&mut Vec<u8>)) {
    line.clear();
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(event_type.as_str().as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    object(line);
    line.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a page of `ConfigMaps`, each a name and a version. The UID is the name by default.
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

    /// Handles a page and returns `TYPE name@version` for each line, in brackets if it is synthetic.
    fn take(listing: &mut Listing, index: &mut Index, page: &str) -> (Vec<String>, Option<Listed>) {
        let mut lines = Vec::new();
        let listed = listing
            .take::<Error>(
                &Page::parse(page.as_bytes()).unwrap(),
                index,
                |index, line| {
                    serde_json::from_slice::<serde_json::Value>(line.text).unwrap();
                    index.apply(line.event_type, &line.identity);
                    let text = format!(
                        "{} {}@{}",
                        line.event_type, line.identity.name, line.identity.resource_version
                    );
                    lines.push(if line.synthetic.is_empty() {
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
    fn a_resync_prints_deletions_first_and_the_rest_by_version() {
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
            "rawwatch: resynced after 410 Gone (9→20): 2 added, 1 modified, 2 deleted; \
             changes in between cannot be recovered"
        );
    }

    #[test]
    fn an_initial_list_that_starts_over_prints_only_changes() {
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
                .contains("an interrupted initial list (9→12)")
        );
    }

    #[test]
    fn a_listing_without_a_page_starts_over_unchanged() {
        let (mut listing, mut index) = (Listing::default(), Index::default());
        listing.restart();
        let (lines, _) = take(&mut listing, &mut index, &page("9", "", &[("a", "1")]));
        assert_eq!(lines, ["ADDED a@1"]);
    }
}
