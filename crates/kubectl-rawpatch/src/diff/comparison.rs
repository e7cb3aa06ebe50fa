//! Reads an object, and the result of a dry run of the patch, at one version of the object.

use std::time::Duration;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::output::{object_name, yaml};
use kubectl_plugin::request::{ApiRequest, RawPath};
use kubectl_plugin::{Error, stderr};
use serde_json::Value;
use tokio::time::sleep;

use super::{secrets, unified};
use crate::apply::{Policy, version_conflict};
use crate::args::PatchArgs;
use crate::body::PatchType;
use crate::live_object::resource_version;
use crate::request::PatchRequest;

/// How often both are read if the object keeps changing, as in kubectl.
const MAX_READS: usize = 4;

/// The pause before both are read again.
const PAUSE: Duration = Duration::from_millis(200);

/// The metadata that is different after every change.
const CHANGING_METADATA: [&str; 2] = ["generation", "resourceVersion"];

/// The parts of an object that are only shown if the user asks for them.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    managed_fields: bool,
    secrets: bool,
}

impl Shown {
    pub(crate) fn new(arguments: &PatchArgs) -> Self {
        Self {
            managed_fields: arguments.output.show_managed_fields,
            secrets: arguments.diff.show_secrets,
        }
    }
}

/// An object as it is stored, and as it would be after the patch. Both are YAML without the parts that
/// are not shown.
pub(crate) struct Comparison {
    /// The kind and the name of the object, as in `configmap/settings`.
    pub(crate) object: String,
    /// The resource version of the stored object; `None` if the object does not exist.
    pub(crate) resource_version: Option<String>,
    /// The name of kubectl's file for the object.
    pub(super) file_name: String,
    /// The stored object; empty if it does not exist.
    pub(super) live: String,
    pub(super) merged: String,
    /// Whether the patch changes `metadata.managedFields`, and this is not shown.
    pub(super) hides_managers: bool,
}

impl Comparison {
    /// Reads the object, and sends a dry run of the patch.
    ///
    /// # Errors
    /// A refusal of the server, or a conflict if the object is not at the resource version of the policy.
    pub(crate) async fn read(
        request: &PatchRequest,
        policy: &Policy,
        shown: Shown,
        server: &ApiServer,
    ) -> Result<Self, Error> {
        let patch = request.to_dry_run("--diff")?;
        let get = get(request)?;
        let may_create =
            request.patch_type == PatchType::Apply && policy.if_resource_version.is_none();
        let mut reads = 0;
        let (live, merged) = loop {
            let live = match server.look_up(get.clone()).await {
                Err(error) if may_create && error.is_refusal(404) => None,
                reply => Some(object_in(&reply?)?),
            };
            check_version(live.as_ref(), policy)?;
            let merged = object_in(&server.send(patch.clone()).await?)?;
            reads += 1;
            if version(live.as_ref()) == version(Some(&merged)) {
                break (live, merged);
            }
            if reads == MAX_READS {
                stderr::warn(&format!(
                    "{} keeps changing, so the diff may contain changes of others",
                    object_name(&merged)
                ));
                break (live, merged);
            }
            sleep(PAUSE).await;
        };
        let is_secret = request
            .path
            .resource()
            .is_some_and(|resource| resource.is_secret());
        Self::new(live, merged, shown, is_secret)
    }

    fn new(
        mut live: Option<Value>,
        mut merged: Value,
        shown: Shown,
        is_secret: bool,
    ) -> Result<Self, Error> {
        let resource_version = version(live.as_ref()).map(str::to_owned);
        let managers = |object: &Value| object.pointer("/metadata/managedFields").cloned();
        let hides_managers =
            !shown.managed_fields && live.as_ref().and_then(managers) != managers(&merged);
        for object in live.iter_mut().chain([&mut merged]) {
            remove_hidden_metadata(object, shown);
        }
        let is_secret = is_secret || live.iter().chain([&merged]).any(secrets::is_secret);
        if is_secret && !shown.secrets {
            secrets::mask(live.as_mut(), &mut merged);
        }
        Ok(Self {
            object: object_name(&merged),
            resource_version,
            file_name: file_name(&merged),
            live: live.as_ref().map_or(Ok(String::new()), yaml)?,
            merged: yaml(&merged)?,
            hides_managers,
        })
    }

    /// Reports whether the patch changes the object, in the parts that are shown.
    pub(crate) fn differs(&self) -> bool {
        self.live != self.merged
    }

    /// Reports whether the object exists.
    pub(super) fn exists(&self) -> bool {
        !self.live.is_empty()
    }

