//! Checks that a merge, strategic or apply patch identifies the object that the path names.
//!
//! The API server refuses most mismatches with a 400 or a 422 that quotes the whole object. This check
//! costs no request, and its message names the field.

use kubectl_plugin::request::{api_version, has_regular_plurals, plural};
use serde_json::{Map, Value};

use super::{Error, PatchType, Result};

/// The object that the path of the request names, or the collection whose objects are patched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PatchTarget<'a> {
    /// The API group; empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    /// The namespace; `None` for cluster-scoped objects.
    pub(crate) namespace: Option<&'a str>,
    /// The plural name, such as `deployments`.
    pub(crate) resource: &'a str,
    /// The name of the object; `None` for a collection.
    pub(crate) name: Option<&'a str>,
    pub(crate) subresource: Option<&'a str>,
}

/// The metadata that no two objects of a collection share.
const OF_ONE_OBJECT: [&str; 3] = ["name", "uid", "resourceVersion"];

impl PatchTarget<'_> {
    /// Reports whether the patch has the type of the resource. Subresources such as `scale` have
    /// their own types.
    fn has_resource_type(&self) -> bool {
        matches!(self.subresource, None | Some("status"))
    }
}

/// The fields of a patch that identify the object.
struct IdentityFields<'a> {
    api_version: Option<&'a Value>,
    kind: Option<&'a Value>,
    name: Option<&'a Value>,
    namespace: Option<&'a Value>,
}

/// Checks a merge, strategic or apply patch. Returns whether it sets `status`.
pub(super) fn check(
    object: &Map<String, Value>,
    patch_type: PatchType,
    target: &PatchTarget<'_>,
) -> Result<bool> {
    let metadata = object.get("metadata").and_then(Value::as_object);
    let in_metadata = |name: &str| metadata.and_then(|metadata| metadata.get(name));
    if target.name.is_none()
        && let Some(field) = OF_ONE_OBJECT
            .iter()
            .find(|field| in_metadata(field).is_some())
    {
        return Err(Error::usage(format!(
            "the patch has /metadata/{field}, which only one object has"
        ))
        .with_hint(format!(
            "remove /metadata/{field} from the patch, to patch several objects with it"
        )));
    }
    let identity = IdentityFields {
        api_version: object.get("apiVersion"),
        kind: object.get("kind"),
        name: in_metadata("name"),
        namespace: in_metadata("namespace").filter(|namespace| *namespace != ""),
    };
    if patch_type == PatchType::Apply {
        require_identity(&identity, target)?;
        if in_metadata("managedFields").is_some_and(|fields| !fields.is_null()) {
            return Err(
                Error::usage("an apply patch must not contain /metadata/managedFields")
                    .with_hint("remove it: the server maintains it"),
            );
        }
    }
    match_path(&identity, target)?;
    Ok(object.contains_key("status"))
}

/// Checks that an apply patch has the fields that the server requires.
fn require_identity(identity: &IdentityFields<'_>, target: &PatchTarget<'_>) -> Result<()> {
    let (api_version, kind) = if target.has_resource_type() {
        (
            format!("apiVersion: {}", api_version(target.group, target.version)),
            format!(
                "kind: KIND; `kubectl api-resources` lists the kind of {}",
                target.resource
            ),
        )
    } else {
        let that_get_returns = "that `kubectl get --raw PATH` returns";
        (
            format!("the apiVersion {that_get_returns}"),
            format!("the kind {that_get_returns}"),
        )
    };
    let name = target.name.map(|name| format!("metadata.name: {name}"));
    for (pointer, value, addition) in [
        ("/apiVersion", identity.api_version, Some(api_version)),
        ("/kind", identity.kind, Some(kind)),
        ("/metadata/name", identity.name, name),
    ] {
        if let (None, Some(addition)) = (value, addition) {
            return Err(Error::usage(format!("an apply patch needs {pointer}"))
                .with_hint(format!("add {addition}")));
        }
    }
    Ok(())
}

/// Checks that the identifying fields in the patch match the path.
fn match_path(identity: &IdentityFields<'_>, target: &PatchTarget<'_>) -> Result<()> {
    let expect = |pointer: &str, actual: Option<&Value>, expected: &str| match actual {
        Some(actual) if actual != expected => Err(mismatch(pointer, &format!("{expected:?}"))),
        _ => Ok(()),
    };
    if let Some(name) = target.name {
        expect("/metadata/name", identity.name, name)?;
    }
    match target.namespace {
        Some(namespace) => expect("/metadata/namespace", identity.namespace, namespace)?,
        None if identity.namespace.is_some() => {
            return Err(Error::usage(
                "the patch has /metadata/namespace, but PATH has no namespace",
            )
            .with_hint(
                "remove /metadata/namespace from the patch, or add /namespaces/NAMESPACE to PATH",
            ));
        }
        None => {}
    }
    if !target.has_resource_type() {
        return Ok(());
    }
    expect(
        "/apiVersion",
        identity.api_version,
        &api_version(target.group, target.version),
    )?;
    if let Some(kind) = identity.kind
        && has_regular_plurals(target.group)
        && kind.as_str().map(plural).as_deref() != Some(target.resource)
    {
        let expected = format!("the kind of {}", target.resource);
        return Err(mismatch("/kind", &expected));
    }
    Ok(())
}

