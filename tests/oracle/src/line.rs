//! Committed events, and lines of a watch's output.

use serde_json::Value;

/// The type of a watch event about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// The object was created.
    Added,
    /// The object was changed.
    Modified,
    /// The object was deleted.
    Deleted,
}

impl EventType {
    /// Parses an event type as a watch spells it.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "ADDED" => Some(Self::Added),
            "MODIFIED" => Some(Self::Modified),
            "DELETED" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// A change of an object at a resource version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The resource version.
    pub version: u64,
    /// The kind of change.
    pub event_type: EventType,
    /// The object's name. All objects of a trial are in one namespace.
    pub name: String,
    /// The object's UID.
    pub uid: String,
}

impl Event {
    /// Reads `{"type":…,"object":…}`. Returns `None` for anything but a change of an object.
    pub fn from_json(event: &Value) -> Option<Self> {
        let metadata = &event["object"]["metadata"];
        let text = |name: &str| metadata[name].as_str().map(str::to_owned);
        Some(Self {
            version: text("resourceVersion")?.parse().ok()?,
            event_type: EventType::parse(event["type"].as_str()?)?,
            name: text("name")?,
            uid: text("uid")?,
        })
    }

    /// Reports whether the event lies in one of the gaps.
    pub fn is_in(&self, gaps: &[(u64, u64)]) -> bool {
        gaps.iter()
            .any(|(since, until)| *since < self.version && self.version <= *until)
    }
}

/// A line of a watch's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The printed event.
    pub event: Event,
    /// The watch derived the line from a LIST, in place of lost events.
    pub is_synthetic: bool,
}

impl Line {
    /// Reads a printed line.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(line).ok()?;
        Some(Self {
            is_synthetic: event["rawwatch"]["synthetic"] == true,
            event: Event::from_json(&event)?,
        })
    }
}
