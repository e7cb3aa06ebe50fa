//! The segments that discovery lists, filtered by verb.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::discovery::documents::{ApiGroup, ApiResource, ApiVersion, Discovery};

/// The characters of a name that are percent-encoded, because they may have a meaning in a path or
/// a shell.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b':')
    .remove(b'@');

/// The verbs for whole collections.
const COLLECTION_VERBS: [&str; 4] = ["create", "deletecollection", "list", "watch"];
/// The verbs for single objects.
const OBJECT_VERBS: [&str; 5] = ["delete", "get", "patch", "update", "watch"];

/// The maximum number of kinds in the description of a version.
const KINDS_IN_DESCRIPTION: usize = 4;

/// A segment of a path.
pub(crate) struct Segment {
    /// The segment in percent-encoding.
    pub(crate) text: String,
    pub(crate) role: Role,
    pub(crate) description: String,
}

/// The role of a segment: whether a path may end with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// More segments must follow.
    Parent,
    /// The path may end or continue here, with equal likelihood.
    Both,
    /// The path may continue here, but usually ends.
    MostlyPath,
    /// The path ends here.
    Path,
}

/// The criteria for the paths that are offered.
pub(crate) struct PathFilter<'a> {
    /// RBAC verbs. A path supports at least one of them.
    pub(crate) verbs: &'a [&'a str],
    /// The only namespace, if the command line names one.
    pub(crate) namespace: Option<&'a str>,
}

impl Segment {
    pub(crate) fn new(name: &str, role: Role, description: impl Into<String>) -> Self {
        Self {
            text: utf8_percent_encode(name, ENCODED).to_string(),
            role,
            description: description.into(),
        }
    }
}

/// Returns the first segments of all API paths.
pub(crate) fn roots() -> Vec<Segment> {
    vec![
        Segment::new("api", Role::Parent, "the core group"),
        Segment::new("apis", Role::Parent, "all other groups"),
    ]
}

impl PathFilter<'_> {
    /// Returns the groups below `/apis`.
    pub(crate) fn groups(&self, discovery: &Discovery) -> Vec<Segment> {
        let named = discovery
            .groups
            .iter()
            .filter(|group| !group.name.is_empty());
        let segment = |group: &ApiGroup| {
            let versions = group.versions.iter();
            let names: Vec<_> = versions
                .filter(|version| self.includes_version(version))
                .map(|version| version.name.as_str())
                .collect();
            (!names.is_empty()).then(|| Segment::new(&group.name, Role::Parent, names.join(", ")))
        };
        named.filter_map(segment).collect()
    }

    /// Returns the versions of a group.
    pub(crate) fn versions(&self, discovery: &Discovery, group: &str) -> Vec<Segment> {
        let groups = discovery.groups.iter();
        let versions = groups
            .filter(|candidate| candidate.name == group)
            .flat_map(|group| &group.versions);
        let segment = |version: &ApiVersion| {
            let resources = version.resources.iter().flatten();
            let mut kinds = resources
                .filter(|resource| self.includes_resource(resource))
                .map(|resource| resource.kind.as_str());
            let mut shown: Vec<_> = kinds.by_ref().take(KINDS_IN_DESCRIPTION).collect();
            shown.extend(kinds.next().map(|_| "…"));
            Segment::new(&version.name, Role::Parent, shown.join(", "))
        };
        versions
            .filter(|version| self.includes_version(version))
            .map(segment)
            .collect()
    }

    /// Returns the segments after a version: resources without a namespace, `namespaces`, and the
    /// collections across all namespaces.
    pub(crate) fn below_version(&self, resources: &[ApiResource]) -> Vec<Segment> {
        let (namespaced, others): (Vec<_>, Vec<_>) = resources
            .iter()
            .filter(|resource| self.includes_resource(resource))
            .partition(|resource| resource.is_namespaced);
        let mut segments = self.collections(others);
        if self.namespace.is_none() {
            let across_namespaces = namespaced
                .iter()
                .filter(|resource| self.supports(resource, &COLLECTION_VERBS));
            segments.extend(across_namespaces.map(|resource| {
                let description = format!("{} in all namespaces", resource.kind);
                Segment::new(&resource.name, Role::Path, description)
            }));
        }
        // In the core group, `namespaces` is one of the resources.
        let is_present = segments.iter().any(|segment| segment.text == "namespaces");
        if !namespaced.is_empty() && !is_present {
            segments.push(Segment::new("namespaces", Role::Parent, "one namespace"));
        }
        segments
    }

    /// Returns the collections of resources.
    pub(crate) fn collections<'a>(
        &self,
        resources: impl IntoIterator<Item = &'a ApiResource>,
    ) -> Vec<Segment> {
        let segment = |resource: &'a ApiResource| {
            let is_path = self.supports(resource, &COLLECTION_VERBS);
            let role = match (is_path, self.role_of_objects(resource).is_some()) {
                (true, true) => Role::Both,
                (true, false) => Role::Path,
                (false, true) => Role::Parent,
                (false, false) => return None,
            };
            Some(Segment::new(&resource.name, role, &*resource.kind))
        };
        resources.into_iter().filter_map(segment).collect()
    }

    /// Returns the role of a resource's objects, or `None` if they are not offered.
    pub(crate) fn role_of_objects(&self, resource: &ApiResource) -> Option<Role> {
        let is_path = self.supports(resource, &OBJECT_VERBS);
        match (is_path, self.includes_subresources(resource)) {
            (true, true) => Some(Role::MostlyPath),
            (true, false) => Some(Role::Path),
            (false, true) => Some(Role::Parent),
            (false, false) => None,
        }
    }

    /// Returns the subresources of a resource.
    pub(crate) fn subresources(&self, resource: &ApiResource) -> Vec<Segment> {
        let subresources = resource.subresources.iter();
        subresources
            .filter(|subresource| self.includes_any_of(&subresource.verbs))
            .map(|subresource| Segment::new(&subresource.name, Role::Path, &*subresource.kind))
            .collect()
    }

    /// Reports whether a version may have a path to offer. If its resources are unknown, it may.
    fn includes_version(&self, version: &ApiVersion) -> bool {
        let resources = version.resources.as_ref();
        resources.is_none_or(|resources| {
            resources
                .iter()
                .any(|resource| self.includes_resource(resource))
        })
    }

    fn includes_resource(&self, resource: &ApiResource) -> bool {
        self.includes_any_of(&resource.verbs) || self.includes_subresources(resource)
    }

    fn includes_subresources(&self, resource: &ApiResource) -> bool {
        resource
            .subresources
            .iter()
            .any(|subresource| self.includes_any_of(&subresource.verbs))
    }

    fn includes_any_of(&self, verbs: &[String]) -> bool {
        self.verbs
            .iter()
            .any(|included| verbs.iter().any(|verb| verb == included))
    }

    /// Reports whether a resource supports one of the filter's verbs that is also in `applicable`.
    fn supports(&self, resource: &ApiResource, applicable: &[&str]) -> bool {
        let mut included = self.verbs.iter().filter(|verb| applicable.contains(verb));
        included.any(|included| resource.verbs.iter().any(|verb| verb == included))
    }
}
