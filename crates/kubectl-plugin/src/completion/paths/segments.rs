//! The segments that discovery knows: which of them lead to what is wanted, and what each one is.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::completion::api::{Api, Group, Resource, Version};

/// What of a name is written with a `%`: whatever else a shell or a path may take for something.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b':')
    .remove(b'@');

/// What is done to whole collections.
const OF_COLLECTIONS: [&str; 4] = ["create", "deletecollection", "list", "watch"];
/// What is done to single objects.
const OF_OBJECTS: [&str; 5] = ["delete", "get", "patch", "update", "watch"];

/// How many kinds describe a version.
const KINDS: usize = 4;

/// A segment that may follow.
pub(crate) struct Entry {
    /// As it is sent.
    pub(crate) segment: String,
    pub(crate) role: Role,
    pub(crate) description: String,
}

/// What a path is that ends with a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The way to something.
    Folder,
    /// A whole path, and as often the way to something below.
    Both,
    /// A whole path in most cases, with something below.
    MostlyEnd,
    /// A whole path.
    End,
}

/// What is wanted.
pub(crate) struct Wanted<'a> {
    /// What is to be done to it, one or another of them, as RBAC names them.
    pub(crate) verbs: &'a [&'a str],
    /// The namespace that the line is about, if it says so.
    pub(crate) namespace: Option<&'a str>,
}

impl Entry {
    pub(crate) fn new(name: &str, role: Role, description: impl Into<String>) -> Self {
        Self {
            segment: utf8_percent_encode(name, ENCODED).to_string(),
            role,
            description: description.into(),
        }
    }
}

/// What every API path begins with.
pub(crate) fn roots() -> Vec<Entry> {
    vec![
        Entry::new("api", Role::Folder, "the core group"),
        Entry::new("apis", Role::Folder, "all other groups"),
    ]
}

impl Wanted<'_> {
    pub(crate) fn groups(&self, api: &Api) -> Vec<Entry> {
        let groups = api.groups.iter().filter(|group| !group.name.is_empty());
        let entry = |group: &Group| {
            let versions = group.versions.iter().filter(|version| self.is_in(version));
            let versions: Vec<_> = versions.map(|version| version.name.as_str()).collect();
            (!versions.is_empty())
                .then(|| Entry::new(&group.name, Role::Folder, versions.join(", ")))
        };
        groups.filter_map(entry).collect()
    }

    pub(crate) fn versions(&self, api: &Api, group: &str) -> Vec<Entry> {
        let groups = api.groups.iter().filter(|present| present.name == group);
        let versions = groups.flat_map(|group| &group.versions);
        let entry = |version: &Version| {
            let resources = version.resources.iter().flatten();
            let mut kinds = resources
                .filter(|resource| self.is_for(resource))
                .map(|it| &*it.kind);
            let mut shown: Vec<_> = kinds.by_ref().take(KINDS).collect();
            shown.extend(kinds.next().map(|_| "…"));
            Entry::new(&version.name, Role::Folder, shown.join(", "))
        };
        versions
            .filter(|version| self.is_in(version))
            .map(entry)
            .collect()
    }

    /// What a version has beside and above its namespaces.
    pub(crate) fn top(&self, resources: &[Resource]) -> Vec<Entry> {
        let (namespaced, others): (Vec<_>, Vec<_>) = resources
            .iter()
            .filter(|it| self.is_for(it))
            .partition(|it| it.is_namespaced);
        let mut entries = self.collections(others);
        if self.namespace.is_none() {
            let everywhere = namespaced
                .iter()
                .filter(|it| self.is_wanted(it, &OF_COLLECTIONS));
            entries.extend(everywhere.map(|resource| {
                let description = format!("{} in all namespaces", resource.kind);
                Entry::new(&resource.name, Role::End, description)
            }));
        }
        // In the core group they are a resource themselves.
        let are_there = entries.iter().any(|entry| entry.segment == "namespaces");
        if !namespaced.is_empty() && !are_there {
            entries.push(Entry::new("namespaces", Role::Folder, "one namespace"));
        }
        entries
    }

    pub(crate) fn collections<'a>(
        &self,
        resources: impl IntoIterator<Item = &'a Resource>,
    ) -> Vec<Entry> {
        let entry = |resource: &'a Resource| {
            let is_end = self.is_wanted(resource, &OF_COLLECTIONS);
            let role = match (is_end, self.role_of_objects(resource).is_some()) {
                (true, true) => Role::Both,
                (true, false) => Role::End,
                (false, true) => Role::Folder,
                (false, false) => return None,
            };
            Some(Entry::new(&resource.name, role, &*resource.kind))
        };
        resources.into_iter().filter_map(entry).collect()
    }

    /// What the objects of a resource are; `None` is nothing that is wanted.
    pub(crate) fn role_of_objects(&self, resource: &Resource) -> Option<Role> {
        let is_end = self.is_wanted(resource, &OF_OBJECTS);
        match (is_end, self.has_subresources(resource)) {
            (true, true) => Some(Role::MostlyEnd),
            (true, false) => Some(Role::End),
            (false, true) => Some(Role::Folder),
            (false, false) => None,
        }
    }

    pub(crate) fn subresources(&self, resource: &Resource) -> Vec<Entry> {
        let subresources = resource.subresources.iter();
        subresources
            .filter(|subresource| self.is_in_verbs(&subresource.verbs))
            .map(|subresource| Entry::new(&subresource.name, Role::End, &*subresource.kind))
            .collect()
    }

    /// Whether anything of a version is wanted; what is in it may not be known.
    fn is_in(&self, version: &Version) -> bool {
        let resources = version.resources.as_ref();
        resources.is_none_or(|resources| resources.iter().any(|resource| self.is_for(resource)))
    }

    fn is_for(&self, resource: &Resource) -> bool {
        self.is_in_verbs(&resource.verbs) || self.has_subresources(resource)
    }

    fn has_subresources(&self, resource: &Resource) -> bool {
        resource
            .subresources
            .iter()
            .any(|it| self.is_in_verbs(&it.verbs))
    }

    /// Whether a wanted verb is among those that the server has for something.
    fn is_in_verbs(&self, verbs: &[String]) -> bool {
        self.verbs
            .iter()
            .any(|wanted| verbs.iter().any(|verb| verb == wanted))
    }

    /// Whether the server does a wanted verb of this kind to a resource.
    fn is_wanted(&self, resource: &Resource, kind: &[&str]) -> bool {
        let mut wanted = self.verbs.iter().filter(|verb| kind.contains(verb));
        wanted.any(|wanted| resource.verbs.iter().any(|verb| verb == wanted))
    }
}
