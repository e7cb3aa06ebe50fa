//! What is read of an event and of an object: its type and its identity.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::json::{Halt, Scanner};

/// The type of an event that is about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventType {
    Added,
    Modified,
    Deleted,
}

impl EventType {
    /// As it stands in an event.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

impl Display for EventType {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// One line of a watch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// About an object.
    Object(EventType, ObjectIdentity<'a>),
    /// How far the stream is, without an object.
    Bookmark { resource_version: &'a str },
    /// The server ends the stream, and its `Status` says why.
    Error,
}

/// The identity of an object. Texts are as they stand in JSON, escapes and all, and empty where
/// there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectIdentity<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) resource_version: &'a str,
}

/// A line about an object, the server's own or one that is made here.
pub(crate) struct Line<'a> {
    pub(crate) change: EventType,
    pub(crate) head: ObjectIdentity<'a>,
    /// A whole event, with its newline.
    pub(crate) text: &'a [u8],
    /// The members of its `rawwatch`; empty when it stands for an event as it happened.
    pub(crate) mark: &'a str,
}

impl<'a> Event<'a> {
    /// Reads one line; `None` when it is no event.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let line = line.trim_ascii_end();
        let mut event_type = "";
        let mut head = ObjectIdentity::default();
        let scan = Scanner::new(line).members(|name, value| match name {
            "type" => {
                event_type = value.string()?;
                Ok(())
            }
            "object" => head.scan(value, &|head| !event_type.is_empty() && head.is_complete()),
            _ => value.skip(),
        });
        let is_whole = line.ends_with(b"}");
        if scan == Err(Halt::Malformed) || !is_whole {
            return None;
        }
        let change = match event_type {
            "ADDED" => EventType::Added,
            "MODIFIED" => EventType::Modified,
            "DELETED" => EventType::Deleted,
            "BOOKMARK" if !head.resource_version.is_empty() => {
                return Some(Self::Bookmark {
                    resource_version: head.resource_version,
                });
            }
            "ERROR" => return Some(Self::Error),
            _ => return None,
        };
        head.identifies_an_object()
            .then_some(Self::Object(change, head))
    }
}

/// Returns the object of an event as its text; `None` if the line is not a valid event.
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
    /// Reads an object; `None` when it has no identity.
    pub(crate) fn read(object: &'a [u8]) -> Option<Self> {
        let mut head = Self::default();
        let scan = head.scan(&mut Scanner::new(object), &|_| false);
        (scan != Err(Halt::Malformed) && head.identifies_an_object()).then_some(head)
    }

    /// Reads the object in a row of a table; `None` when it has no identity.
    pub(crate) fn read_row(row: &'a [u8]) -> Option<Self> {
        let mut head = Self::default();
        let scan = head.scan_row(&mut Scanner::new(row), &|_| false);
        (scan != Err(Halt::Malformed) && head.identifies_an_object()).then_some(head)
    }

    /// Reads an object, or as much of it as is `enough`, which is asked behind its metadata. Of a
    /// table, which has one row in an event, it is the object in that row.
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

    /// Reads the metadata, or as much of it as there can be of use: who manages which field comes
    /// last in most of them, and is the longest part.
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
            // One without a namespace may get it yet.
            if !self.namespace.is_empty() && !self.uid.is_empty() && enough(self) {
                Err(Halt::Enough)
            } else {
                Ok(())
            }
        })
    }

    fn identifies_an_object(&self) -> bool {
        !self.name.is_empty() && !self.resource_version.is_empty()
    }

    fn is_complete(&self) -> bool {
        !self.kind.is_empty() && !self.api_version.is_empty() && self.identifies_an_object()
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

    fn head(event: &str) -> (EventType, ObjectIdentity<'_>) {
        match Event::read(event.as_bytes()) {
            Some(Event::Object(change, head)) => (change, head),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_the_identity_whatever_the_order_of_the_members() {
        let expected = ObjectIdentity {
            api_version: "v1",
            kind: "ConfigMap",
            namespace: "default",
            name: "c",
            uid: "u-1",
            resource_version: "12",
        };
        assert_eq!(head(BUILT_IN), (EventType::Modified, expected));
        let expected = ObjectIdentity {
            api_version: "example.com/v1",
            kind: "Foo",
            namespace: "",
            name: "f",
            uid: "u-2",
            resource_version: "7",
        };
        assert_eq!(head(CUSTOM), (EventType::Added, expected));
    }

    #[test]
    fn the_identity_of_a_table_is_that_of_the_object_in_its_row() {
        let row = r#"{"cells":["a",{"object":1}],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"5"}}}"#;
        let table = |head: &str| {
            format!(
                r#"{{"type":"MODIFIED","object":{{{head},"metadata":{{"resourceVersion":"5"}},"columnDefinitions":[{{"name":"Name"}}],"rows":[{row}]}}}}"#
            )
        };
        let event = table(r#""kind":"Table","apiVersion":"meta.k8s.io/v1""#);
        let (change, head) = head(&event);
        assert_eq!(
            (change, head.name, head.uid),
            (EventType::Modified, "a", "u")
        );
        let listed = ObjectIdentity::read_row(row.as_bytes()).unwrap();
        assert_eq!((listed.namespace, listed.resource_version), ("n", "5"));
        // Rows of something else are its own affair.
        let event = table(r#""kind":"Table","apiVersion":"example.com/v1""#);
        assert_eq!(Event::read(event.as_bytes()), None);
    }

    #[test]
    fn a_namespace_is_read_wherever_it_stands_in_the_metadata() {
        let event = r#"{"type":"ADDED","object":{"kind":"Foo","apiVersion":"v1","metadata":{"uid":"u","name":"f","resourceVersion":"7","managedFields":[{"a":"]"}],"namespace":"last"}}}"#;
        assert_eq!(head(event).1.namespace, "last");
    }

    #[test]
    fn no_cut_of_an_event_is_one() {
        for event in [BUILT_IN, CUSTOM] {
            for cut in 0..event.len() {
                // A cut behind an inner `}` looks like an end; the framer never lets one through,
                // as it has no newline.
                if !event[..cut].ends_with('}') {
                    assert_eq!(
                        Event::read(&event.as_bytes()[..cut]),
                        None,
                        "{}",
                        &event[..cut]
                    );
                }
            }
        }
    }

    #[test]
    fn bookmarks_and_errors_are_told_apart_and_all_else_is_no_event() {
        assert_eq!(
            Event::read(br#"{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"9","creationTimestamp":null}}}"#),
            Some(Event::Bookmark { resource_version: "9" })
        );
        assert_eq!(
            Event::read(br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"code":410}}"#),
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
            assert_eq!(Event::read(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_stand_in_nobodys_way() {
        let mut line = BUILT_IN.as_bytes().to_vec();
        let place = BUILT_IN.find("not this").unwrap();
        line[place] = 0xff;
        assert!(Event::read(&line).is_some());
    }
}
