//! Explains why a server does not have a path: its resource is misspelt, its namespace is missing or
//! superfluous, or the server no longer serves its version.

use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use kube_core::Status;

use super::documents::{ApiResource, Discovery, resource_list};
use crate::Error;
use crate::api_server::ApiServer;
use crate::request::{
    ApiRequest, BuiltIn, RawPath, Resource, api_version, api_version_path, built_in,
};
use crate::text::nearest::nearest;
use crate::text::shell::quoted;

/// The timeout for all requests. The refusal is only printed afterwards.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The documents for one version or of all groups, without the resources of every group.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Returns a hint for a 404 that says that the server does not have `path`, with the right path if
/// there is one. Returns `None` for other refusals, without sending anything: a missing object has
/// the right path.
///
/// Sends at most two GETs, and returns `None` if they fail.
pub async fn explain_unknown_path(
    server: &ApiServer,
    path: &RawPath,
    refusal: &Status,
) -> Option<String> {
    let names_object = refusal
        .details
        .as_ref()
        .is_some_and(|details| !details.name.is_empty());
    // A name with an escape would need another path.
    if refusal.code != 404 || names_object || path.is_proxied() || path.path().contains('%') {
        return None;
    }
    let path = TypedPath::parse(path)?;
    let explained = tokio::time::timeout(TIMEOUT, path.explain(server));
    explained.await.ok()?
}

/// The path that the user typed, as segments.
struct TypedPath {
    segments: Vec<String>,
    /// The index of the resource in the segments.
    at: usize,
    resource: Resource,
    /// Whether the segments before the resource are a namespace.
    has_namespace: bool,
}

impl TypedPath {
    fn parse(path: &RawPath) -> Option<Self> {
        let resource = path.resource()?;
        let segments = path.path().trim_matches('/').split('/').map(str::to_owned);
        let version_end = if resource.group.is_empty() { 2 } else { 3 };
        let has_namespace = resource.namespace.is_some() && resource.resource != "namespaces";
        Some(Self {
            segments: segments.collect(),
            at: version_end + if has_namespace { 2 } else { 0 },
            resource,
            has_namespace,
        })
    }

    async fn explain(&self, server: &ApiServer) -> Option<String> {
        if let Some(hint) = self.core_group_as_named_group() {
            return Some(hint);
        }
        let Resource { group, version, .. } = &self.resource;
        let version_path = api_version_path(group, version);
        let namespace = &server.target().namespace;
        match get(server, &version_path).await {
            Ok(body) => {
                let resources = resource_list(&body)?;
                if let Some(hint) = self.with_known_version(&resources, namespace) {
                    return Some(hint);
                }
                if resources.iter().any(|it| it.name == self.resource.resource) {
                    return None;
                }
                let hint = || self.without_resource(&resources, namespace);
                let built_in = built_in(&self.resource.resource);
                let Some(built_in) = built_in else {
                    return Some(hint());
                };
                let groups = Discovery::parse(&get(server, "/apis").await.ok()?)?;
                Some(
                    self.in_other_group(&built_in, &groups, namespace)
                        .unwrap_or_else(hint),
                )
            }
            Err(error) if error.is_refusal(404) => {
                let groups = Discovery::parse(&get(server, "/apis").await.ok()?)?;
                self.with_unknown_version(&groups, namespace)
            }
            Err(_) => None,
        }
    }

    /// Explains `/apis/v1/…`.
    fn core_group_as_named_group(&self) -> Option<String> {
        let digits = self.resource.group.strip_prefix('v')?;
        let is_version = digits.starts_with(|digit: char| digit.is_ascii_digit());
        is_version.then(|| {
            let rest = self.segments[1..].join("/");
            format!("the core group is below /api: use /api/{rest}")
        })
    }

    /// Explains a path whose group and version the server has.
    fn with_known_version(&self, resources: &[ApiResource], namespace: &str) -> Option<String> {
        let find = |name: &str| resources.iter().find(|resource| resource.name == name);
        let typed = &self.resource.resource;
        if let Some(resource) = find(typed) {
            let scope = Scope::of(&resource.name, resource.is_namespaced);
            return self
                .with_scope(&scope, namespace)
                .or_else(|| self.without_subresource(resource));
        }
        let lower = typed.to_lowercase();
        let short = built_in(&lower).filter(|built_in| built_in.group == self.resource.group);
        let same = resources.iter().find(|resource| {
            [&resource.name, &resource.kind.to_lowercase()].contains(&&lower)
                || short
                    .as_ref()
                    .is_some_and(|short| short.plural == resource.name)
        });
        if let Some(resource) = same {
            let scope = Scope::of(&resource.name, resource.is_namespaced);
            return Some(self.did_you_mean(&scope, namespace));
        }
        let object = self.resource.name.as_deref().unwrap_or_default();
        if !self.has_namespace && find(object).is_some_and(|resource| resource.is_namespaced) {
            let mut segments = self.segments.clone();
            segments.insert(self.at, "namespaces".to_owned());
            return Some(format!(
                "a namespace follows /namespaces: use {}",
                joined(&segments)
            ));
        }
        None
    }

    /// Explains a path whose resource the version does not have.
    fn without_resource(&self, resources: &[ApiResource], namespace: &str) -> String {
        let Resource {
            group,
            version,
            resource: typed,
            ..
        } = &self.resource;
        let names = || resources.iter().map(|resource| resource.name.as_str());
        let near = nearest(typed, names())
            .and_then(|near| resources.iter().find(|resource| resource.name == near));
        if let Some(near) = near {
            return self.did_you_mean(&Scope::of(&near.name, near.is_namespaced), namespace);
        }
        let name = api_version(group, version);
        let list = format!("kubectl api-resources --api-group={}", quoted(group));
        format!("{name} has no resource `{typed}`; `{list}` lists all resources")
    }

