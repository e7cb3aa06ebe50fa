//! The position of the output in the history, from which a new stream resumes.
//!
//! Several events can have one resource version: etcd deletes a batch at once. A stream that breaks inside
//! such a batch would lose the rest of it if it resumed from the version of its last event
//! (kubernetes/kubernetes#110210). So it resumes from the last *older* version, and drops what was already
//! delivered at the newer one. No version is computed; both were seen. If the server no longer has the older
//! one, the newer one is not a substitute, because the loss would be silent.

use serde::{Deserialize, Serialize};

use crate::wire::event::EventType;
use crate::wire::uid::Uid;
use crate::wire::version::Version;

/// A position in a collection's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    at: Version,
    /// The last version before `at`, while the batch at `at` may be incomplete.
    before: Option<Version>,
    /// The objects that were delivered at `at`.
    delivered: Vec<(Uid, EventType)>,
}

impl Cursor {
    /// Creates a position at which everything is known: the version of a list or of a bookmark.
    pub(crate) fn complete(at: Version) -> Self {
        Self {
            at,
            before: None,
            delivered: Vec::new(),
        }
    }

    /// Returns the version of the last delivery.
    pub(crate) fn at(&self) -> &Version {
        &self.at
    }

    /// Returns the version to resume from: nothing up to and including it is missing.
    pub(crate) fn resume_from(&self) -> &Version {
        self.before.as_ref().unwrap_or(&self.at)
    }

    /// Records a delivered event.
    pub(crate) fn deliver(&mut self, version: Version, uid: Uid, event_type: EventType) {
        if version != self.at {
            self.before = Some(std::mem::replace(&mut self.at, version));
            self.delivered.clear();
        }
        self.delivered.push((uid, event_type));
    }

    /// Reports whether the whole batch of a version was delivered, so that nothing new can follow.
    pub(crate) fn is_behind_it(&self, version: &Version) -> bool {
        *version < self.at || (*version == self.at && self.delivered.is_empty())
    }

    /// Reports whether this very event was delivered at the current version.
    pub(crate) fn has_delivered(
        &self,
        version: &Version,
        uid: &Uid,
        event_type: EventType,
    ) -> bool {
        *version == self.at
            && self
                .delivered
                .iter()
                .any(|(known, what)| known == uid && *what == event_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::new(text)
    }

    #[test]
    fn a_stream_resumes_from_the_last_older_version_until_a_bookmark() {
        let mut cursor = Cursor::complete(version("10"));
        assert_eq!(cursor.resume_from(), &version("10"));
        cursor.deliver(version("12"), Uid::new("a"), EventType::Deleted);
        cursor.deliver(version("12"), Uid::new("b"), EventType::Deleted);
        assert_eq!(cursor.resume_from(), &version("10"));
        cursor.deliver(version("15"), Uid::new("c"), EventType::Added);
        assert_eq!(cursor.resume_from(), &version("12"));
        assert_eq!(cursor.at(), &version("15"));
        assert_eq!(
            Cursor::complete(version("15")).resume_from(),
            &version("15")
        );
    }

    #[test]
    fn events_delivered_at_the_current_version_are_known() {
        let mut cursor = Cursor::complete(version("10"));
        cursor.deliver(version("12"), Uid::new("a"), EventType::Deleted);
        let knows = |cursor: &Cursor, at: &str, uid, event_type| {
            cursor.has_delivered(&version(at), &Uid::new(uid), event_type)
        };
        assert!(knows(&cursor, "12", "a", EventType::Deleted));
        assert!(!knows(&cursor, "12", "b", EventType::Deleted));
        assert!(!knows(&cursor, "12", "a", EventType::Added));
        assert!(!knows(&cursor, "13", "a", EventType::Deleted));
        cursor.deliver(version("13"), Uid::new("b"), EventType::Added);
        assert!(!knows(&cursor, "12", "a", EventType::Deleted));
    }
}
