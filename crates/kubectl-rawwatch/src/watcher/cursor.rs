//! How far the output is, and from where a new stream takes over.
//!
//! Several events can have one resource version: what etcd deletes together, it deletes at once.
//! A stream that breaks inside such a batch would lose the rest of it when it is resumed from the
//! version of its last event (kubernetes/kubernetes#110210). So it is resumed from the last
//! *older* version, and what was delivered at the newer one is dropped when it comes again. No
//! version is computed; both were seen. When the server does not know the older one any more, the
//! newer one is no substitute, as the hole would be silent.

use serde::{Deserialize, Serialize};

use crate::wire::event::EventType;
use crate::wire::uid::Uid;
use crate::wire::version::Version;

/// A place in the history of one collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    at: Version,
    /// The last version before `at`, as long as the batch at `at` may be incomplete.
    before: Option<Version>,
    /// What was delivered at `at`.
    delivered: Vec<(Uid, EventType)>,
}

impl Cursor {
    /// Everything up to and including this version is known: that of a list or of a bookmark.
    pub(crate) fn complete(at: Version) -> Self {
        Self {
            at,
            before: None,
            delivered: Vec::new(),
        }
    }

    /// The version of what was delivered last.
    pub(crate) fn at(&self) -> &Version {
        &self.at
    }

    /// Where the next stream begins: nothing up to and including this version is missing.
    pub(crate) fn resume_from(&self) -> &Version {
        self.before.as_ref().unwrap_or(&self.at)
    }

    /// Notes that an event was delivered.
    pub(crate) fn deliver(&mut self, version: Version, uid: Uid, change: EventType) {
        if version != self.at {
            self.before = Some(std::mem::replace(&mut self.at, version));
            self.delivered.clear();
        }
        self.delivered.push((uid, change));
    }

    /// Whether all of a version's batch came already, so that nothing new can come of it.
    pub(crate) fn is_behind_it(&self, version: &Version) -> bool {
        *version < self.at || (*version == self.at && self.delivered.is_empty())
    }

    /// Whether this very event was delivered at the version where the cursor is.
    pub(crate) fn has_delivered(&self, version: &Version, uid: &Uid, change: EventType) -> bool {
        *version == self.at
            && self
                .delivered
                .iter()
                .any(|(known, what)| known == uid && *what == change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::new(text)
    }

    #[test]
    fn resumes_from_the_last_older_version_until_a_bookmark_closes_the_batch() {
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
    fn knows_what_it_delivered_at_its_version_and_nothing_else() {
        let mut cursor = Cursor::complete(version("10"));
        cursor.deliver(version("12"), Uid::new("a"), EventType::Deleted);
        let knows = |cursor: &Cursor, at: &str, uid, change| {
            cursor.has_delivered(&version(at), &Uid::new(uid), change)
        };
        assert!(knows(&cursor, "12", "a", EventType::Deleted));
        assert!(!knows(&cursor, "12", "b", EventType::Deleted));
        assert!(!knows(&cursor, "12", "a", EventType::Added));
        assert!(!knows(&cursor, "13", "a", EventType::Deleted));
        cursor.deliver(version("13"), Uid::new("b"), EventType::Added);
        assert!(!knows(&cursor, "12", "a", EventType::Deleted));
    }
}
