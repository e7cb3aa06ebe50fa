//! Compares the objects that the consumer has seen with a LIST of names and versions, beside the
//! stream.
//!
//! Servers may lose events (etcd-io/etcd#18089, kubernetes/kubernetes#123072), and nothing on the
//! wire shows it. A server that was restored from a backup may have reached the watcher's version
//! again by other changes. A comparison finds both. Some differences prove a loss at once. Others
//! may be events on their way: they count once the stream has passed the version of the LIST, or
//! has had the time to. Objects that the stream has changed since are newer than the LIST.

use std::collections::HashSet;
use std::time::Duration;

use kubectl_plugin::Error;

use crate::watcher::cursor::Cursor;
use crate::watcher::index::{Index, ObjectState, key_of};
use crate::watcher::paging::Paging;
use crate::wire::event::{EventType, ObjectIdentity};
use crate::wire::page::Page;
use crate::wire::version::Version;

/// The reason for an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The user asked for regular audits.
    Periodic,
    /// The collection has not changed for as long as the user waits for.
    Calm,
    /// The server is ahead of a silent stream.
    SilentStream,
    /// The server may have another history since it was unreachable, or since the last run.
    History,
}

/// The result of a comparison, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comparison {
    Agrees,
    /// The differences may be events that have not arrived yet.
    Undecided,
    /// Events were lost.
    Differs,
    /// The server has an older state of an object than the consumer.
    WentBack,
}

/// An audit in progress.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) purpose: Purpose,
    /// The position of the stream when the audit started.
    position: Version,
    /// Whether the LIST is one of the past, at the position, so that no event can be on its way.
    is_exact: bool,
    listed: Index,
    /// The token for the next page; empty for the first one.
    token: String,
    paging: Paging,
    /// The version of the LIST, once there is a page.
    version: Option<Version>,
    /// The time at which the LIST was complete.
    complete_at: Option<Duration>,
    /// The objects that the stream deleted since the audit started.
    deleted: HashSet<String>,
}

impl Audit {
    /// Starts an audit when the stream is at a position.
    pub(crate) fn new(purpose: Purpose, position: Version) -> Self {
        Self {
            purpose,
            position,
            is_exact: false,
            listed: Index::default(),
            token: String::new(),
            paging: Paging::default(),
            version: None,
            complete_at: None,
            deleted: HashSet::new(),
        }
    }

