//! Combines several documents in one `List`, like kubectl.

use serde::Serialize;
use serde_json::{Map, Value};

/// A `List` of documents, whose members keep their order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Map<String, Value>,
    items: Vec<T>,
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self {
            kind: "List",
            api_version: "v1",
            metadata: Map::new(),
            items: items.into_iter().collect(),
        }
    }
}
