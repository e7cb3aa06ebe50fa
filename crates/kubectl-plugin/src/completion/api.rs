//! What an API server serves: groups, versions, resources, subresources. Read from aggregated
//! discovery (Kubernetes 1.26), or from the documents of older servers, group by group.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All groups. The core group's name is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Api {
    pub(super) groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    /// The server's favourite first.
    pub(super) versions: Vec<Version>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) name: String,
    /// `None` when the server tells of them only when it is asked for each version.
    pub(super) resources: Option<Vec<Resource>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resource {
    /// The plural.
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_namespaced: bool,
    pub(super) verbs: Vec<String>,
    pub(super) subresources: Vec<Subresource>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subresource {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) verbs: Vec<String>,
}

impl Api {
    /// The groups in a reply to `GET /api` or `GET /apis`; `None` is none of the three documents.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(body).ok()?;
        let groups = match document.get("kind")?.as_str()? {
            "APIGroupDiscoveryList" => list(&document, "items").filter_map(aggregated).collect(),
            "APIGroupList" => list(&document, "groups").filter_map(plain).collect(),
            "APIVersions" => {
                let names = list(&document, "versions").filter_map(Value::as_str);
                vec![Group {
                    name: String::new(),
                    versions: names.map(Version::unknown).collect(),
                }]
            }
            _ => return None,
        };
        Some(Self { groups })
    }

    pub(super) fn version(&self, group: &str, version: &str) -> Option<&Version> {
        let mut groups = self.groups.iter();
        let group = groups.find(|present| present.name == group)?;
        group
            .versions
            .iter()
            .find(|present| present.name == version)
    }
}

impl Version {
    fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            resources: None,
        }
    }
}

/// The resources in an `APIResourceList`, which has the subresources among them.
pub(super) fn resources(body: &[u8]) -> Option<Vec<Resource>> {
    let document: Value = serde_json::from_slice(body).ok()?;
    if document.get("kind")? != "APIResourceList" {
        return None;
    }
    let mut resources = Vec::new();
    for entry in list(&document, "resources") {
        if !text(entry, "name").contains('/') {
            resources.push(Resource {
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
        if let Some(parent) = parents.find(|parent: &&mut Resource| parent.name == resource) {
            parent.subresources.push(Subresource {
                name: name.to_owned(),
                kind: text(entry, "kind"),
                verbs: verbs(entry),
            });
        }
    }
    Some(resources)
}

/// An `APIGroupDiscovery`.
fn aggregated(group: &Value) -> Option<Group> {
    let versions = list(group, "versions").map(|version| Version {
        name: text(version, "version"),
        resources: Some(
            list(version, "resources")
                .map(aggregated_resource)
                .collect(),
        ),
    });
    Some(Group {
        name: group
            .get("metadata")
            .map(|metadata| text(metadata, "name"))?,
        versions: versions.collect(),
    })
}

fn aggregated_resource(resource: &Value) -> Resource {
    let kind = |entry: &Value| {
        entry
            .get("responseKind")
            .map_or(String::new(), |kind| text(kind, "kind"))
    };
    let subresources = list(resource, "subresources").map(|entry| Subresource {
        name: text(entry, "subresource"),
        kind: kind(entry),
        verbs: verbs(entry),
    });
    Resource {
        name: text(resource, "resource"),
        kind: kind(resource),
        is_namespaced: resource["scope"] == "Namespaced",
        verbs: verbs(resource),
        subresources: subresources.collect(),
    }
}

/// An `APIGroup`.
fn plain(group: &Value) -> Option<Group> {
    let versions = list(group, "versions").filter_map(|version| version.get("version")?.as_str());
    Some(Group {
        name: group.get("name")?.as_str()?.to_owned(),
        versions: versions.map(Version::unknown).collect(),
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

    fn deployments() -> Resource {
        let scale = Subresource {
            name: "scale".to_owned(),
            kind: "Scale".to_owned(),
            verbs: vec!["patch".to_owned()],
        };
        Resource {
            name: "deployments".to_owned(),
            kind: "Deployment".to_owned(),
            is_namespaced: true,
            verbs: vec!["get".to_owned(), "patch".to_owned()],
            subresources: vec![scale],
        }
    }

    #[test]
    fn both_kinds_of_discovery_say_the_same() {
        let aggregated = json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
            "items": [{"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [{
                "resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced",
                "verbs": ["get", "patch"],
                "subresources": [{"subresource": "scale", "responseKind": {"kind": "Scale"}, "verbs": ["patch"]}],
            }]}]}],
        });
        let api = Api::read(aggregated.to_string().as_bytes()).unwrap();
        let version = api.version("apps", "v1").unwrap();
        assert_eq!(version.resources, Some(vec![deployments()]));

        let groups = json!({"kind": "APIGroupList", "groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}]});
        let api = Api::read(groups.to_string().as_bytes()).unwrap();
        assert_eq!(api.version("apps", "v1").unwrap().resources, None);
        let list = json!({"kind": "APIResourceList", "resources": [
            {"name": "deployments/scale", "kind": "Scale", "namespaced": true, "verbs": ["patch"]},
            {"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": ["get", "patch"]},
            {"name": "lost/status", "kind": "Lost", "namespaced": true, "verbs": []},
        ]});
        assert_eq!(
            resources(list.to_string().as_bytes()),
            Some(vec![deployments()])
        );

        let core = Api::read(br#"{"kind": "APIVersions", "versions": ["v1"]}"#).unwrap();
        assert!(core.version("", "v1").is_some());
    }

    #[test]
    fn what_is_no_discovery_is_none() {
        for body in [
            "",
            "[]",
            "{}",
            "<html>",
            r#"{"kind": 1}"#,
            r#"{"kind": "Status"}"#,
        ] {
            assert_eq!(Api::read(body.as_bytes()), None, "{body}");
            assert_eq!(resources(body.as_bytes()), None, "{body}");
        }
        let odd =
            br#"{"kind": "APIGroupDiscoveryList", "items": [1, {"metadata": {}, "versions": 3}]}"#;
        assert!(Api::read(odd).is_some());
    }
}
