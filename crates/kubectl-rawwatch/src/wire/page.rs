//! Parses a page of a LIST, and converts its items to the objects of events.

use std::fmt::Write as _;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::wire::event::ObjectIdentity;
use crate::wire::fingerprint::fingerprint;

/// A page of a LIST. Its items stay unparsed.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// The kind for items without a kind.
    kind: String,
    api_version: String,
    pub(crate) resource_version: String,
    /// The token for the next page; empty on the last one.
    pub(crate) continue_token: String,
    /// The columns of a table.
    pub(crate) columns: Option<&'a RawValue>,
    /// Objects, or the rows of a table.
    pub(crate) items: Vec<&'a RawValue>,
    is_table: bool,
    /// Whether an item without a resource version is invalid.
    needs_versions: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    metadata: Metadata,
    #[serde(borrow, default, deserialize_with = "present")]
    items: Option<Items<'a>>,
    #[serde(borrow)]
    column_definitions: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    rows: Option<Items<'a>>,
}

/// The items of a list. An empty list may have null instead.
type Items<'a> = Option<Vec<&'a RawValue>>;

/// Deserializes items, which every list has. A document without them is not an empty list.
fn present<'a, 'de: 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Items<'a>>, D::Error> {
    Items::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    continue_token: String,
}

impl<'a> Page<'a> {
    /// Parses the body of a response. Refuses a list that no watch can follow.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let page = Self::parse_any(body)?;
        if page.resource_version.is_empty() {
            return Err(unsupported("its lists have no resourceVersion"));
        }
        Ok(Self {
            needs_versions: true,
            ..page
        })
    }

    /// Parses the body of a response. The list and its items may lack a resource version.
    pub(crate) fn parse_any(body: &'a [u8]) -> Result<Self, Error> {
        let not_a_list = || {
            Error::protocol(
                "the response to a LIST of PATH is not a list of objects with a resourceVersion",
            )
            .with_hint("check that PATH is a collection, such as /api/v1/namespaces/default/pods")
        };
        let list: List<'a> = serde_json::from_slice(body).map_err(|_| not_a_list())?;
        let is_table = list.kind == "Table";
        if list.metadata.resource_version.is_empty() && !is_table && !list.kind.ends_with("List") {
            return Err(not_a_list());
        }
        let items = if is_table { list.rows } else { list.items };
        let items = items.ok_or_else(not_a_list)?;
        Ok(Self {
            kind: list
                .kind
                .strip_suffix("List")
                .unwrap_or_default()
                .to_owned(),
            api_version: list.api_version,
            resource_version: list.metadata.resource_version,
            continue_token: list.metadata.continue_token,
            columns: list.column_definitions,
            items: items.unwrap_or_default(),
            is_table,
            needs_versions: false,
        })
    }

    /// Parses the identity of an item. Returns `None` if it has none.
    pub(crate) fn identity(&self, item: &'a RawValue) -> Option<ObjectIdentity<'a>> {
        let text = item.get().as_bytes();
        let identity = if self.is_table {
            ObjectIdentity::parse_row(text)
        } else {
            ObjectIdentity::parse(text)
        }?;
        if identity.has_version() {
            return Some(identity);
        }
        (!self.needs_versions).then(|| ObjectIdentity {
            fingerprint: Some(fingerprint(item, self.is_table)),
            ..identity
        })
    }

    /// Appends an item in the form that it has in an event.
    pub(crate) fn append_object(&self, line: &mut Vec<u8>, item: &RawValue) {
        let item = item.get().as_bytes();
        if self.is_table {
            append_table(line, |line| append_on_one_line(line, item));
        } else {
            append_filled(line, item, &self.kind, &self.api_version);
        }
    }

    /// Appends a deleted object, which only has an identity. The texts of the identity are
    /// raw JSON.
    pub(crate) fn append_deleted(&self, line: &mut Vec<u8>, identity: &ObjectIdentity<'_>) {
        if self.is_table {
            append_table(line, |line| {
                line.extend_from_slice(b"{\"object\":");
                append_stub(line, identity, "PartialObjectMetadata", "meta.k8s.io/v1");
                line.push(b'}');
            });
        } else {
            append_stub(line, identity, &self.kind, &self.api_version);
        }
    }
}

/// Returns the error for an API without a watch, such as `metrics.k8s.io` and `componentstatuses`.
pub(crate) fn unsupported(reason: &str) -> Error {
    Error::from(Kind::Unsupported(format!(
        "the API of PATH does not support watch: {reason}"
    )))
    .with_hint("use --poll 10s to list at an interval and print the differences")
}

