//! Names of API versions and resources, and their paths.

/// The groups of kube-apiserver and its extension servers (`kubernetes/pkg/controlplane/instance.go`),
/// and `extensions`, which was one until Kubernetes 1.22.
const BUILT_IN_GROUPS: [&str; 24] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Returns the `apiVersion` of a version of a group, such as `apps/v1`. The core group is empty.
pub fn api_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}

/// Returns the path of a version of a group, such as `/apis/apps/v1`.
pub fn api_version_path(group: &str, version: &str) -> String {
    match group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    }
}

/// Reports whether every resource of a group is certainly the regular [`plural`] of its kind. The resource
/// of another API may be any word, even in a group under `k8s.io` or without a dot.
pub fn has_regular_plurals(group: &str) -> bool {
    BUILT_IN_GROUPS.contains(&group)
}

/// Returns the resource of a kind, by the rule of apimachinery's `UnsafeGuessKindToResource`.
pub fn plural(kind: &str) -> String {
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
    use super::*;

    #[test]
    fn the_resources_of_built_in_groups_are_regular_plurals() {
        for line in include_str!("built_in_resources.txt").lines() {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [resource, .., api_version, _, kind] = columns.as_slice() else {
                panic!("{line}");
            };
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            assert!(has_regular_plurals(group), "{line}");
            assert_eq!(plural(kind), *resource);
        }
        for group in ["metrics.k8s.io", "example.com", "example"] {
            assert!(!has_regular_plurals(group));
        }
    }

    #[test]
    fn plurals_follow_the_rule_of_apimachinery() {
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
