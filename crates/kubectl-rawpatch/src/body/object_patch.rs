//! Compares what an object says about itself with the path that it is sent to.
//!
//! The API server refuses most mismatches with a 400 or a 422 that quotes the whole object. Here they
//! cost no request, and the message names the field.

use serde_json::{Map, Value};

use super::{Error, PatchType, Result};

/// The object that the request's path names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// Empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    /// `None` for cluster-scoped objects.
    pub(crate) namespace: Option<&'a str>,
    /// The plural, such as `deployments`.
    pub(crate) resource: &'a str,
    pub(crate) name: &'a str,
    pub(crate) subresource: Option<&'a str>,
}

/// The groups with a dot that kube-apiserver itself serves, apart from those in `k8s.io`
/// (`kubernetes/pkg/controlplane/instance.go`, and its extension servers).
const OWN_GROUPS: [&str; 18] = [
    "admissionregistration",
    "apiextensions",
    "apiregistration",
    "authentication",
    "authorization",
    "certificates",
    "coordination",
    "discovery",
    "events",
    "flowcontrol.apiserver",
    "internal.apiserver",
    "networking",
    "node",
    "rbac.authorization",
    "resource",
    "scheduling",
    "storage",
    "storagemigration",
];

impl Target<'_> {
    fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Reports whether the body is the resource itself: `/scale` and others have types of their own.
    fn is_the_resource(&self) -> bool {
        matches!(self.subresource, None | Some("status"))
    }

    /// Reports whether the kind can be derived from the resource. The API server's own groups follow the
    /// rule. The plural of a custom resource can be anything, even in a group of `k8s.io`.
    fn is_kubernetes_own(&self) -> bool {
        let own = self.group.strip_suffix(".k8s.io");
        !self.group.contains('.') || own.is_some_and(|own| OWN_GROUPS.contains(&own))
    }
}

/// Checks a merge, strategic or apply patch. Returns whether it sets `status`.
pub(super) fn check(
    object: &Map<String, Value>,
    patch_type: PatchType,
    target: &Target<'_>,
) -> Result<bool> {
    let metadata = object.get("metadata").and_then(Value::as_object);
    let in_metadata = |name| metadata.and_then(|metadata| metadata.get(name));
    let api_version = object.get("apiVersion");
    let kind = object.get("kind");
    let name = in_metadata("name");

    if patch_type == PatchType::Apply {
        let apply_needs = |value: Option<&Value>, pointer: &str, remedy: String| match value {
            Some(_) => Ok(()),
            None => Err(Error::usage(format!("an apply patch needs {pointer}")).hinted(remedy)),
        };
        let own_type = "the subresource has a type of its own: GET it to find out".to_owned();
        let (api_version_remedy, kind_remedy) = if target.is_the_resource() {
            (
                format!("the path has apiVersion: {}", target.api_version()),
                format!("add the kind of {}", target.resource),
            )
        } else {
            (own_type.clone(), own_type)
        };
        apply_needs(api_version, "/apiVersion", api_version_remedy)?;
        apply_needs(kind, "/kind", kind_remedy)?;
        apply_needs(
            name,
            "/metadata/name",
            format!("the path has name: {}", target.name),
        )?;
        if in_metadata("managedFields").is_some_and(|fields| !fields.is_null()) {
            return Err(
                Error::usage("an apply patch cannot have /metadata/managedFields")
                    .hinted("remove it: the server maintains it"),
            );
        }
    }

    must_agree("/metadata/name", name, "name", target.name)?;
    let namespace = in_metadata("namespace").filter(|namespace| *namespace != "");
    match target.namespace {
        Some(expected) => must_agree("/metadata/namespace", namespace, "namespace", expected)?,
        None if namespace.is_some() => {
            return Err(Error::usage(
                "the patch has /metadata/namespace, but the path has no namespace",
            )
            .hinted("remove it, or correct the path"));
        }
        None => {}
    }
    if target.is_the_resource() {
        must_agree(
            "/apiVersion",
            api_version,
            "group and version",
            &target.api_version(),
        )?;
        if target.is_kubernetes_own() {
            let guessed = kind.and_then(Value::as_str).map(plural);
            if kind.is_some() && guessed.as_deref() != Some(target.resource) {
                return Err(disagrees("/kind", "resource", target.resource));
            }
        }
    }
    Ok(object.contains_key("status"))
}

/// Checks that a field of the patch, if present, agrees with the path.
fn must_agree(pointer: &str, said: Option<&Value>, what: &str, expected: &str) -> Result<()> {
    match said {
        Some(said) if said != expected => Err(disagrees(pointer, what, expected)),
        _ => Ok(()),
    }
}

