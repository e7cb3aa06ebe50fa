//! Parses the type of an event, and the identity of its object. The rest of an event is not parsed.

use std::fmt;
use std::fmt::{Display, Formatter};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::json::{Halt, Scanner};
use crate::wire::version::Version;

/// The types of events (`apimachinery/pkg/watch`).
const KNOWN_TYPES: [&str; 5] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"];
/// The maximum number of characters of an unknown type in a message.
const MAX_SHOWN_TYPE: usize = 40;

/// The type of an event about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventType {
    Added,
    Modified,
    Deleted,
}

impl EventType {
    /// Returns the spelling in an event.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

impl Display for EventType {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One line of a watch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// An event about an object.
    Object(EventType, ObjectIdentity<'a>),
    /// The progress of the stream, without an object.
    Bookmark { resource_version: &'a str },
    /// The end of the stream, with a `Status` that gives the reason.
    Error,
}

/// The identity of an object. The texts are raw JSON with its escapes, and empty if they are
/// absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectIdentity<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) resource_version: &'a str,
    /// The fingerprint of an object without a resource version.
    pub(crate) fingerprint: Option<u64>,
}

/// A line about an object, from the server or synthetic.
pub(crate) struct Line<'a> {
    pub(crate) event_type: EventType,
    pub(crate) identity: ObjectIdentity<'a>,
    /// A whole event, with its newline.
    pub(crate) text: &'a [u8],
    /// The members of `rawwatch` that mark a synthetic event; empty for an event from the server.
    pub(crate) synthetic: &'a str,
}

impl<'a> Line<'a> {
    /// Returns the event type and the name, for messages.
    pub(crate) fn subject(&self) -> (&'a str, &'a str) {
        (self.event_type.as_str(), self.identity.name)
    }

    /// Returns the reason for a synthetic event.
    pub(crate) fn reason(&self) -> Option<String> {
        let members = format!("{{{}}}", self.synthetic);
        let members: serde_json::Value = serde_json::from_str(&members).ok()?;
        members["reason"].as_str().map(str::to_owned)
    }
}

impl<'a> Event<'a> {
    /// Parses a line. Returns `None` if it is not an event.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let line = line.trim_ascii_end();
        let mut event_type = "";
        let mut identity = ObjectIdentity::default();
        let scan = Scanner::new(line).members(|name, value| match name {
            "type" => {
                event_type = value.string()?;
                Ok(())
            }
            "object" => identity.scan(value, &|identity| {
                !event_type.is_empty() && identity.is_complete()
            }),
            _ => value.skip(),
        });
        let is_whole = line.ends_with(b"}");
        if scan == Err(Halt::Malformed) || !is_whole {
            return None;
        }
        let event_type = match event_type {
            "ADDED" => EventType::Added,
            "MODIFIED" => EventType::Modified,
            "DELETED" => EventType::Deleted,
            "BOOKMARK" if !identity.resource_version.is_empty() => {
                return Some(Self::Bookmark {
                    resource_version: identity.resource_version,
                });
            }
            "ERROR" => return Some(Self::Error),
            _ => return None,
        };
        identity
            .has_version()
            .then_some(Self::Object(event_type, identity))
    }
}

/// Describes a line that is not an event.
pub(crate) fn describe_invalid(line: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        event_type: String,
    }
    match serde_json::from_slice::<Typed>(line) {
        Ok(Typed { event_type }) if KNOWN_TYPES.contains(&event_type.as_str()) => {
            format!("an event of the type {event_type} without the name or resourceVersion")
        }
        Ok(Typed { event_type }) => {
            let shown: String = event_type.chars().take(MAX_SHOWN_TYPE).collect();
            format!("an event of the unknown type {shown:?}")
        }
        Err(_) => format!("a line of {} bytes that is not an event", line.len()),
    }
}

/// Returns the unparsed object of an event; `None` if the line is not a valid event.
pub(crate) fn raw_object(line: &[u8]) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        object: &'a RawValue,
    }
    let event: Event<'_> = serde_json::from_slice(line).ok()?;
    Some(event.object)
}

