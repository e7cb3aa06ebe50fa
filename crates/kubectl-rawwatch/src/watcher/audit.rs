//! `--audit`: compares what the consumer has seen with a LIST, while the stream goes on.
//!
//! Servers may lose events (etcd-io/etcd#18089, kubernetes/kubernetes#123072), and nothing on the wire shows
//! it. A LIST of names and versions is compared once the stream has passed its version, or had the time to.
//! Objects that the stream changed since then are newer than the LIST; all others must agree.

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
    /// Started because the stream is silent while the server is ahead.
    pub(crate) is_of_a_silent_stream: bool,
    /// When the audit ends, even if the stream has not passed the version of the LIST: by then, everything in
    /// the LIST would have arrived.
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
    pub(crate) fn new(is_of_a_silent_stream: bool) -> Self {
        Self {
            is_of_a_silent_stream,
            due: Duration::MAX,
            listed: Index::default(),
            token: String::new(),
            at: None,
            deleted: HashSet::new(),
        }
    }

    /// Handles one page. Returns whether it was the last one, which makes the comparison `due`.
    pub(crate) fn take(&mut self, body: &[u8], due: Duration) -> Result<bool, Error> {
        let page = Page::read(body)?;
        for item in &page.items {
            if let Some(identity) = ObjectIdentity::read(item.get().as_bytes()) {
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

    /// Notes a deletion in the meantime.
    pub(crate) fn note(&mut self, event_type: EventType, identity: &ObjectIdentity<'_>) {
        if event_type == EventType::Deleted {
            self.deleted.insert(key_of(identity));
        }
    }

    /// Returns the version of the LIST, once it is complete.
    pub(crate) fn at(&self) -> Option<&Version> {
        self.at.as_ref()
    }

    /// Reports whether the LIST agrees with the stream, which has passed it.
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
    fn only_what_the_stream_has_not_changed_since_must_agree() {
        let mut audit = Audit::new(false);
        let page = br#"{"kind":"L","apiVersion":"v1","metadata":{"resourceVersion":"10"},"items":[
            {"metadata":{"name":"a","uid":"a","resourceVersion":"1"}},
            {"metadata":{"name":"b","uid":"b","resourceVersion":"2"}}]}"#;
        assert!(audit.take(page, Duration::MAX).unwrap());
        audit.note(EventType::Deleted, &identity("b", "12"));
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
