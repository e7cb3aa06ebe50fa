//! Completes API paths, one segment at a time. `segments` filters the segments that discovery
//! lists.
//!
//! Only useful paths are offered: those for which the server supports one of the verbs, according
//! to discovery.

mod segments;

use percent_encoding::percent_decode_str;

use crate::completion::cached_server::CachedServer;
use crate::completion::completions::{Candidate, Completions};
use crate::discovery::documents::ApiResource;
use segments::{Role, Segment, roots};

pub(super) use segments::PathFilter;

/// Completes the last segment of `typed`.
pub(super) async fn complete(
    server: &CachedServer,
    typed: &str,
    filter: &PathFilter<'_>,
) -> Completions {
    let typed = if typed.is_empty() { "/" } else { typed };
    let Some((parent, start)) = typed.rsplit_once('/').filter(|_| !typed.contains('?')) else {
        return Completions::default();
    };
    loop {
        let segments = filter.segments_below(server, parent).await;
        let mut segments = segments.unwrap_or_default();
        segments.retain(|segment| segment.text.starts_with(start));
        // A name that is not in the cache may be new.
        if !segments.is_empty() || !server.refresh() {
            return completions(parent, start, segments);
        }
    }
}

/// Appends each segment to `parent`. A path that may end or continue here is offered with and
/// without a slash, once no other segment matches.
fn completions(parent: &str, typed: &str, segments: Vec<Segment>) -> Completions {
    let is_only_one = segments.len() == 1;
    let leads_further = |segment: &Segment| matches!(segment.role, Role::Parent | Role::Both);
    let mut completions = Completions {
        no_space: segments.iter().any(leads_further),
        ..Completions::default()
    };
    for segment in segments {
        let path = format!("{parent}/{}", segment.text);
        let is_typed = segment.text == typed;
        let with_slash = match segment.role {
            Role::Parent => true,
            Role::Both => is_only_one || is_typed,
            Role::MostlyPath => is_typed,
            Role::Path => false,
        };
        let mut offer = |path| {
            completions
                .candidates
                .push(Candidate::new(path, &*segment.description));
        };
        if segment.role != Role::Parent {
            offer(path.clone());
        }
        if with_slash {
            offer(path + "/");
        }
    }
    completions
}

impl PathFilter<'_> {
    /// Returns the segments that may follow `parent`, a path without its last slash.
    async fn segments_below(&self, server: &CachedServer, parent: &str) -> Option<Vec<Segment>> {
        let segments: Vec<&str> = parent.split('/').skip(1).collect();
        let (group, version, rest) = match segments.as_slice() {
            [] => return Some(roots()),
            ["api"] => return Some(self.versions(&server.discovery().await?, "")),
            ["apis"] => return Some(self.groups(&server.discovery().await?)),
            ["apis", group] => return Some(self.versions(&server.discovery().await?, group)),
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let resources = server.resources(group, version).await?;
        let find = |segment, is_namespaced| {
            find(&resources, segment).filter(|resource| resource.is_namespaced == is_namespaced)
        };
        // In the core group, `/api/v1/namespaces/NAME` is an object too.
        let namespaces = find("namespaces", false).filter(|_| group.is_empty());
        match rest {
            [] => Some(self.below_version(&resources)),
            ["namespaces"] => self.namespaces(server, namespaces).await,
            ["namespaces", _] => {
                let namespaced = resources.iter().filter(|resource| resource.is_namespaced);
                let mut segments = self.collections(namespaced);
                segments.extend(namespaces.into_iter().flat_map(|it| self.subresources(it)));
                Some(segments)
            }
            ["namespaces", _, resource] => {
                self.objects(server, parent, find(resource, true)?).await
            }
            ["namespaces", _, resource, _] => Some(self.subresources(find(resource, true)?)),
            [resource] => self.objects(server, parent, find(resource, false)?).await,
            [resource, _] => Some(self.subresources(find(resource, false)?)),
            _ => None,
        }
    }

    /// Returns the namespaces. `resource` is the resource `namespaces` in the core group.
    async fn namespaces(
        &self,
        server: &CachedServer,
        resource: Option<&ApiResource>,
    ) -> Option<Vec<Segment>> {
        let role = match resource.and_then(|resource| self.role_of_objects(resource)) {
            Some(Role::MostlyPath | Role::Path) => Role::Both,
            _ => Role::Parent,
        };
        if let Some(namespace) = self.namespace {
            return Some(vec![Segment::new(namespace, role, "")]);
        }
        let objects = server.namespaces().await?;
        let segments = objects
            .iter()
            .map(|object| Segment::new(&object.name, role, object.age()));
        Some(segments.collect())
    }

    async fn objects(
        &self,
        server: &CachedServer,
        collection: &str,
        resource: &ApiResource,
    ) -> Option<Vec<Segment>> {
        let role = self.role_of_objects(resource)?;
        let objects = server.objects(collection).await?;
        let segments = objects
            .iter()
            .map(|object| Segment::new(&object.name, role, object.age()));
        Some(segments.collect())
    }
}

fn find<'a>(resources: &'a [ApiResource], segment: &str) -> Option<&'a ApiResource> {
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    resources.iter().find(|resource| resource.name == name)
}
