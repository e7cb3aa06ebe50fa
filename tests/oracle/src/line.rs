//! What was committed, and what was printed.

use serde_json::Value;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Added,
    /// It has other content.
    Modified,
    /// It is gone.
    Deleted,
}

impl Change {
    /// The change that a watch calls so.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "ADDED" => Some(Self::Added),
            "MODIFIED" => Some(Self::Modified),
            "DELETED" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// A change at a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The resource version.
    pub version: u64,
    /// What happened.
    pub change: Change,
    /// The name of the object; all objects of a trial are in one namespace.
    pub name: String,
    /// The object's UID.
    pub uid: String,
}

impl Event {
    /// Reads `{"type":…,"object":…}`. `None` when it is no change of an object.
    pub fn read(event: &Value) -> Option<Self> {
        let metadata = &event["object"]["metadata"];
        let text = |name: &str| metadata[name].as_str().map(str::to_owned);
        Some(Self {
            version: text("resourceVersion")?.parse().ok()?,
            change: Change::of(event["type"].as_str()?)?,
            name: text("name")?,
            uid: text("uid")?,
        })
    }

    /// Whether it lies in one of these gaps.
    pub fn is_in(&self, gaps: &[(u64, u64)]) -> bool {
        gaps.iter()
            .any(|(since, until)| *since < self.version && self.version <= *until)
    }
}

/// A line of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub event: Event,
    /// The watch made it of a LIST, to make good for lost events.
    pub is_synthetic: bool,
}

impl Line {
    /// Reads a line as it was printed, with its mark.
    pub fn read(line: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(line).ok()?;
        Some(Self {
            is_synthetic: event["rawwatch"]["synthetic"] == true,
            event: Event::read(&event)?,
        })
    }
}