    /// Starts an audit of the server's state at the position.
    pub(crate) fn exact(purpose: Purpose, position: Version) -> Self {
        Self {
            is_exact: true,
            ..Self::new(purpose, position)
        }
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Returns the token of the next page, and the version that the first page must have, if any.
    pub(crate) fn next_page(&self) -> (String, Option<Version>) {
        let is_first = self.token.is_empty();
        let version = (self.is_exact && is_first).then(|| self.position.clone());
        (self.token.clone(), version)
    }

    /// Handles one page.
    pub(crate) fn take(&mut self, page: &Page<'_>, now: Duration) -> Result<(), Error> {
        self.paging.record(page)?;
        for item in &page.items {
            if let Some(identity) = page.identity(item) {
                self.listed.apply(EventType::Added, &identity);
            }
        }
        self.version = Some(Version::new(&page.resource_version));
        self.token.clone_from(&page.continue_token);
        self.complete_at = self.token.is_empty().then_some(now);
        Ok(())
    }

    /// Records an event of the stream during the audit, if it is a deletion.
    pub(crate) fn record_deletion(&mut self, event_type: EventType, identity: &ObjectIdentity<'_>) {
        if event_type == EventType::Deleted {
            self.deleted.insert(key_of(identity));
        }
    }

    /// Returns the time at which the LIST was complete, if it is.
    pub(crate) fn complete_at(&self) -> Option<Duration> {
        self.complete_at
    }

    /// Reports whether the LIST is complete, and the stream has passed its version.
    pub(crate) fn is_passed_by(&self, cursor: &Cursor) -> bool {
        let version = self.version.as_ref().filter(|_| self.complete_at.is_some());
        version.is_some_and(|version| cursor.has_passed(version))
    }

    /// Reports whether the server has less history than the stream had when the audit started.
    pub(crate) fn is_behind_start(&self) -> bool {
        let version = self.version.as_ref();
        version.is_some_and(|version| *version < self.position)
    }

    /// Compares the LIST with the objects that the stream has delivered up to the cursor.
    pub(crate) fn compare(&self, seen: &Index, cursor: &Cursor) -> Comparison {
        let Some(version) = &self.version else {
            return Comparison::Agrees;
        };
        let listed = self.listed.objects();
        let listed = listed.map(|(key, listed)| self.compare_listed(key, listed, seen, cursor));
        let unlisted = seen
            .objects()
            .filter(|(key, _)| self.listed.find(key).is_none());
        let unlisted = unlisted.map(|(_, known)| compare_unlisted(known, version, cursor));
        listed.chain(unlisted).max().unwrap_or(Comparison::Agrees)
    }

    fn compare_listed(
        &self,
        key: &str,
        listed: &ObjectState,
        seen: &Index,
        cursor: &Cursor,
    ) -> Comparison {
        let is_newer_than_list =
            |known: &ObjectState| self.version.as_ref().is_some_and(|at| known.version > *at);
        match seen.find(key) {
            None if self.deleted.contains(key) => Comparison::Agrees,
            Some(known) if is_newer_than_list(known) => Comparison::Agrees,
            Some(known) if known.version == listed.version && known.uid == listed.uid => {
                Comparison::Agrees
            }
            Some(known) if listed.version < known.version => Comparison::WentBack,
            _ if cursor.has_passed(&listed.version) => Comparison::Differs,
            _ => Comparison::Undecided,
        }
    }
}

/// Compares a known object that a LIST at a version does not contain.
fn compare_unlisted(known: &ObjectState, at: &Version, cursor: &Cursor) -> Comparison {
    if known.version > *at {
        Comparison::Agrees
    } else if known.version == *at {
        Comparison::WentBack
    } else if cursor.has_passed(at) {
        Comparison::Differs
    } else {
        Comparison::Undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an index of objects with these versions.
    fn index(objects: &[(&str, &str)]) -> Index {
        let mut index = Index::default();
        for (name, version) in objects {
            index.apply(EventType::Added, &identity(name, version));
        }
        index
    }

    fn identity<'a>(name: &'a str, resource_version: &'a str) -> ObjectIdentity<'a> {
        ObjectIdentity {
            name,
            uid: name,
            resource_version,
            ..ObjectIdentity::default()
        }
    }

    /// Compares with a LIST of `a@1`, `b@2` and `c@8` at version 10, when the stream is at a version
    /// and has deleted `b` since.
    fn compare(seen: &[(&str, &str)], position: &str) -> Comparison {
        let mut audit = Audit::new(Purpose::Periodic, Version::new("7"));
        let page = br#"{"kind":"L","apiVersion":"v1","metadata":{"resourceVersion":"10"},"items":[
            {"metadata":{"name":"a","uid":"a","resourceVersion":"1"}},
            {"metadata":{"name":"b","uid":"b","resourceVersion":"2"}},
            {"metadata":{"name":"c","uid":"c","resourceVersion":"8"}}]}"#;
        let page = Page::parse(page).unwrap();
        audit.take(&page, Duration::ZERO).unwrap();
        audit.record_deletion(EventType::Deleted, &identity("b", "12"));
        audit.compare(&index(seen), &Cursor::complete(Version::new(position)))
    }

    #[test]
    fn an_audit_ignores_objects_that_the_stream_has_changed_since() {
        for seen in [
            &[("a", "1"), ("c", "8")][..],
            &[("a", "11"), ("c", "8")],
            &[("a", "1"), ("b", "13"), ("c", "8"), ("d", "12")],
        ] {
            assert_eq!(compare(seen, "13"), Comparison::Agrees, "{seen:?}");
        }
    }

    #[test]
    fn differences_count_once_the_stream_has_passed_them() {
        for (seen, position, comparison) in [
            // A change, a creation and a deletion that may still arrive.
            (&[("a", "1"), ("c", "6")][..], "7", Comparison::Undecided),
            (&[("a", "1")], "7", Comparison::Undecided),
            (
                &[("a", "1"), ("c", "8"), ("d", "5")],
                "7",
                Comparison::Undecided,
            ),
            // The same when the stream has passed their versions.
            (&[("a", "1"), ("c", "6")], "8", Comparison::Differs),
            (&[("a", "1")], "8", Comparison::Differs),
            (
                &[("a", "1"), ("c", "8"), ("d", "5")],
                "9",
                Comparison::Undecided,
            ),
            (
                &[("a", "1"), ("c", "8"), ("d", "5")],
                "10",
                Comparison::Differs,
            ),
        ] {
            assert_eq!(compare(seen, position), comparison, "{seen:?} {position}");
        }
    }

    #[test]
    fn an_older_state_than_the_known_one_is_found_at_once() {
        for seen in [
            &[("a", "3"), ("c", "8")][..],
            &[("a", "1"), ("c", "8"), ("d", "10")],
        ] {
            assert_eq!(compare(seen, "7"), Comparison::WentBack, "{seen:?}");
        }
    }
}