    fn did_you_mean(&self, scope: &Scope<'_>, namespace: &str) -> String {
        let path = self.corrected(scope, namespace);
        format!("did you mean `{}`? use {path}", scope.plural)
    }

    /// Explains a namespace that is missing or superfluous.
    fn with_scope(&self, scope: &Scope<'_>, namespace: &str) -> Option<String> {
        let lacks_namespace = self.resource.name.is_some() && !self.has_namespace;
        let what = match scope.is_namespaced {
            true if lacks_namespace => "are namespaced",
            false if self.has_namespace => "are not namespaced",
            _ => return None,
        };
        let path = self.corrected(scope, namespace);
        Some(format!("{} {what}: use {path}", scope.plural))
    }

    fn without_subresource(&self, resource: &ApiResource) -> Option<String> {
        let typed = self.resource.subresource.as_deref()?;
        let mut names: Vec<&str> = resource
            .subresources
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        if names.contains(&typed) {
            return None;
        }
        names.sort_unstable();
        let only = match names.as_slice() {
            [] => String::new(),
            names => format!(", only {}", names.join(", ")),
        };
        Some(format!(
            "{} have no subresource `{typed}`{only}",
            resource.name
        ))
    }

    /// Explains a path whose version or group the server does not have.
    fn with_unknown_version(&self, groups: &Discovery, namespace: &str) -> Option<String> {
        let Resource { group, version, .. } = &self.resource;
        let with = |changes: &[(usize, &str)]| {
            let mut segments = self.segments.clone();
            for (index, segment) in changes {
                (*segment).clone_into(&mut segments[*index]);
            }
            joined(&segments)
        };
        if group.is_empty() {
            return Some(
                if groups.groups.iter().any(|group| group.name == *version) {
                    format!(
                        "the group {version} is below /apis: use {}",
                        with(&[(0, "apis")])
                    )
                } else {
                    format!("the core group has only v1: use {}", with(&[(1, "v1")]))
                },
            );
        }
        if let Some(found) = groups
            .groups
            .iter()
            .find(|candidate| candidate.name == *group)
        {
            let versions: Vec<&str> = found.versions.iter().map(|it| it.name.as_str()).collect();
            let first = versions
                .first()
                .filter(|_| !versions.contains(&version.as_str()))?;
            let path = with(&[(2, first)]);
            return Some(format!(
                "{group} has only {}: use {path}",
                versions.join(", ")
            ));
        }
        let elsewhere = built_in(&self.resource.resource)
            .and_then(|built_in| self.in_other_group(&built_in, groups, namespace));
        let names = || groups.groups.iter().map(|group| group.name.as_str());
        Some(match (elsewhere, nearest(group, names())) {
            (Some(hint), _) => hint,
            (None, Some(near)) => {
                format!("did you mean the group {near}? use {}", with(&[(1, near)]))
            }
            (None, None) => format!(
                "the server has no API group {group}; `kubectl api-versions` lists all groups"
            ),
        })
    }

    /// Explains a built-in resource in the wrong group.
    fn in_other_group(
        &self,
        built_in: &BuiltIn,
        groups: &Discovery,
        namespace: &str,
    ) -> Option<String> {
        let BuiltIn { group, version, .. } = built_in;
        let is_served = group.is_empty() || groups.version(group, version).is_some();
        let scope = Scope::of(built_in.plural, built_in.is_namespaced);
        let path = self.corrected(&scope, namespace);
        let version_end = if self.resource.group.is_empty() { 2 } else { 3 };
        let rest = path.trim_start_matches('/').split('/').skip(version_end);
        let rest = rest.collect::<Vec<_>>().join("/");
        let name = if group.is_empty() {
            (*version).to_owned()
        } else {
            format!("{group}/{version}")
        };
        is_served.then(|| {
            format!(
                "{} are in {name}: use {}/{rest}",
                built_in.plural,
                built_in.root()
            )
        })
    }

    /// Returns the path with the right name and scope of the resource.
    fn corrected(&self, scope: &Scope<'_>, namespace: &str) -> String {
        let mut segments = self.segments.clone();
        scope.plural.clone_into(&mut segments[self.at]);
        if !scope.is_namespaced && self.has_namespace {
            segments.drain(self.at - 2..self.at);
        } else if scope.is_namespaced && !self.has_namespace && self.resource.name.is_some() {
            let namespace = ["namespaces", namespace].map(str::to_owned);
            segments.splice(self.at..self.at, namespace);
        }
        joined(&segments)
    }
}

/// The name of a resource, and whether its objects have a namespace.
struct Scope<'a> {
    plural: &'a str,
    is_namespaced: bool,
}

impl<'a> Scope<'a> {
    fn of(plural: &'a str, is_namespaced: bool) -> Self {
        Self {
            plural,
            is_namespaced,
        }
    }
}

fn joined(segments: &[String]) -> String {
    format!("/{}", segments.join("/"))
}

async fn get(server: &ApiServer, path: &str) -> Result<Vec<u8>, Error> {
    let request = ApiRequest::get(path.parse()?, HeaderMap::from_iter([(ACCEPT, JSON)]));
    Ok(server.look_up(request).await?.into_body().to_vec())
}