    /// Describes an object that the patch does not change.
    pub(super) fn describe_equal(&self) -> String {
        let except = if self.hides_managers {
            ", except in metadata.managedFields (add --show-managed-fields)"
        } else {
            ""
        };
        format!("{}: no differences{except}", self.object)
    }

    /// Returns the difference as a unified diff, which is empty if there is none. Text with colours is
    /// safe for a terminal.
    pub(crate) fn unified(&self, is_coloured: bool) -> String {
        let text = unified::unified(&self.file_name, &self.live, &self.merged);
        if is_coloured {
            unified::coloured(&text)
        } else {
            text
        }
    }
}

/// Returns the request for the stored object.
fn get(request: &PatchRequest) -> Result<ApiRequest, Error> {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let path = RawPath::verbatim(request.path.path())?;
    Ok(ApiRequest {
        expected: request.to_api_request().expected,
        ..ApiRequest::get(path, HeaderMap::from_iter([(ACCEPT, JSON)]))
    })
}

/// Parses the object in a response.
fn object_in(reply: &Reply) -> Result<Value, Error> {
    match serde_json::from_slice(reply.body()) {
        Ok(object @ Value::Object(_)) => Ok(object),
        _ => Err(
            Error::protocol("--diff needs an object, but the response is not a JSON object")
                .with_hint("check that PATH names an object"),
        ),
    }
}

/// Checks that the object is at the resource version of the policy.
fn check_version(live: Option<&Value>, policy: &Policy) -> Result<(), Error> {
    match (version(live), policy.if_resource_version.as_deref()) {
        (Some(found), Some(expected)) if found != expected => {
            Err(version_conflict(found, expected))
        }
        _ => Ok(()),
    }
}

/// Returns the resource version of an object. An object that a dry run creates has none.
fn version(object: Option<&Value>) -> Option<&str> {
    resource_version(object?).filter(|version| !version.is_empty())
}

fn remove_hidden_metadata(object: &mut Value, shown: Shown) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let Some(metadata) = metadata else {
        return;
    };
    for name in CHANGING_METADATA {
        metadata.remove(name);
    }
    if !shown.managed_fields {
        metadata.remove("managedFields");
    }
}

/// Returns kubectl's name for the file with an object, as in `apps.v1.Deployment.default.sleep`. A name may
/// contain characters that a file name must not have.
fn file_name(object: &Value) -> String {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let name = format!(
        "{}.{}.{}.{}",
        text("/apiVersion").replace('/', "."),
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name"),
    );
    let is_allowed = |character: char| {
        let is_reserved_on_windows = cfg!(windows) && "<>:\"|?*".contains(character);
        !character.is_control() && !['/', '\\'].contains(&character) && !is_reserved_on_windows
    };
    name.chars()
        .map(|character| {
            if is_allowed(character) {
                character
            } else {
                '-'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_name_is_that_of_kubectl_and_stays_in_its_folder() {
        let name = |api_version: &str, kind: &str, metadata: Value| {
            file_name(&json!({"apiVersion": api_version, "kind": kind, "metadata": metadata}))
        };
        let metadata = json!({"name": "sleep", "namespace": "default"});
        assert_eq!(
            name("apps/v1", "Deployment", metadata),
            "apps.v1.Deployment.default.sleep"
        );
        assert_eq!(
            name("v1", "Namespace", json!({"name": "a"})),
            "v1.Namespace..a"
        );
        assert_eq!(
            name("v1", "../K", json!({"name": "../../a\\b\n"})),
            "v1...-K....-..-a-b-"
        );
    }

    #[test]
    fn versions_and_managers_are_left_out() {
        let object = |version: &str, manager: &str| {
            json!({
                "kind": "ConfigMap", "data": {"a": "b"},
                "metadata": {
                    "name": "a", "generation": 1, "resourceVersion": version,
                    "managedFields": [{"manager": manager}],
                },
            })
        };
        let compare = |managed_fields| {
            let shown = Shown {
                managed_fields,
                secrets: false,
            };
            Comparison::new(Some(object("5", "one")), object("5", "two"), shown, false).unwrap()
        };
        let comparison = compare(false);
        assert!(!comparison.differs());
        assert!(comparison.hides_managers);
        assert_eq!(
            comparison.live,
            "data:\n  a: b\nkind: ConfigMap\nmetadata:\n  name: a\n"
        );
        let comparison = compare(true);
        assert!(comparison.differs());
        assert!(!comparison.hides_managers);
        assert!(
            comparison
                .unified(false)
                .contains("-  - manager: one\n+  - manager: two\n")
        );
    }
}
