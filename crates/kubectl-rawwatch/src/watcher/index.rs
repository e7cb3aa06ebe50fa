//! The objects that the consumer has seen, with their UIDs and versions but without content.
//!
//! The key is the namespace and the name, because only one object has a name at a time. A new UID
//! reveals an object that was deleted and created again. APIs without UIDs work, too.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::wire::event::{EventType, ObjectIdentity};
use crate::wire::uid::Uid;
use crate::wire::version::Version;

/// The known objects of one collection.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Index {
    /// An `IndexMap`, because the table of a `HashMap` is half empty, and exists twice while it
    /// grows.
    objects: IndexMap<Box<str>, ObjectState>,
    /// The number of the current round of [`Index::compare_listed`].
    #[serde(skip)]
    round: u32,
    /// A buffer for keys.
    #[serde(skip)]
    key: String,
}

/// The known state of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectState {
    pub(crate) uid: Uid,
    pub(crate) version: Version,
    /// The last round in which the object was listed.
    #[serde(skip)]
    round: u32,
}

/// A known object that is no longer listed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeletedObject {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) version: Version,
}

/// The difference between a listed object and the known state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// There is no difference.
    Same,
    /// The object is new.
    New,
    /// The object has another version.
    Changed,
    /// The object replaces another one with the same name.
    Recreated(DeletedObject),
}

impl Index {
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns the known state of the object with this name and UID.
    pub(crate) fn known(&mut self, identity: &ObjectIdentity<'_>) -> Option<&ObjectState> {
        write_key(&mut self.key, identity);
        let known = self.objects.get(self.key.as_str())?;
        (known.uid == Uid::new(identity.uid)).then_some(known)
    }

    /// Updates the index from an event.
    pub(crate) fn apply(&mut self, event_type: EventType, identity: &ObjectIdentity<'_>) {
        write_key(&mut self.key, identity);
        let known = ObjectState {
            uid: Uid::new(identity.uid),
            version: identity.version(),
            round: self.round,
        };
        match self.objects.get_mut(self.key.as_str()) {
            // The deletion of an older object with this name must not remove the present one.
            Some(present) if event_type == EventType::Deleted => {
                if present.uid == known.uid {
                    self.objects.swap_remove(self.key.as_str());
                }
            }
            Some(present) => *present = known,
            None if event_type == EventType::Deleted => {}
            None => {
                self.objects.insert(self.key.as_str().into(), known);
            }
        }
    }

    /// Adds an object whose line may have been printed, or not, by an earlier run.
    pub(crate) fn announce(&mut self, key: String, uid: &str) {
        let object = self.objects.entry(key.into());
        object.or_insert_with(|| ObjectState {
            uid: Uid::new(uid),
            version: Version::unknown(),
            round: 0,
        });
    }

    /// Returns the states of all objects, with their keys.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&str, &ObjectState)> {
        self.objects.iter().map(|(key, known)| (&**key, known))
    }

    /// Returns the state of the object with a key from [`key_of`].
    pub(crate) fn find(&self, key: &str) -> Option<&ObjectState> {
        self.objects.get(key)
    }

    /// Starts a round of listing. Objects that are not listed in it count as deleted.
    pub(crate) fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Compares a listed object with the known state. Does not record the difference.
    pub(crate) fn compare_listed(&mut self, identity: &ObjectIdentity<'_>) -> Difference {
        write_key(&mut self.key, identity);
        let Some(known) = self.objects.get_mut(self.key.as_str()) else {
            return Difference::New;
        };
        known.round = self.round;
        if known.uid != Uid::new(identity.uid) {
            return Difference::Recreated(deleted_object(&self.key, known));
        }
        if known.version.is_unknown() {
            Difference::New
        } else if known.version == identity.version() {
            Difference::Same
        } else {
            Difference::Changed
        }
    }

    /// Returns the objects that were not listed in this round, in the order of their names.
    pub(crate) fn missing(&self) -> Vec<DeletedObject> {
        let missing = self
            .objects
            .iter()
            .filter(|(_, known)| known.round != self.round);
        let mut deleted: Vec<DeletedObject> = missing
            .map(|(key, known)| deleted_object(key, known))
            .collect();
        deleted.sort_by(|left, right| {
            (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name))
        });
        deleted
    }
}

