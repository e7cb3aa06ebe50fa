//! One page of a LIST.

use kubectl_plugin::Error;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page, whose items stay as they came.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// The kind of the items, for those that do not say it.
    pub(crate) kind: String,
    pub(crate) api_version: String,
    pub(crate) resource_version: String,
    /// What asks for the next page; empty on the last.
    pub(crate) continue_token: String,
    pub(crate) items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    metadata: Metadata,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
    #[serde(default, rename = "continue")]
    continue_token: String,
}

impl<'a> Page<'a> {
    /// Reads the body of a reply.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Error> {
        let list: List<'a> = serde_json::from_slice(body).map_err(|_| {
            Error::protocol(
                "the answer to a LIST of PATH is no list of objects with a resourceVersion",
            )
            .hinted(
                "PATH must be that of a collection, for example /api/v1/namespaces/default/pods",
            )
        })?;
        Ok(Self {
            kind: list
                .kind
                .strip_suffix("List")
                .unwrap_or_default()
                .to_owned(),
            api_version: list.api_version,
            resource_version: list.metadata.resource_version,
            continue_token: list.metadata.continue_token,
            items: list.items.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_page_and_leaves_its_items_alone() {
        let body = br#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"abc"},"items":[{"a": 1e400},{}]}"#;
        let page = Page::read(body).unwrap();
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
        assert!(Page::read(nothing).unwrap().items.is_empty());
    }

    #[test]
    fn what_is_no_collection_is_none() {
        for body in [
            "ok",
            "{}",
            r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#,
        ] {
            assert_eq!(
                Page::read(body.as_bytes()).unwrap_err().exit_code(),
                6,
                "{body}"
            );
        }
    }
}