impl<'a> ObjectIdentity<'a> {
    /// Parses the identity of an object. Returns `None` if it has no name.
    pub(crate) fn parse(object: &'a [u8]) -> Option<Self> {
        let mut identity = Self::default();
        let scan = identity.scan(&mut Scanner::new(object), &|_| false);
        (scan != Err(Halt::Malformed) && !identity.name.is_empty()).then_some(identity)
    }

    /// Parses the identity of the object in a table row. Returns `None` if it has no name.
    pub(crate) fn parse_row(row: &'a [u8]) -> Option<Self> {
        let mut identity = Self::default();
        let scan = identity.scan_row(&mut Scanner::new(row), &|_| false);
        (scan != Err(Halt::Malformed) && !identity.name.is_empty()).then_some(identity)
    }

    /// Scans an object until `enough` accepts the identity so far. For a table, which has one row
    /// in an event, scans the object in the row.
    fn scan(
        &mut self,
        object: &mut Scanner<'a>,
        enough: &dyn Fn(&Self) -> bool,
    ) -> Result<(), Halt> {
        object.members(|name, value| {
            match name {
                "kind" => self.kind = value.string()?,
                "apiVersion" => self.api_version = value.string()?,
                "metadata" => self.scan_metadata(value, enough)?,
                "rows" if self.is_table() => {
                    return value.items(|row| self.scan_row(row, enough));
                }
                _ => return value.skip(),
            }
            if enough(self) {
                Err(Halt::Enough)
            } else {
                Ok(())
            }
        })
    }

    fn scan_row(
        &mut self,
        row: &mut Scanner<'a>,
        enough: &dyn Fn(&Self) -> bool,
    ) -> Result<(), Halt> {
        row.members(|name, value| match name {
            "object" => self.scan(value, enough),
            _ => value.skip(),
        })
    }

    /// Scans the metadata until `enough` accepts the identity. This usually skips the managed
    /// fields, which are the longest part of the metadata and come last.
    fn scan_metadata(
        &mut self,
        metadata: &mut Scanner<'a>,
        enough: &dyn Fn(&Self) -> bool,
    ) -> Result<(), Halt> {
        metadata.members(|name, value| {
            let text = match name {
                "namespace" => &mut self.namespace,
                "name" => &mut self.name,
                "uid" => &mut self.uid,
                "resourceVersion" => &mut self.resource_version,
                _ => return value.skip(),
            };
            *text = value.string()?;
            // Without a namespace so far, one may still follow.
            if !self.namespace.is_empty() && !self.uid.is_empty() && enough(self) {
                Err(Halt::Enough)
            } else {
                Ok(())
            }
        })
    }

    /// Returns the version, or what stands in for it.
    pub(crate) fn version(&self) -> Version {
        match self.fingerprint {
            Some(fingerprint) => Version::Fingerprint(fingerprint),
            None => Version::new(self.resource_version),
        }
    }

    /// Reports whether the object has a name and a resource version, as every object that can be
    /// watched has.
    pub(crate) fn has_version(&self) -> bool {
        !self.name.is_empty() && !self.resource_version.is_empty()
    }

    fn is_complete(&self) -> bool {
        !self.kind.is_empty() && !self.api_version.is_empty() && self.has_version()
    }

    fn is_table(&self) -> bool {
        self.kind == "Table" && self.api_version.starts_with("meta.k8s.io/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN: &str = r#"{"type":"MODIFIED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","namespace":"default","uid":"u-1","resourceVersion":"12","labels":{"name":"not this"}},"data":{"kind":"no"}}}"#;
    const CUSTOM: &str = r#"{"object":{"apiVersion":"example.com/v1","data":{"metadata":{"name":"no"}},"kind":"Foo","metadata":{"annotations":{"a":"\"}"},"name":"f","resourceVersion":"7","uid":"u-2"},"spec":null},"type":"ADDED"}"#;

