//! The API groups, versions, resources and subresources that a server serves.
//!
//! Aggregated discovery (Kubernetes 1.26) has them all. Older servers list the resources of each
//! version in a separate document.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The APIs that a server serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Discovery {
    pub(crate) groups: Vec<ApiGroup>,
}

/// An API group. The core group's name is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiGroup {
    pub(crate) name: String,
    /// The versions, in the server's order of preference.
    pub(crate) versions: Vec<ApiVersion>,
}

/// A version of an API group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiVersion {
    pub(crate) name: String,
    /// `None` if the server lists them in a separate document.
    pub(crate) resources: Option<Vec<ApiResource>>,
}

/// A resource, such as `deployments`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiResource {
    /// The plural name.
    pub name: String,
    pub(crate) kind: String,
    /// Whether its objects have a namespace.
    pub is_namespaced: bool,
    pub(crate) verbs: Vec<String>,
    pub(crate) subresources: Vec<ApiSubresource>,
}

/// A subresource, such as `scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiSubresource {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) verbs: Vec<String>,
}

impl Discovery {
    /// Parses the response to `GET /api` or `GET /apis`. Returns `None` if it is not a discovery document.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(body).ok()?;
        let groups = match document.get("kind")?.as_str()? {
            "APIGroupDiscoveryList" => list(&document, "items")
                .filter_map(aggregated_group)
                .collect(),
            "APIGroupList" => list(&document, "groups")
                .filter_map(unaggregated_group)
                .collect(),
            "APIVersions" => {
                let names = list(&document, "versions").filter_map(Value::as_str);
                vec![ApiGroup {
                    name: String::new(),
                    versions: names.map(ApiVersion::without_resources).collect(),
                }]
            }
            _ => return None,
        };
        Some(Self { groups })
    }

    /// Finds a version of a group.
    pub(crate) fn version(&self, group: &str, version: &str) -> Option<&ApiVersion> {
        let mut groups = self.groups.iter();
        let group = groups.find(|candidate| candidate.name == group)?;
        group
            .versions
            .iter()
            .find(|candidate| candidate.name == version)
    }
}

impl ApiVersion {
    fn without_resources(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            resources: None,
        }
    }
}

impl ApiResource {
    /// Reports whether the server lists a subresource of this name.
    pub fn has_subresource(&self, name: &str) -> bool {
        self.subresources
            .iter()
            .any(|subresource| subresource.name == name)
    }
}

/// Parses an `APIResourceList`, in which subresources are entries like `deployments/scale`. Returns
/// `None` if `body` is another document.
pub fn resource_list(body: &[u8]) -> Option<Vec<ApiResource>> {
    let document: Value = serde_json::from_slice(body).ok()?;
    if document.get("kind")? != "APIResourceList" {
        return None;
    }
    let mut resources = Vec::new();
    for entry in list(&document, "resources") {
        if !text(entry, "name").contains('/') {
            resources.push(ApiResource {
                name: text(entry, "name"),
                kind: text(entry, "kind"),
                is_namespaced: entry["namespaced"] == true,
                verbs: verbs(entry),
                subresources: Vec::new(),
            });
        }
    }
    for entry in list(&document, "resources") {
        let name = text(entry, "name");
        let Some((resource, name)) = name.split_once('/') else {
            continue;
        };
        let mut parents = resources.iter_mut();
        if let Some(parent) = parents.find(|parent: &&mut ApiResource| parent.name == resource) {
            parent.subresources.push(ApiSubresource {
                name: name.to_owned(),
                kind: text(entry, "kind"),
                verbs: verbs(entry),
            });
        }
    }
    Some(resources)
}

/// Parses an `APIGroupDiscovery`.
fn aggregated_group(group: &Value) -> Option<ApiGroup> {
    let versions = list(group, "versions").map(|version| ApiVersion {
        name: text(version, "version"),
        resources: Some(
            list(version, "resources")
                .map(aggregated_resource)
                .collect(),
        ),
    });
    Some(ApiGroup {
        name: group
            .get("metadata")
            .map(|metadata| text(metadata, "name"))?,
        versions: versions.collect(),
    })
}

