//! What the consumer has seen: every known object with its UID and its version, without content.
//!
//! It is keyed by namespace and name, as there is only one object of a name at a time, so that one
//! that was deleted and created again is recognised by its new UID, and APIs without UIDs work too.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::wire::event::{EventType, ObjectIdentity};
use crate::wire::uid::Uid;
use crate::wire::version::Version;

/// The known objects of one collection.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Index {
    /// Not a `HashMap`, whose table is half empty, and there twice while it grows.
    objects: IndexMap<Box<str>, Known>,
    /// The number of the current round of [`Index::meet`].
    #[serde(skip)]
    round: u32,
    /// Room to build a key in.
    #[serde(skip)]
    key: String,
}

/// What is kept of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) uid: Uid,
    pub(crate) version: Version,
    /// The last round in which it was listed.
    #[serde(skip)]
    round: u32,
}

/// An object that is known and no longer listed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) version: Version,
}

/// How a listed object differs from what is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// It does not.
    Same,
    /// It is new.
    New,
    /// It is at another version.
    Changed,
    /// Another object of the same name was known, and is gone.
    Recreated(Gone),
}

impl Index {
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// What is known of an object of this name and UID.
    pub(crate) fn known(&mut self, head: &ObjectIdentity<'_>) -> Option<&Known> {
        write_key(&mut self.key, head);
        let known = self.objects.get(self.key.as_str())?;
        (known.uid == Uid::new(head.uid)).then_some(known)
    }

    /// Takes over what an event says.
    pub(crate) fn apply(&mut self, change: EventType, head: &ObjectIdentity<'_>) {
        write_key(&mut self.key, head);
        let known = Known {
            uid: Uid::new(head.uid),
            version: Version::new(head.resource_version),
            round: self.round,
        };
        match self.objects.get_mut(self.key.as_str()) {
            // The end of an older object of this name says nothing about this one.
            Some(present) if change == EventType::Deleted => {
                if present.uid == known.uid {
                    self.objects.swap_remove(self.key.as_str());
                }
            }
            Some(present) => *present = known,
            None if change == EventType::Deleted => {}
            None => {
                self.objects.insert(self.key.as_str().into(), known);
            }
        }
    }

    /// All objects, each by its namespace and name.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.objects.iter().map(|(key, known)| (&**key, known))
    }

    /// The object of a namespace and name, as [`key_of`] gives them.
    pub(crate) fn find(&self, key: &str) -> Option<&Known> {
        self.objects.get(key)
    }

    /// Begins a round: whatever is not met until its end is gone.
    pub(crate) fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Compares a listed object with what is known. What differs is not taken over.
    pub(crate) fn meet(&mut self, head: &ObjectIdentity<'_>) -> Difference {
        write_key(&mut self.key, head);
        let Some(known) = self.objects.get_mut(self.key.as_str()) else {
            return Difference::New;
        };
        known.round = self.round;
        if known.uid != Uid::new(head.uid) {
            return Difference::Recreated(gone(&self.key, known));
        }
        if known.version == Version::new(head.resource_version) {
            Difference::Same
        } else {
            Difference::Changed
        }
    }

    /// Those that were not met in this round, in the order of their names.
    pub(crate) fn missing(&self) -> Vec<Gone> {
        let missing = self
            .objects
            .iter()
            .filter(|(_, known)| known.round != self.round);
        let mut gone: Vec<Gone> = missing.map(|(key, known)| gone(key, known)).collect();
        gone.sort_by(|one, other| {
            (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name))
        });
        gone
    }
}

/// What an object is found by.
pub(crate) fn key_of(head: &ObjectIdentity<'_>) -> String {
    let mut key = String::new();
    write_key(&mut key, head);
    key
}

/// `namespace/name`, or `name`; neither may have a slash.
fn write_key(key: &mut String, head: &ObjectIdentity<'_>) {
    key.clear();
    if !head.namespace.is_empty() {
        key.push_str(head.namespace);
        key.push('/');
    }
    key.push_str(head.name);
}

fn gone(key: &str, known: &Known) -> Gone {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    Gone {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: known.uid.clone(),
        version: known.version.clone(),
    }
}

impl Gone {
    /// What an event would say of it.
    pub(crate) fn head<'a>(&'a self, uid: &'a str, version: &'a str) -> ObjectIdentity<'a> {
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

    fn head<'a>(name: &'a str, uid: &'a str, resource_version: &'a str) -> ObjectIdentity<'a> {
        ObjectIdentity {
            namespace: "default",
            name,
            uid,
            resource_version,
            ..ObjectIdentity::default()
        }
    }

    #[test]
    fn a_listing_finds_what_is_new_changed_recreated_and_gone() {
        let mut index = Index::default();
        for name in ["same", "changed", "recreated", "gone"] {
            index.apply(EventType::Added, &head(name, name, "1"));
        }
        index.begin_round();
        assert_eq!(index.meet(&head("same", "same", "1")), Difference::Same);
        assert_eq!(
            index.meet(&head("changed", "changed", "2")),
            Difference::Changed
        );
        assert_eq!(index.meet(&head("new", "new", "3")), Difference::New);
        let Difference::Recreated(old) = index.meet(&head("recreated", "other", "4")) else {
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
    fn the_end_of_an_older_object_does_not_remove_the_one_that_has_its_name() {
        let mut index = Index::default();
        index.apply(EventType::Added, &head("a", "old", "1"));
        index.apply(EventType::Added, &head("a", "new", "3"));
        index.apply(EventType::Deleted, &head("a", "old", "2"));
        assert!(index.known(&head("a", "new", "")).is_some());
        index.apply(EventType::Deleted, &head("a", "new", "4"));
        assert!(index.is_empty());
    }

    #[test]
    fn cluster_scoped_objects_have_no_namespace() {
        let mut index = Index::default();
        let node = ObjectIdentity {
            namespace: "",
            ..head("n", "u", "1")
        };
        index.apply(EventType::Added, &node);
        index.begin_round();
        assert_eq!(index.missing()[0].namespace, "");
        assert_eq!(index.missing()[0].name, "n");
    }
}
