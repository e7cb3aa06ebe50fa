//! Candidates from objects: namespaces, and the subresources and field managers of one object.

use crate::completion::cached_server::{CachedServer, ago};
use crate::completion::completions::Candidate;
use crate::completion::paths::PathFilter;
use crate::request::RawPath;

/// Lists the namespaces.
pub(super) async fn namespaces(server: &CachedServer) -> Vec<Candidate> {
    let namespaces = server.namespaces().await.unwrap_or_default();
    namespaces
        .iter()
        .map(|namespace| Candidate::new(&*namespace.name, namespace.age()))
        .collect()
}

/// Lists the subresources of the object at `path` that support a verb.
pub(super) async fn subresources(
    server: &CachedServer,
    path: &str,
    verb: &str,
) -> Option<Vec<Candidate>> {
    let object = path.parse::<RawPath>().ok()?.resource()?;
    let resources = server.resources(&object.group, &object.version).await?;
    let resource = resources
        .iter()
        .find(|resource| resource.name == object.resource)?;
    let filter = PathFilter {
        verbs: &[verb],
        namespace: None,
    };
    let subresources = filter.subresources(resource).into_iter();
    Some(
        subresources
            .map(|segment| Candidate::new(segment.text, segment.description))
            .collect(),
    )
}

/// Lists the field managers of the object at `path`, the most recent first.
pub(super) async fn field_managers(server: &CachedServer, path: &str) -> Option<Vec<Candidate>> {
    let path: RawPath = path.parse().ok()?;
    let resource = path.resource().filter(|resource| resource.name.is_some())?;
    let path = match &resource.subresource {
        Some(subresource) => path.path().strip_suffix(&format!("/{subresource}"))?,
        None => path.path(),
    };
    let mut entries = server.object(path).await?.managed_fields;
    entries.sort_by(|left, right| right.time.cmp(&left.time));
    let mut candidates: Vec<Candidate> = Vec::new();
    for entry in entries {
        let time = entry.time.as_deref().map(ago).unwrap_or_default();
        let description = format!("{} {time}", entry.operation);
        let candidate = Candidate::new(entry.manager, description.trim_end());
        if !candidates
            .iter()
            .any(|present| present.has_value_of(&candidate))
        {
            candidates.push(candidate);
        }
    }
    Some(candidates)
}