/// Parses an `APIResourceDiscovery`.
fn aggregated_resource(resource: &Value) -> ApiResource {
    let kind = |entry: &Value| {
        entry
            .get("responseKind")
            .map_or(String::new(), |kind| text(kind, "kind"))
    };
    let subresources = list(resource, "subresources").map(|entry| ApiSubresource {
        name: text(entry, "subresource"),
        kind: kind(entry),
        verbs: verbs(entry),
    });
    ApiResource {
        name: text(resource, "resource"),
        kind: kind(resource),
        is_namespaced: resource["scope"] == "Namespaced",
        verbs: verbs(resource),
        subresources: subresources.collect(),
    }
}

/// Parses an `APIGroup`, which names its versions but not their resources.
fn unaggregated_group(group: &Value) -> Option<ApiGroup> {
    let versions = list(group, "versions").filter_map(|version| version.get("version")?.as_str());
    Some(ApiGroup {
        name: group.get("name")?.as_str()?.to_owned(),
        versions: versions.map(ApiVersion::without_resources).collect(),
    })
}

fn list<'a>(document: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    document
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(document: &Value, name: &str) -> String {
    document
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn verbs(document: &Value) -> Vec<String> {
    list(document, "verbs")
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployments() -> ApiResource {
        let scale = ApiSubresource {
            name: "scale".to_owned(),
            kind: "Scale".to_owned(),
            verbs: vec!["patch".to_owned()],
        };
        ApiResource {
            name: "deployments".to_owned(),
            kind: "Deployment".to_owned(),
            is_namespaced: true,
            verbs: vec!["get".to_owned(), "patch".to_owned()],
            subresources: vec![scale],
        }
    }

    #[test]
    fn both_kinds_of_discovery_give_the_same_resources() {
        let aggregated = json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
            "items": [{"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [{
                "resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced",
                "verbs": ["get", "patch"],
                "subresources": [{"subresource": "scale", "responseKind": {"kind": "Scale"}, "verbs": ["patch"]}],
            }]}]}],
        });
        let discovery = Discovery::parse(aggregated.to_string().as_bytes()).unwrap();
        let version = discovery.version("apps", "v1").unwrap();
        assert_eq!(version.resources, Some(vec![deployments()]));

        let groups = json!({"kind": "APIGroupList", "groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}]});
        let discovery = Discovery::parse(groups.to_string().as_bytes()).unwrap();
        assert_eq!(discovery.version("apps", "v1").unwrap().resources, None);
        let list = json!({"kind": "APIResourceList", "resources": [
            {"name": "deployments/scale", "kind": "Scale", "namespaced": true, "verbs": ["patch"]},
            {"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": ["get", "patch"]},
            {"name": "lost/status", "kind": "Lost", "namespaced": true, "verbs": []},
        ]});
        assert_eq!(
            resource_list(list.to_string().as_bytes()),
            Some(vec![deployments()])
        );

        let core = Discovery::parse(br#"{"kind": "APIVersions", "versions": ["v1"]}"#).unwrap();
        assert!(core.version("", "v1").is_some());
    }

    #[test]
    fn other_documents_are_ignored() {
        for body in [
            "",
            "[]",
            "{}",
            "<html>",
            r#"{"kind": 1}"#,
            r#"{"kind": "Status"}"#,
        ] {
            assert_eq!(Discovery::parse(body.as_bytes()), None, "{body}");
            assert_eq!(resource_list(body.as_bytes()), None, "{body}");
        }
        let malformed =
            br#"{"kind": "APIGroupDiscoveryList", "items": [1, {"metadata": {}, "versions": 3}]}"#;
        assert!(Discovery::parse(malformed).is_some());
    }
}
