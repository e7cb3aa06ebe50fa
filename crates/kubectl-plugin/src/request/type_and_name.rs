//! Finds the path of a resource that is written as for other kubectl commands: `deployment sleep`,
//! `deploy/sleep`, `deployments.apps sleep`.

use crate::Error;
use crate::request::api_version_path;
use crate::text::nearest::nearest;

/// The resources of a server without extensions, as `kubectl api-resources --no-headers` prints them.
/// `tests/rawpatch/through_kubectl.rs` compares them with a real server.
const BUILT_IN: &str = include_str!("built_in_resources.txt");

/// The kubectl commands that a user may repeat after the name of a plugin.
const COMMANDS: [&str; 6] = ["apply", "get", "list", "patch", "wait", "watch"];

/// A resource that every server has.
pub(crate) struct BuiltIn {
    pub(crate) plural: &'static str,
    /// Comma-separated; may be empty.
    short_names: &'static str,
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) is_namespaced: bool,
    /// The kind in lower case.
    singular: String,
}

/// A type and, optionally, the name of an object, as kubectl reads them.
struct TypeAndName<'a> {
    resource: &'a str,
    name: Option<&'a str>,
}

/// Reports whether a word of the command line is meant as a path, or as the URL of one.
pub fn is_path(word: &str) -> bool {
    word.starts_with('/') || word.contains("://")
}

/// Returns the error for `words` that name a resource as for other kubectl commands, with the path
/// of the resource as the hint. Returns `None` for other words.
///
/// The hint quotes no word that may be a secret: only resource types, and names of objects whose
/// type is built in.
pub fn expected_a_path(words: &[&str], namespace: impl FnOnce() -> String) -> Option<Error> {
    let given = TypeAndName::from_words(words)?;
    let description = match given.name {
        Some(_) => "a resource type and a name",
        None => "a resource type",
    };
    let hint = match built_in(given.resource) {
        Some(built_in) => built_in.hint(given.name, &namespace()),
        None if given.name.is_none() => return None,
        None => given.hint_for_custom_type(),
    };
    let message = format!("expected an API path, but got {description}");
    Some(Error::usage(message).with_hint(hint))
}

impl<'a> TypeAndName<'a> {
    fn from_words(words: &[&'a str]) -> Option<Self> {
        let words = match words {
            [first, rest @ ..] if COMMANDS.contains(first) => rest,
            words => words,
        };
        let (resource, name) = match words {
            [] => return None,
            [first, ..] if first.contains('/') => {
                let (resource, name) = first.split_once('/')?;
                (resource, Some(name))
            }
            [first] => (*first, None),
            [first, second, ..] => (*first, Some(*second)),
        };
        // kubectl accepts several types, separated by commas.
        let resource = resource.split(',').next().unwrap_or_default();
        let is_type =
            |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|it| is_type(it) || it == ':');
        let fits = resource.starts_with(|first: char| first.is_ascii_alphabetic())
            && resource.chars().all(is_type)
            && name.is_none_or(is_name);
        fits.then_some(Self { resource, name })
    }

    fn hint_for_custom_type(&self) -> String {
        let is_word = self
            .resource
            .chars()
            .all(|it| it.is_ascii_lowercase() || ".-".contains(it));
        let resource = if is_word { self.resource } else { "TYPE" };
        let hint = format!("`kubectl get {resource} NAME -v 6` shows the path in its last lines");
        let names: Vec<_> = built_in_resources()
            .flat_map(|built_in| [built_in.plural.to_owned(), built_in.singular])
            .collect();
        match nearest(resource, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? {hint}"),
            None => hint,
        }
    }
}

impl BuiltIn {
    /// Parses a line of [`BUILT_IN`].
    fn from_line(line: &'static str) -> Option<Self> {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (plural, short_names, api_version, is_namespaced, kind) = match columns.as_slice() {
            [plural, api_version, is_namespaced, kind] => {
                (plural, "", api_version, is_namespaced, kind)
            }
            [plural, short_names, api_version, is_namespaced, kind] => {
                (plural, *short_names, api_version, is_namespaced, kind)
            }
            _ => return None,
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Some(Self {
            plural,
            short_names,
            group,
            version,
            is_namespaced: *is_namespaced == "true",
            singular: kind.to_lowercase(),
        })
    }

