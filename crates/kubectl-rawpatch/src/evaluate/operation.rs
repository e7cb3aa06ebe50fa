//! The operations of a JSON patch, as the API server decodes them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::node::Node;

/// An operation. It may lack members that it needs, because the server decodes it leniently.
pub(super) struct Operation {
    pub(super) op: String,
    pub(super) path: Option<String>,
    /// The source of `move` and `copy`.
    pub(super) from: Option<String>,
    pub(super) value: Option<Node>,
}

impl Operation {
    /// Parses the operations in the body of a request. Returns `None` if the server does not accept
    /// the body as a JSON patch.
    pub(super) fn parse_all(body: &[u8]) -> Option<Vec<Self>> {
        let operations: Vec<BTreeMap<String, &RawValue>> = serde_json::from_slice(body).ok()?;
        operations.iter().map(Self::parse).collect()
    }

    fn parse(members: &BTreeMap<String, &RawValue>) -> Option<Self> {
        let text = |name: &str| -> Option<Option<String>> {
            match members.get(name) {
                Some(text) => serde_json::from_str(text.get()).ok(),
                None => Some(None),
            }
        };
        let value = match members.get("value") {
            Some(value) => Some(match Node::parse(value.get())? {
                Node::Null => Node::AddedNull,
                value => value,
            }),
            None => None,
        };
        Some(Self {
            op: text("op")?.unwrap_or_default(),
            path: text("path")?,
            from: text("from")?,
            value,
        })
    }
}