fn disagrees(pointer: &str, what: &str, expected: &str) -> Error {
    Error::usage(format!(
        "{pointer} in the patch contradicts the path, whose {what} is {expected:?}"
    ))
    .hinted("correct the patch or the path, or use --verbatim to send it unchecked")
}

/// Returns the resource of a kind by the rule of apimachinery's `UnsafeGuessKindToResource`.
fn plural(kind: &str) -> String {
    let singular = kind.to_lowercase();
    if singular.ends_with("endpoints") {
        singular
    } else if singular.ends_with('s') {
        singular + "es"
    } else if let Some(stem) = singular.strip_suffix('y') {
        format!("{stem}ies")
    } else {
        singular + "s"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEPLOYMENT: Target<'_> = Target {
        group: "apps",
        version: "v1",
        namespace: Some("shop"),
        resource: "deployments",
        name: "sleep",
        subresource: None,
    };

    fn refusal(object: &Value, patch_type: PatchType, target: &Target<'_>) -> Option<String> {
        let error = check(object.as_object().unwrap(), patch_type, target).err()?;
        assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        Some(format!("{error}\nhint: {}", error.hint().unwrap()))
    }

    fn assert_fits(object: &Value, patch_type: PatchType, target: &Target<'_>) {
        assert_eq!(refusal(object, patch_type, target), None);
    }

    fn whole() -> Value {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "sleep", "namespace": "shop", "managedFields": null},
        })
    }

    #[test]
    fn a_body_that_agrees_with_the_path_passes() {
        for patch_type in [PatchType::Merge, PatchType::Strategic, PatchType::Apply] {
            assert_fits(&whole(), patch_type, &DEPLOYMENT);
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
            ("/apiVersion", "the path has apiVersion: apps/v1"),
            ("/kind", "add the kind of deployments"),
            ("/metadata/name", "the path has name: sleep"),
        ] {
            let mut object = whole();
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
        let mut object = whole();
        object["metadata"]["managedFields"] = json!([]);
        assert_eq!(
            refusal(&object, PatchType::Apply, &DEPLOYMENT).as_deref(),
            Some(
                "error: an apply patch cannot have /metadata/managedFields\n\
                 hint: remove it: the server maintains it"
            )
        );
        assert_fits(&object, PatchType::Merge, &DEPLOYMENT);
    }

    #[test]
    fn refuses_what_the_path_contradicts() {
        for (object, said) in [
            (
                json!({"metadata": {"name": "hunter2"}}),
                "/metadata/name in the patch contradicts the path, whose name is \"sleep\"",
            ),
            (
                json!({"metadata": {"name": null}}),
                "/metadata/name in the patch contradicts the path, whose name is \"sleep\"",
            ),
            (
                json!({"metadata": {"namespace": "hunter2"}}),
                "/metadata/namespace in the patch contradicts the path, whose namespace is \"shop\"",
            ),
            (
                json!({"apiVersion": "apps/v1beta1"}),
                "/apiVersion in the patch contradicts the path, whose group and version is \"apps/v1\"",
            ),
            (
                json!({"kind": "Pod"}),
                "/kind in the patch contradicts the path, whose resource is \"deployments\"",
            ),
            (
                json!({"kind": 5}),
                "/kind in the patch contradicts the path, whose resource is \"deployments\"",
            ),
        ] {
            assert_eq!(
                refusal(&object, PatchType::Strategic, &DEPLOYMENT),
                Some(format!(
                    "error: {said}\nhint: correct the patch or the path, or use --verbatim to send it unchecked"
                ))
            );
        }
        let node = Target {
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
                "error: the patch has /metadata/namespace, but the path has no namespace\n\
                 hint: remove it, or correct the path"
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
        let scale = Target {
            subresource: Some("scale"),
            ..DEPLOYMENT
        };
        let object = json!({
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "sleep"},
        });
        assert_fits(&object, PatchType::Apply, &scale);
        let status = Target {
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
                 hint: the subresource has a type of its own: GET it to find out"
            )
        );
    }

    #[test]
    fn the_kind_of_a_custom_resource_is_not_guessed() {
        let custom = Target {
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

    #[test]
    fn plurals_are_kubernetes_own() {
        for (kind, resource) in [
            ("Pod", "pods"),
            ("Ingress", "ingresses"),
            ("NetworkPolicy", "networkpolicies"),
            ("Endpoints", "endpoints"),
            ("EndpointSlice", "endpointslices"),
            ("StorageClass", "storageclasses"),
            ("CSIStorageCapacity", "csistoragecapacities"),
            ("IPAddress", "ipaddresses"),
            ("APIService", "apiservices"),
            ("Lease", "leases"),
        ] {
            assert_eq!(plural(kind), resource);
        }
    }
}