/// Appends a table with one row, as in an event.
fn append_table(line: &mut Vec<u8>, row: impl FnOnce(&mut Vec<u8>)) {
    line.extend_from_slice(br#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":["#);
    row(line);
    line.extend_from_slice(b"]}");
}

/// Appends an object to a line. Inserts a missing `kind` and `apiVersion` after its `{`, because
/// the items of built-in lists lack them.
fn append_filled(line: &mut Vec<u8>, object: &[u8], kind: &str, api_version: &str) {
    let identity = ObjectIdentity::parse(object).unwrap_or_default();
    line.push(b'{');
    for (name, missing, value) in [
        ("kind", identity.kind.is_empty(), kind),
        ("apiVersion", identity.api_version.is_empty(), api_version),
    ] {
        if missing {
            line.extend_from_slice(format!("\"{name}\":\"{value}\",").as_bytes());
        }
    }
    append_on_one_line(line, object.trim_ascii_start().get(1..).unwrap_or_default());
}

/// Appends JSON without its newlines, which are only white space but would split the line.
fn append_on_one_line(line: &mut Vec<u8>, json: &[u8]) {
    line.extend(
        json.iter()
            .map(|&byte| if byte == b'\n' { b' ' } else { byte }),
    );
}

fn append_stub(line: &mut Vec<u8>, identity: &ObjectIdentity<'_>, kind: &str, api_version: &str) {
    let mut stub = String::new();
    let _ = write!(
        stub,
        r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{{"name":"{}""#,
        identity.name
    );
    for (name, value) in [
        ("namespace", identity.namespace),
        ("uid", identity.uid),
        ("resourceVersion", identity.resource_version),
    ] {
        if !value.is_empty() {
            let _ = write!(stub, r#","{name}":"{value}""#);
        }
    }
    stub.push_str("}}");
    line.extend_from_slice(stub.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::event::Event;
    use crate::wire::version::Version;

    #[test]
    fn a_page_is_parsed_without_its_items() {
        let body = br#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"abc"},"items":[{"a": 1e400},{}]}"#;
        let page = Page::parse(body).unwrap();
        assert_eq!(
            (page.kind.as_str(), page.api_version.as_str()),
            ("Pod", "v1")
        );
        assert_eq!(
            (page.resource_version.as_str(), page.continue_token.as_str()),
            ("9", "abc")
        );
        assert_eq!(page.items[0].get(), r#"{"a": 1e400}"#);
        let nothing = br#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":null}"#;
        assert!(Page::parse(nothing).unwrap().items.is_empty());
    }

    #[test]
    fn missing_type_fields_go_right_after_the_opening_brace() {
        let filled = |object: &str| {
            let mut line = Vec::new();
            append_filled(&mut line, object.as_bytes(), "Pod", "v1");
            String::from_utf8(line).unwrap()
        };
        let metadata = r#""metadata":{"name":"p","resourceVersion":"1"}"#;
        assert_eq!(
            filled(&format!("{{{metadata}}}")),
            format!(r#"{{"kind":"Pod","apiVersion":"v1",{metadata}}}"#)
        );
        let has_both = format!(r#"{{"apiVersion":"x/v1","kind":"Foo",{metadata}}}"#);
        assert_eq!(filled(&has_both), has_both);
        assert_eq!(
            filled(&format!("{{\n{metadata}\n}}")),
            format!(r#"{{"kind":"Pod","apiVersion":"v1", {metadata} }}"#)
        );
    }

    #[test]
    fn a_table_becomes_rows_and_a_deleted_object_has_no_cells() {
        let row = r#"{"cells":["a"],
            "object":{"metadata":{"name":"a","uid":"u","resourceVersion":"1"}}}"#;
        let body = format!(
            r#"{{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{{"resourceVersion":"9"}},"columnDefinitions":[],"rows":[{row}]}}"#
        );
        let page = Page::parse(body.as_bytes()).unwrap();
        let identity = page.identity(page.items[0]).unwrap();
        assert_eq!((identity.name, identity.uid), ("a", "u"));
        for append in [
            &(|line: &mut Vec<u8>| page.append_object(line, page.items[0]))
                as &dyn Fn(&mut Vec<u8>),
            &|line| page.append_deleted(line, &identity),
        ] {
            let mut line = br#"{"type":"ADDED","object":"#.to_vec();
            append(&mut line);
            line.push(b'}');
            assert!(!line.contains(&b'\n'));
            let Some(Event::Object(_, known)) = Event::parse(&line) else {
                panic!("{}", String::from_utf8_lossy(&line));
            };
            assert_eq!(
                (known.name, known.uid, known.resource_version),
                ("a", "u", "1")
            );
        }
    }

    #[test]
    fn a_list_without_a_version_belongs_to_an_api_without_watch() {
        for (kind, items) in [("NodeMetricsList", "items"), ("Table", "rows")] {
            let body =
                format!(r#"{{"kind":"{kind}","apiVersion":"v1","metadata":{{}},"{items}":[]}}"#);
            let error = Page::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.exit_code(), 1);
            assert!(
                error.to_string().contains("does not support watch"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_item_without_a_version_has_a_fingerprint_only_in_a_poll() {
        for version in ["", r#""resourceVersion":"9""#] {
            let body = format!(
                r#"{{"kind":"NodeMetricsList","apiVersion":"v1","metadata":{{{version}}},"items":[{{"metadata":{{"name":"n"}}}}]}}"#
            );
            let page = Page::parse_any(body.as_bytes()).unwrap();
            let identity = page.identity(page.items[0]).unwrap();
            assert_eq!((identity.name, identity.resource_version), ("n", ""));
            assert!(matches!(identity.version(), Version::Fingerprint(_)));
            if let Ok(page) = Page::parse(body.as_bytes()) {
                assert!(page.identity(page.items[0]).is_none());
            }
        }
    }

    #[test]
    fn other_documents_are_not_a_page() {
        for body in [
            "ok",
            "{}",
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{}}"#,
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"5"}}"#,
            r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"5"},"items":[]}"#,
            r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#,
        ] {
            assert_eq!(
                Page::parse(body.as_bytes()).unwrap_err().exit_code(),
                6,
                "{body}"
            );
        }
    }
}
