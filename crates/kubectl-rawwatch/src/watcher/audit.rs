//! `--audit`: compares the objects that the consumer has seen with a LIST, while the stream
//! continues.
//!
//! Servers may lose events (etcd-io/etcd#18089, kubernetes/kubernetes#123072), and nothing on the
//! wire shows it. A LIST of names and versions is compared when the stream has passed its version,
//! or has had the time to. Objects that the stream has changed since are newer than the LIST. All
//! others must be the same.

use std::collections::HashSet;
use std::time::Duration;

use kubectl_plugin::Error;

use crate::watcher::index::{Index, key_of};
use crate::wire::event::{EventType, ObjectIdentity};
use crate::wire::page::Page;
use crate::wire::version::Version;

/// An audit in progress.
#[derive(Debug)]
pub(crate) struct Audit {
    /// Whether the audit checks a silent stream of a server that is ahead.
    pub(crate) checks_silent_stream: bool,
    /// The time at which the audit ends even if the stream has not passed the version of the LIST.
    /// By then, everything in the LIST should have arrived.
    pub(crate) due: Duration,
    listed: Index,
    /// The token for the next page; empty for the first one.
    pub(crate) token: String,
    /// The version of the LIST, once it is complete.
    at: Option<Version>,
    /// The objects that the stream deleted since the LIST started.
    deleted: HashSet<String>,
}

impl Audit {
    pub(crate) fn new(checks_silent_stream: bool) -> Self {
        Self {
            checks_silent_stream,
            due: Duration::MAX,
            listed: Index::default(),
            token: String::new(),
            at: None,
            deleted: HashSet::new(),
        }
    }

    /// Handles one page. Returns whether it was the last one, which makes the comparison `due`.
    pub(crate) fn take(&mut self, body: &[u8], due: Duration) -> Result<bool, Error> {
        let page = Page::parse(body)?;
        for item in &page.items {
            if let Some(identity) = ObjectIdentity::parse(item.get().as_bytes()) {
                self.listed.apply(EventType::Added, &identity);
            }
        }
        self.token.clone_from(&page.continue_token);
        let is_whole = self.token.is_empty();
        if is_whole {
            self.at = Some(Version::new(&page.resource_version));
            self.due = due;
        }
        Ok(is_whole)
    }

    /// Records an event of the stream during the audit, if it is a deletion.
    pub(crate) fn record_deletion(&mut self, event_type: EventType, identity: &ObjectIdentity<'_>) {
        if event_type == EventType::Deleted {
            self.deleted.insert(key_of(identity));
        }
    }

    /// Returns the version of the LIST, once it is complete.
    pub(crate) fn at(&self) -> Option<&Version> {
        self.at.as_ref()
    }

    /// Reports whether the LIST agrees with the objects of the stream.
    pub(crate) fn agrees_with(&self, seen: &Index) -> bool {
        let Some(at) = &self.at else {
            return true;
        };
        let listed_is_seen = self
            .listed
            .objects()
            .all(|(key, listed)| match seen.find(key) {
                Some(known) => {
                    known.version > *at
                        || (known.uid == listed.uid && known.version == listed.version)
                }
                None => self.deleted.contains(key),
            });
        let mut seen_objects = seen.objects();
        listed_is_seen
            && seen_objects
                .all(|(key, known)| known.version > *at || self.listed.find(key).is_some())
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

    #[test]
    fn an_audit_ignores_objects_that_the_stream_has_changed_since() {
        let mut audit = Audit::new(false);
        let page = br#"{"kind":"L","apiVersion":"v1","metadata":{"resourceVersion":"10"},"items":[
            {"metadata":{"name":"a","uid":"a","resourceVersion":"1"}},
            {"metadata":{"name":"b","uid":"b","resourceVersion":"2"}}]}"#;
        assert!(audit.take(page, Duration::MAX).unwrap());
        audit.record_deletion(EventType::Deleted, &identity("b", "12"));
        for (seen, agrees) in [
            (index(&[("a", "1")]), true),
            (index(&[("a", "11")]), true),
            (index(&[("a", "1"), ("b", "13"), ("c", "12")]), true),
            // A change, a creation and a deletion that never arrived.
            (index(&[("a", "0")]), false),
            (index(&[("b", "2")]), false),
            (index(&[("a", "1"), ("c", "5")]), false),
        ] {
            assert_eq!(audit.agrees_with(&seen), agrees, "{seen:?}");
        }
    }
}