/// Returns the error for a field that differs from the path. It does not repeat the field's value: a
/// misplaced value may be secret.
fn mismatch(pointer: &str, expected: &str) -> Error {
    Error::usage(format!(
        "{pointer} in the patch does not match PATH, which names {expected}"
    ))
    .with_hint("correct the patch or PATH, or use --verbatim to send the patch unchecked")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEPLOYMENT: PatchTarget<'_> = PatchTarget {
        group: "apps",
        version: "v1",
        namespace: Some("shop"),
        resource: "deployments",
        name: Some("sleep"),
        subresource: None,
    };

    fn refusal(object: &Value, patch_type: PatchType, target: &PatchTarget<'_>) -> Option<String> {
        let error = check(object.as_object().unwrap(), patch_type, target).err()?;
        assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        Some(format!("{error}\nhint: {}", error.hint().unwrap()))
    }

    fn assert_fits(object: &Value, patch_type: PatchType, target: &PatchTarget<'_>) {
        assert_eq!(refusal(object, patch_type, target), None);
    }

    fn full_object() -> Value {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "sleep", "namespace": "shop", "managedFields": null},
        })
    }

    #[test]
    fn a_patch_that_matches_the_path_passes() {
        for patch_type in [PatchType::Merge, PatchType::Strategic, PatchType::Apply] {
            assert_fits(&full_object(), patch_type, &DEPLOYMENT);
        }
        assert_fits(&json!({"spec": {}}), PatchType::Merge, &DEPLOYMENT);
        assert_fits(
            &json!({"metadata": {"namespace": ""}}),
            PatchType::Merge,
            &DEPLOYMENT,
        );
    }

    #[test]
    fn refuses_an_apply_patch_without_its_identity() {
        for (pointer, hint) in [
            ("/apiVersion", "add apiVersion: apps/v1"),
            (
                "/kind",
                "add kind: KIND; `kubectl api-resources` lists the kind of deployments",
            ),
            ("/metadata/name", "add metadata.name: sleep"),
        ] {
            let mut object = full_object();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = object.pointer_mut(parent).unwrap();
            parent.as_object_mut().unwrap().remove(name);
            assert_eq!(
                refusal(&object, PatchType::Apply, &DEPLOYMENT),
                Some(format!(
                    "error: an apply patch needs {pointer}\nhint: {hint}"
                ))
            );
            assert_fits(&object, PatchType::Merge, &DEPLOYMENT);
        }
    }

    #[test]
    fn refuses_managed_fields_in_an_apply_patch() {
        let mut object = full_object();
        object["metadata"]["managedFields"] = json!([]);
        assert_eq!(
            refusal(&object, PatchType::Apply, &DEPLOYMENT).as_deref(),
            Some(
                "error: an apply patch must not contain /metadata/managedFields\n\
                 hint: remove it: the server maintains it"
            )
        );
        assert_fits(&object, PatchType::Merge, &DEPLOYMENT);
    }

    #[test]
    fn refuses_a_patch_that_does_not_match_the_path() {
        for (object, message) in [
            (
                json!({"metadata": {"name": "hunter2"}}),
                "/metadata/name in the patch does not match PATH, which names \"sleep\"",
            ),
            (
                json!({"metadata": {"name": null}}),
                "/metadata/name in the patch does not match PATH, which names \"sleep\"",
            ),
            (
                json!({"metadata": {"namespace": "hunter2"}}),
                "/metadata/namespace in the patch does not match PATH, which names \"shop\"",
            ),
            (
                json!({"apiVersion": "apps/v1beta1"}),
                "/apiVersion in the patch does not match PATH, which names \"apps/v1\"",
            ),
            (
                json!({"kind": "Pod"}),
                "/kind in the patch does not match PATH, which names the kind of deployments",
            ),
            (
                json!({"kind": 5}),
                "/kind in the patch does not match PATH, which names the kind of deployments",
            ),
        ] {
            assert_eq!(
                refusal(&object, PatchType::Strategic, &DEPLOYMENT),
                Some(format!(
                    "error: {message}\nhint: correct the patch or PATH, or use --verbatim to send the patch unchecked"
                ))
            );
        }
        let node = PatchTarget {
            group: "",
            namespace: None,
            resource: "nodes",
            ..DEPLOYMENT
        };
        assert_eq!(
            refusal(
                &json!({"metadata": {"namespace": "shop"}}),
                PatchType::Merge,
                &node
            )
            .as_deref(),
            Some(
                "error: the patch has /metadata/namespace, but PATH has no namespace\n\
                 hint: remove /metadata/namespace from the patch, or add /namespaces/NAMESPACE to PATH"
            )
        );
        assert_fits(
            &json!({"apiVersion": "v1", "kind": "Node"}),
            PatchType::Merge,
            &node,
        );
    }

    #[test]
    fn a_subresource_has_a_type_of_its_own() {
        let scale = PatchTarget {
            subresource: Some("scale"),
            ..DEPLOYMENT
        };
        let object = json!({
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "sleep"},
        });
        assert_fits(&object, PatchType::Apply, &scale);
        let status = PatchTarget {
            subresource: Some("status"),
            ..DEPLOYMENT
        };
        assert!(refusal(&object, PatchType::Merge, &status).is_some());
        assert!(
            refusal(
                &json!({"metadata": {"name": "x"}}),
                PatchType::Merge,
                &scale
            )
            .is_some()
        );
        assert_eq!(
            refusal(&json!({"a": 1}), PatchType::Apply, &scale).as_deref(),
            Some(
                "error: an apply patch needs /apiVersion\n\
                 hint: add the apiVersion that `kubectl get --raw PATH` returns"
            )
        );
    }

    #[test]
    fn the_kind_of_a_custom_resource_is_not_derived() {
        let custom = PatchTarget {
            group: "example.com",
            resource: "people",
            ..DEPLOYMENT
        };
        assert_fits(
            &json!({"apiVersion": "example.com/v1", "kind": "Person"}),
            PatchType::Merge,
            &custom,
        );
        assert!(refusal(&json!({"apiVersion": "apps/v1"}), PatchType::Merge, &custom).is_some());
    }
}