/// Returns the key of an object.
pub(crate) fn key_of(identity: &ObjectIdentity<'_>) -> String {
    let mut key = String::new();
    write_key(&mut key, identity);
    key
}

/// Writes `namespace/name` or `name` to `key`. Neither part contains a slash.
fn write_key(key: &mut String, identity: &ObjectIdentity<'_>) {
    key.clear();
    if !identity.namespace.is_empty() {
        key.push_str(identity.namespace);
        key.push('/');
    }
    key.push_str(identity.name);
}

fn deleted_object(key: &str, known: &ObjectState) -> DeletedObject {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    DeletedObject {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: known.uid.clone(),
        version: known.version.clone(),
    }
}

impl DeletedObject {
    /// Returns the identity for a synthetic event.
    pub(crate) fn identity<'a>(&'a self, uid: &'a str, version: &'a str) -> ObjectIdentity<'a> {
        ObjectIdentity {
            namespace: &self.namespace,
            name: &self.name,
            uid,
            resource_version: version,
            ..ObjectIdentity::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity<'a>(name: &'a str, uid: &'a str, resource_version: &'a str) -> ObjectIdentity<'a> {
        ObjectIdentity {
            namespace: "default",
            name,
            uid,
            resource_version,
            ..ObjectIdentity::default()
        }
    }

    #[test]
    fn a_listing_finds_new_changed_recreated_and_deleted_objects() {
        let mut index = Index::default();
        for name in ["same", "changed", "recreated", "gone"] {
            index.apply(EventType::Added, &identity(name, name, "1"));
        }
        index.begin_round();
        assert_eq!(
            index.compare_listed(&identity("same", "same", "1")),
            Difference::Same
        );
        assert_eq!(
            index.compare_listed(&identity("changed", "changed", "2")),
            Difference::Changed
        );
        assert_eq!(
            index.compare_listed(&identity("new", "new", "3")),
            Difference::New
        );
        let Difference::Recreated(old) = index.compare_listed(&identity("recreated", "other", "4"))
        else {
            panic!("not recreated");
        };
        assert_eq!(old.uid, Uid::new("recreated"));
        let missing = index.missing();
        assert_eq!(missing.len(), 1);
        assert_eq!(
            (missing[0].namespace.as_str(), missing[0].name.as_str()),
            ("default", "gone")
        );
    }

    #[test]
    fn an_announced_object_counts_as_new_but_its_absence_as_a_deletion() {
        let mut index = Index::default();
        index.apply(EventType::Added, &identity("known", "known", "1"));
        for name in ["known", "maybe", "gone"] {
            index.announce(format!("default/{name}"), name);
        }
        index.begin_round();
        let mut listed = |name, version| index.compare_listed(&identity(name, name, version));
        assert_eq!(listed("known", "1"), Difference::Same);
        assert_eq!(listed("maybe", "2"), Difference::New);
        let missing = index.missing();
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].name, "gone");
    }

    #[test]
    fn the_deletion_of_an_older_object_keeps_the_current_one() {
        let mut index = Index::default();
        index.apply(EventType::Added, &identity("a", "old", "1"));
        index.apply(EventType::Added, &identity("a", "new", "3"));
        index.apply(EventType::Deleted, &identity("a", "old", "2"));
        assert!(index.known(&identity("a", "new", "")).is_some());
        index.apply(EventType::Deleted, &identity("a", "new", "4"));
        assert!(index.is_empty());
    }

    #[test]
    fn cluster_scoped_objects_have_no_namespace() {
        let mut index = Index::default();
        let node = ObjectIdentity {
            namespace: "",
            ..identity("n", "u", "1")
        };
        index.apply(EventType::Added, &node);
        index.begin_round();
        assert_eq!(index.missing()[0].namespace, "");
        assert_eq!(index.missing()[0].name, "n");
    }
}
