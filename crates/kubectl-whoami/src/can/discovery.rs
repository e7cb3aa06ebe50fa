//! Warns about resources that the server does not have, like `kubectl auth can-i`: an authorizer
//! allows or denies any name.

use std::collections::BTreeMap;

use http::HeaderMap;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::discovery::{ApiResource, resource_list};
use kubectl_plugin::request::{ApiRequest, Attributes, RawPath, Resource, api_version_path};
use kubectl_plugin::stderr;

/// The resources that only roles contain (`kubectl/pkg/cmd/auth/cani.go`).
const VIRTUAL_RESOURCES: [&str; 2] = ["users", "groups"];

/// The verbs of roles that may apply to other resources that no server lists, such as `signers`.
const VERBS_OF_VIRTUAL_RESOURCES: [&str; 4] = ["impersonate", "approve", "sign", "attest"];

/// Sends one request for each API version, and prints the warnings to stderr. Prints nothing about
/// an API version whose resources the server does not list.
pub(super) async fn warn_about_unknown_resources(
    server: &ApiServer,
    all_attributes: impl Iterator<Item = &Attributes>,
) {
    let mut api_versions: BTreeMap<String, Option<Vec<ApiResource>>> = BTreeMap::new();
    let mut warnings = Vec::new();
    for resource in all_attributes.filter_map(checked_resource) {
        let path = api_version_path(&resource.group, &resource.version);
        if !api_versions.contains_key(&path) {
            let resources = api_resources(server, &path).await;
            api_versions.insert(path.clone(), resources);
        }
        let Some(Some(known)) = api_versions.get(&path) else {
            continue;
        };
        let warning = problem(resource, known).filter(|warning| !warnings.contains(warning));
        warnings.extend(warning);
    }
    for warning in &warnings {
        stderr::warn(warning);
    }
}

/// Returns the resource of a request, unless it may be a resource that no server lists.
fn checked_resource(attributes: &Attributes) -> Option<&Resource> {
    let Attributes::Resource { verb, resource, .. } = attributes else {
        return None;
    };
    let is_virtual = VERBS_OF_VIRTUAL_RESOURCES
        .iter()
        .any(|known| verb.starts_with(known))
        || resource.group.is_empty() && VIRTUAL_RESOURCES.contains(&&*resource.resource);
    (!is_virtual && resource.resource != "*").then_some(resource)
}

/// Returns the resources of an API version; none if the server does not have that version, and
/// `None` if the server does not tell.
async fn api_resources(server: &ApiServer, path: &str) -> Option<Vec<ApiResource>> {
    let request = ApiRequest::get(RawPath::verbatim(path).ok()?, HeaderMap::new());
    match server.look_up(request).await {
        Ok(reply) => resource_list(reply.body()),
        Err(error) => error.is_refusal(404).then(Vec::new),
    }
}

/// Returns a warning, in kubectl's words where kubectl warns, too.
fn problem(resource: &Resource, known: &[ApiResource]) -> Option<String> {
    let Resource {
        group,
        version,
        resource: name,
        ..
    } = resource;
    let of_group = match group.as_str() {
        "" => String::new(),
        group => format!(" in group '{group}'"),
    };
    let of_version = match known {
        [] => format!(", version '{version}'"),
        _ => String::new(),
    };
    let Some(found) = known.iter().find(|known| known.name == *name) else {
        return Some(format!(
            "the server doesn't have a resource type '{name}'{of_group}{of_version}"
        ));
    };
    // The namespace of a Namespace is its own name.
    if !found.is_namespaced && resource.namespace.is_some() && name != "namespaces" {
        return Some(format!(
            "resource '{name}' is not namespace scoped{of_group}"
        ));
    }
    // A kubelet's authorizer knows other subresources of a Node.
    let subresource = resource.subresource.as_ref().filter(|_| name != "nodes")?;
    let is_known = subresource == "*" || found.has_subresource(subresource);
    (!is_known).then(|| {
        format!("the server doesn't have a subresource '{subresource}' of '{name}'{of_group}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(path: &str) -> Option<String> {
        let known = br#"{"kind": "APIResourceList", "resources": [
            {"name": "nodes", "namespaced": false}, {"name": "namespaces", "namespaced": false},
            {"name": "pods", "namespaced": true}, {"name": "pods/log", "namespaced": true}
        ]}"#;
        let path: RawPath = path.parse().unwrap();
        let attributes = path.attributes(&"get".parse().unwrap()).unwrap();
        problem(
            checked_resource(&attributes)?,
            &resource_list(known).unwrap(),
        )
    }

    #[test]
    fn only_what_the_server_does_not_have_is_warned_about() {
        for path in [
            "/api/v1/pods",
            "/api/v1/namespaces/n/pods/p/log",
            "/api/v1/namespaces/n",
            "/api/v1/nodes/n/metrics",
            "/api/v1/users/jane",
            "/healthz",
        ] {
            assert_eq!(warning(path), None, "{path}");
        }
        for (path, expected) in [
            (
                "/api/v1/namespaces/n/podz",
                "the server doesn't have a resource type 'podz'",
            ),
            (
                "/apis/apps/v1/namespaces/n/podz",
                "the server doesn't have a resource type 'podz' in group 'apps'",
            ),
            (
                "/api/v1/namespaces/n/nodes/m",
                "resource 'nodes' is not namespace scoped",
            ),
            (
                "/api/v1/namespaces/n/pods/p/logs",
                "the server doesn't have a subresource 'logs' of 'pods'",
            ),
        ] {
            assert_eq!(warning(path).as_deref(), Some(expected), "{path}");
        }
    }
}