    /// Reports whether kubectl accepts `name` for this resource: its plural, singular or short name,
    /// alone or with a group, or with a version and a group.
    fn has_name(&self, name: &str) -> bool {
        let (name, suffix) = name.split_once('.').unwrap_or((name, ""));
        let fits = name == self.plural
            || name == self.singular
            || self.short_names.split(',').any(|short| short == name);
        fits && (suffix.is_empty()
            || self.group.starts_with(suffix)
            || suffix == self.version
            || suffix.strip_prefix(self.version) == Some(&format!(".{}", self.group)))
    }

    /// Returns the path of the version, without a slash at its end.
    pub(crate) fn root(&self) -> String {
        api_version_path(self.group, self.version)
    }

    fn hint(&self, name: Option<&str>, namespace: &str) -> String {
        let root = self.root();
        let plural = self.plural;
        let scope = if self.is_namespaced {
            format!("/namespaces/{namespace}")
        } else {
            String::new()
        };
        match name {
            Some(name) => format!("use {root}{scope}/{plural}/{name}"),
            None if self.is_namespaced => format!(
                "use {root}{scope}/{plural}/NAME for one object, {root}{scope}/{plural} for one \
                 namespace, or {root}/{plural} for all"
            ),
            None => format!("use {root}/{plural}/NAME for one object, or {root}/{plural} for all"),
        }
    }
}

/// Finds a built-in resource by any name that kubectl accepts.
pub(crate) fn built_in(name: &str) -> Option<BuiltIn> {
    let name = name.to_lowercase();
    built_in_resources().find(|built_in| built_in.has_name(&name))
}

fn built_in_resources() -> impl Iterator<Item = BuiltIn> {
    BUILT_IN.lines().filter_map(BuiltIn::from_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(words: &str) -> Option<String> {
        let words: Vec<_> = words.split(' ').collect();
        let error = expected_a_path(&words, || "shop".to_owned())?;
        assert_eq!(error.exit_code(), 2);
        error.hint().map(str::to_owned)
    }

    #[test]
    fn a_built_in_type_gets_its_path() {
        let sleep = "use /apis/apps/v1/namespaces/shop/deployments/sleep";
        for words in [
            "deployment sleep",
            "deployments sleep",
            "deploy sleep",
            "Deployment sleep",
            "deployments.apps sleep",
            "deployments.v1.apps sleep",
            "deployment/sleep",
            "deployments.apps/sleep",
            "deploy/sleep svc/web",
            "deploy,svc sleep",
            "patch deployment sleep",
            "get deploy/sleep",
        ] {
            assert_eq!(hint(words).as_deref(), Some(sleep), "{words}");
        }
        for (words, path) in [
            ("node worker-1", "/api/v1/nodes/worker-1"),
            ("ns shop", "/api/v1/namespaces/shop"),
            (
                "ing web",
                "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web",
            ),
            (
                "clusterrole system:node",
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
            ),
            (
                "events.events.k8s.io e",
                "/apis/events.k8s.io/v1/namespaces/shop/events/e",
            ),
        ] {
            assert_eq!(hint(words), Some(format!("use {path}")), "{words}");
        }
    }

    #[test]
    fn a_type_without_a_name_gets_the_paths_of_its_collections() {
        assert_eq!(
            hint("pods").as_deref(),
            Some(
                "use /api/v1/namespaces/shop/pods/NAME for one object, \
                 /api/v1/namespaces/shop/pods for one namespace, or /api/v1/pods for all"
            )
        );
        assert_eq!(
            hint("nodes").as_deref(),
            Some("use /api/v1/nodes/NAME for one object, or /api/v1/nodes for all")
        );
    }

    #[test]
    fn a_custom_type_gets_a_command_that_shows_its_path() {
        let shown = |resource| {
            Some(format!(
                "`kubectl get {resource} NAME -v 6` shows the path in its last lines"
            ))
        };
        assert_eq!(hint("widgets.example.com w"), shown("widgets.example.com"));
        assert_eq!(hint("virtualservice/web"), shown("virtualservice"));
        // It could be a token.
        assert_eq!(hint("abcdef.0123456789abcdef x"), shown("TYPE"));
        assert_eq!(
            hint("stateful-set db"),
            shown("stateful-set").map(|hint| format!("did you mean `statefulset`? {hint}"))
        );
    }

    #[test]
    fn other_words_are_not_explained() {
        for words in [
            "widgets",
            "{replicas: 6}}",
            "=x y",
            "",
            "pods {\"a\":1}",
            "a b=c",
        ] {
            assert_eq!(hint(words), None, "{words}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(built_in_resources().count(), BUILT_IN.lines().count());
    }
}
