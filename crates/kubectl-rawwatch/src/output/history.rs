//! The last state of every object of a path, which tells what an event changed, and who did it.
//!
//! Only some flags need it, because it keeps every object in memory.

use std::collections::HashMap;
use std::rc::Rc;

use kubectl_plugin::Error;
use kubectl_plugin::output::object_name;
use serde_json::Value;

use super::managers::{self, Manager};
use super::object::object;
use crate::wire::event::{EventType, Line};

/// The last states of the objects of a path, by their namespaces and names.
#[derive(Debug, Default)]
pub(crate) struct History {
    objects: HashMap<String, State>,
}

/// A state of an object, without its managed fields and its resource version.
#[derive(Debug)]
struct State {
    object: Rc<Value>,
    managers: Vec<Manager>,
}

/// The change of an object by an event.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) event_type: EventType,
    /// The reason for a synthetic event.
    pub(crate) reason: Option<String>,
    /// The state before a modification, if it is known.
    pub(crate) old: Option<Rc<Value>>,
    pub(crate) new: Rc<Value>,
    /// The managers that are known to have made a modification. After a gap there may be several.
    pub(crate) writers: Vec<Manager>,
}

impl History {
    /// Records an event, and returns the change.
    pub(crate) fn record(&mut self, line: &Line<'_>) -> Result<Change, Error> {
        let mut object: Value = serde_json::from_str(object(line.text)?.get())
            .map_err(|_| Error::protocol("the server sent an event that is not valid JSON"))?;
        let key = format!("{}/{}", line.identity.namespace, object_name(&object));
        let old = match line.event_type {
            EventType::Modified => self.objects.get(&key),
            EventType::Added | EventType::Deleted => None,
        };
        let is_one_write = line.synthetic.is_empty();
        let writers = old.map_or_else(Vec::new, |old| {
            managers::writers((&old.object, &old.managers), &object, is_one_write)
        });
        let managers = managers::of(&object);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            // The resource version changes with every event.
            metadata.remove("resourceVersion");
        }
        let change = Change {
            event_type: line.event_type,
            reason: line.reason(),
            old: old.map(|old| Rc::clone(&old.object)),
            new: Rc::new(object),
            writers,
        };
        if line.event_type == EventType::Deleted {
            self.objects.remove(&key);
        } else {
            let object = Rc::clone(&change.new);
            self.objects.insert(key, State { object, managers });
        }
        Ok(change)
    }
}