    fn identity(event: &str) -> (EventType, ObjectIdentity<'_>) {
        match Event::parse(event.as_bytes()) {
            Some(Event::Object(event_type, identity)) => (event_type, identity),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_identity_is_read_in_any_order_of_members() {
        let expected = ObjectIdentity {
            api_version: "v1",
            kind: "ConfigMap",
            namespace: "default",
            name: "c",
            uid: "u-1",
            resource_version: "12",
            fingerprint: None,
        };
        assert_eq!(identity(BUILT_IN), (EventType::Modified, expected));
        let expected = ObjectIdentity {
            api_version: "example.com/v1",
            kind: "Foo",
            namespace: "",
            name: "f",
            uid: "u-2",
            resource_version: "7",
            fingerprint: None,
        };
        assert_eq!(identity(CUSTOM), (EventType::Added, expected));
    }

    #[test]
    fn a_table_has_the_identity_of_the_object_in_its_row() {
        let row = r#"{"cells":["a",{"object":1}],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"5"}}}"#;
        let table = |identity: &str| {
            format!(
                r#"{{"type":"MODIFIED","object":{{{identity},"metadata":{{"resourceVersion":"5"}},"columnDefinitions":[{{"name":"Name"}}],"rows":[{row}]}}}}"#
            )
        };
        let event = table(r#""kind":"Table","apiVersion":"meta.k8s.io/v1""#);
        let (event_type, identity) = identity(&event);
        assert_eq!(
            (event_type, identity.name, identity.uid),
            (EventType::Modified, "a", "u")
        );
        let listed = ObjectIdentity::parse_row(row.as_bytes()).unwrap();
        assert_eq!((listed.namespace, listed.resource_version), ("n", "5"));
        // Rows of other kinds have no meaning here.
        let event = table(r#""kind":"Table","apiVersion":"example.com/v1""#);
        assert_eq!(Event::parse(event.as_bytes()), None);
    }

    #[test]
    fn a_namespace_is_read_anywhere_in_the_metadata() {
        let event = r#"{"type":"ADDED","object":{"kind":"Foo","apiVersion":"v1","metadata":{"uid":"u","name":"f","resourceVersion":"7","managedFields":[{"a":"]"}],"namespace":"last"}}}"#;
        assert_eq!(identity(event).1.namespace, "last");
    }

    #[test]
    fn a_truncated_event_is_refused() {
        for event in [BUILT_IN, CUSTOM] {
            for cut in 0..event.len() {
                // A cut after an inner `}` looks like the end of an event. The framer never returns
                // such a line, because it has no newline.
                if !event[..cut].ends_with('}') {
                    assert_eq!(
                        Event::parse(&event.as_bytes()[..cut]),
                        None,
                        "{}",
                        &event[..cut]
                    );
                }
            }
        }
    }

    #[test]
    fn bookmarks_and_errors_are_distinguished_from_events() {
        assert_eq!(
            Event::parse(br#"{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"9","creationTimestamp":null}}}"#),
            Some(Event::Bookmark { resource_version: "9" })
        );
        assert_eq!(
            Event::parse(br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"code":410}}"#),
            Some(Event::Error)
        );
        for line in [
            "",
            "garbage",
            "[]",
            r#"{"type":"WAT","object":{"kind":"a","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"1"}}}"#,
            r#"{"type":"ADDED","object":{"kind":"a","apiVersion":"v1","metadata":{}}}"#,
            r#"{"type":"ADDED"}"#,
            r#"{"kind":"Status","code":500}"#,
        ] {
            assert_eq!(Event::parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_not_an_event_is_described() {
        for (line, description) in [
            ("<html>\n", "a line of 7 bytes that is not an event"),
            (
                r#"{"type":"SYNC","object":{}}"#,
                "an event of the unknown type \"SYNC\"",
            ),
            (
                r#"{"type":"ADDED","object":{}}"#,
                "an event of the type ADDED without the name or resourceVersion",
            ),
        ] {
            assert_eq!(describe_invalid(line.as_bytes()), description);
        }
        let long = format!(r#"{{"type":"{}"}}"#, "T".repeat(1000));
        assert!(describe_invalid(long.as_bytes()).len() < 100);
    }

    #[test]
    fn invalid_utf8_outside_the_identity_is_ignored() {
        let mut line = BUILT_IN.as_bytes().to_vec();
        let index = BUILT_IN.find("not this").unwrap();
        line[index] = 0xff;
        assert!(Event::parse(&line).is_some());
    }
}
