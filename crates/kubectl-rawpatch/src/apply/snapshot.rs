//! The object at one moment, as the server returned it.

use http::Response;
use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::request::{ApiRequest, ExpectedReply, RawPath};
use serde_json::Value;

use super::requests::Requests;
use crate::live_object::{no_version, resource_version};
use crate::request::PatchRequest;

/// The object at one moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) reply: Reply,
    pub(super) value: Value,
}

impl Snapshot {
    /// Reads the current object of a patch.
    pub(super) async fn read(
        request: &PatchRequest,
        requests: &impl Requests,
    ) -> Result<Self, Error> {
        let path = RawPath::verbatim(request.path.path())?;
        let read = ApiRequest {
            expected: ExpectedReply::Object,
            ..request.to_read(path)
        };
        let snapshot = Self::from_reply(requests.look_up(read).await?);
        match snapshot.version() {
            "" => Err(no_version()),
            _ => Ok(snapshot),
        }
    }

    pub(super) fn from_reply(reply: Reply) -> Self {
        let value = serde_json::from_slice(reply.body()).unwrap_or_default();
        Self { reply, value }
    }

    pub(super) fn from_bytes(object: &[u8]) -> Self {
        Self::from_reply(Response::new(object.to_vec().into()))
    }

    pub(super) fn version(&self) -> &str {
        resource_version(&self.value).unwrap_or_default()
    }

    pub(super) fn uid(&self) -> Option<&str> {
        self.text("/metadata/uid").filter(|uid| !uid.is_empty())
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// Describes the version, and the last change of a field that the server has recorded.
    pub(super) fn describe(&self) -> String {
        let entries = self.value.pointer("/metadata/managedFields");
        let entries = entries.and_then(Value::as_array).into_iter().flatten();
        let last = entries
            .filter_map(|entry| Some((entry["time"].as_str()?, entry["manager"].as_str()?)))
            .max_by_key(|(time, _)| *time);
        let change = last.map_or_else(String::new, |(time, manager)| {
            format!(", last changed by {manager} at {time}")
        });
        format!("resource version {}{change}", self.version())
    }
}
