//! API paths, one segment at a time.
//!
//! What is offered leads to something that the server does the wanted verb to, by its own discovery:
//! for `patch` to objects and subresources that can be patched, for `watch` to collections too.

mod segments;

use percent_encoding::percent_decode_str;

use super::answer::{Answer, Candidate};
use super::api::Resource;
use super::server::Server;
use segments::{Entry, Role, roots};

pub(super) use segments::Wanted;

/// The paths that begin with `typed` and are one segment longer.
pub(super) async fn answer(server: &Server, typed: &str, wanted: &Wanted<'_>) -> Answer {
    let typed = if typed.is_empty() { "/" } else { typed };
    let Some((folder, segment)) = typed.rsplit_once('/').filter(|_| !typed.contains('?')) else {
        return Answer::default();
    };
    loop {
        let mut entries = wanted.below(server, folder).await.unwrap_or_default();
        entries.retain(|entry| entry.segment.starts_with(segment));
        // What is not there may be new.
        if !entries.is_empty() || !server.refresh() {
            return candidates(folder, segment, entries);
        }
    }
}

/// What is typed and one segment, as a shell takes it. Where a path both ends and goes on, both
/// ways are offered once there is no other choice.
fn candidates(folder: &str, typed: &str, entries: Vec<Entry>) -> Answer {
    let is_alone = entries.len() == 1;
    let goes_on = |entry: &Entry| matches!(entry.role, Role::Folder | Role::Both);
    let mut answer = Answer {
        goes_on: entries.iter().any(goes_on),
        ..Answer::default()
    };
    for entry in entries {
        let path = format!("{folder}/{}", entry.segment);
        let is_typed = entry.segment == typed;
        let is_way = match entry.role {
            Role::Folder => true,
            Role::Both => is_alone || is_typed,
            Role::MostlyEnd => is_typed,
            Role::End => false,
        };
        let mut offer = |path| {
            answer
                .candidates
                .push(Candidate::new(path, &*entry.description));
        };
        if entry.role != Role::Folder {
            offer(path.clone());
        }
        if is_way {
            offer(path + "/");
        }
    }
    answer
}

impl Wanted<'_> {
    /// What may follow `folder`, a path without the slash at its end.
    async fn below(&self, server: &Server, folder: &str) -> Option<Vec<Entry>> {
        let segments: Vec<&str> = folder.split('/').skip(1).collect();
        let (group, version, rest) = match segments.as_slice() {
            [] => return Some(roots()),
            ["api"] => return Some(self.versions(&server.api().await?, "")),
            ["apis"] => return Some(self.groups(&server.api().await?)),
            ["apis", group] => return Some(self.versions(&server.api().await?, group)),
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let resources = server.resources(group, version).await?;
        let find = |segment, is_namespaced| {
            find(&resources, segment).filter(|resource| resource.is_namespaced == is_namespaced)
        };
        // In the core group a namespace is an object, and its resource there is the other way to it.
        let namespaces = find("namespaces", false).filter(|_| group.is_empty());
        match rest {
            [] => Some(self.top(&resources)),
            ["namespaces"] => self.namespaces(server, namespaces).await,
            ["namespaces", _] => {
                let mut entries = self.collections(resources.iter().filter(|it| it.is_namespaced));
                entries.extend(namespaces.into_iter().flat_map(|it| self.subresources(it)));
                Some(entries)
            }
            ["namespaces", _, resource] => {
                self.objects(server, folder, find(resource, true)?).await
            }
            ["namespaces", _, resource, _] => Some(self.subresources(find(resource, true)?)),
            [resource] => self.objects(server, folder, find(resource, false)?).await,
            [resource, _] => Some(self.subresources(find(resource, false)?)),
            _ => None,
        }
    }

    /// The namespaces, as the way to what is in them, and where there is their resource as objects.
    async fn namespaces(&self, server: &Server, resource: Option<&Resource>) -> Option<Vec<Entry>> {
        let role = match resource.and_then(|resource| self.role_of_objects(resource)) {
            Some(Role::MostlyEnd | Role::End) => Role::Both,
            _ => Role::Folder,
        };
        if let Some(namespace) = self.namespace {
            return Some(vec![Entry::new(namespace, role, "")]);
        }
        let objects = server.namespaces().await?;
        let objects = objects.iter();
        Some(
            objects
                .map(|object| Entry::new(&object.name, role, object.age()))
                .collect(),
        )
    }

    async fn objects(
        &self,
        server: &Server,
        collection: &str,
        resource: &Resource,
    ) -> Option<Vec<Entry>> {
        let role = self.role_of_objects(resource)?;
        let objects = server.names(collection).await?;
        let objects = objects.iter();
        Some(
            objects
                .map(|object| Entry::new(&object.name, role, object.age()))
                .collect(),
        )
    }
}

fn find<'a>(resources: &'a [Resource], segment: &str) -> Option<&'a Resource> {
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    resources.iter().find(|resource| resource.name == name)
}
