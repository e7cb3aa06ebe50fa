//! What is asked about the object of the line's path, and which namespaces there are.

use super::answer::Candidate;
use super::paths::Wanted;
use super::server::{Server, ago};
use crate::request::RawPath;

/// The namespaces, by name.
pub(super) async fn namespaces(server: &Server) -> Vec<Candidate> {
    let objects = server.namespaces().await.unwrap_or_default();
    let objects = objects.iter();
    objects
        .map(|object| Candidate::new(&*object.name, object.age()))
        .collect()
}

/// The subresources with `verb` of the object at `path`.
pub(super) async fn subresources(
    server: &Server,
    path: &str,
    verb: &str,
) -> Option<Vec<Candidate>> {
    let object = path.parse::<RawPath>().ok()?.resource()?;
    let resources = server.resources(&object.group, &object.version).await?;
    let resource = resources
        .iter()
        .find(|resource| resource.name == object.resource)?;
    let wanted = Wanted {
        verbs: &[verb],
        namespace: None,
    };
    let entries = wanted.subresources(resource).into_iter();
    Some(
        entries
            .map(|entry| Candidate::new(entry.segment, entry.description))
            .collect(),
    )
}

/// Those who manage fields of the object at `path`, the last ones first.
pub(super) async fn field_managers(server: &Server, path: &str) -> Option<Vec<Candidate>> {
    let path: RawPath = path.parse().ok()?;
    let resource = path.resource().filter(|resource| resource.name.is_some())?;
    let path = match &resource.subresource {
        Some(subresource) => path.path().strip_suffix(&format!("/{subresource}"))?,
        None => path.path(),
    };
    let mut managed = server.object(path).await?.managed_fields;
    managed.sort_by(|one, other| other.time.cmp(&one.time));
    let mut candidates: Vec<Candidate> = Vec::new();
    for fields in managed {
        let time = fields.time.as_deref().map(ago).unwrap_or_default();
        let description = format!("{} {time}", fields.operation);
        let candidate = Candidate::new(fields.manager, description.trim_end());
        if !candidates
            .iter()
            .any(|known| known.has_value_of(&candidate))
        {
            candidates.push(candidate);
        }
    }
    Some(candidates)
}
