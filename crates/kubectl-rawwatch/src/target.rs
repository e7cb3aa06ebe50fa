//! Turns a path and its flags into the requests of one watch, without I/O.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::request::{ApiRequest, ExpectedReply, RawPath, Resource};

use crate::args::WatchArgs;
use crate::output::goal::Subject;
use crate::representation::Headers;
use crate::single::SingleObject;
use crate::wire::version;
use crate::wire::version::Version;

/// The parameters that a path may have.
const PARAMETERS: [&str; 7] = [
    "allowWatchBookmarks",
    "fieldSelector",
    "labelSelector",
    "resourceVersion",
    "shardSelector",
    "timeoutSeconds",
    "watch",
];
/// The parameters that apply to both a list and a watch.
const SELECTORS: [&str; 3] = ["fieldSelector", "labelSelector", "shardSelector"];
/// The parameters that rawwatch itself sets, because they control how it reads the initial state.
const RESERVED_PARAMETERS: [&str; 4] = [
    "continue",
    "limit",
    "resourceVersionMatch",
    "sendInitialEvents",
];
/// The page size, as in kubectl.
const PAGE: &str = "500";

/// A collection, or a selection of its objects.
#[derive(Clone, Debug)]
pub(crate) struct WatchTarget {
    /// The path in messages and tags.
    pub(crate) path: String,
    /// The path with its selectors and no other parameters.
    collection: RawPath,
    /// The object, if the path names one.
    pub(crate) single: Option<SingleObject>,
    headers: Headers,
    /// The version after which the watch starts, if the user specifies one.
    pub(crate) resource_version: Option<Version>,
    /// The timeout of the run, if the path has one.
    pub(crate) timeout: Option<Duration>,
    /// Whether the server's messages may contain credentials.
    pub(crate) is_secret: bool,
    /// The objects that the path names, for messages.
    pub(crate) subject: Subject,
    /// A note for the user.
    pub(crate) note: Option<String>,
}

impl WatchTarget {
    /// Checks everything that can be checked without the server.
    pub(crate) fn new(
        path: RawPath,
        arguments: &WatchArgs,
        headers: Headers,
    ) -> Result<Self, Error> {
        check_parameters(&path)?;
        let given = with_flags(path, arguments)?;
        let (mut collection, resource) = collection(&given)?;
        let mut note = None;
        if let Some(name) = &resource.name {
            let of_name = format!("metadata.name={name}");
            let selector = match given.parameter("fieldSelector") {
                Some(more) => format!("{of_name},{more}"),
                None => of_name.clone(),
            };
            collection.add_default("fieldSelector", &selector);
            note = Some(format!(
                "rawwatch: {} is a single object: watching {} with fieldSelector={of_name}",
                given.path(),
                collection.path(),
            ));
        }
        for selector in SELECTORS {
            if let Some(value) = given.parameter(selector) {
                collection.add_default(selector, &value);
            }
        }
        Ok(Self {
            path: given.path().to_owned(),
            collection,
            single: match &resource.name {
                Some(name) => {
                    let path = RawPath::verbatim(given.path())?;
                    Some(SingleObject::new(path, name.clone()))
                }
                None => None,
            },
            headers,
            resource_version: resource_version(&given)?,
            timeout: timeout(&given)?,
            is_secret: resource.is_secret(),
            subject: Subject {
                has_namespace: resource.namespace.is_some(),
                is_secret: resource.is_secret(),
                resource: resource.resource,
                name: resource.name,
            },
            note,
        })
    }

    /// Returns the path with its selectors.
    pub(crate) fn selection(&self) -> String {
        self.collection.to_string()
    }

    /// Builds a LIST of one page, or of the whole collection.
    pub(crate) fn list(&self, token: &str, metadata_only: bool, whole: bool) -> ApiRequest {
        let mut path = self.collection.clone();
        if !whole {
            path.add_default("limit", PAGE);
        }
        if !token.is_empty() {
            path.add_default("continue", token);
        }
        if !metadata_only && let Some(include_object) = self.headers.representation.include_object()
        {
            path.add_default("includeObject", include_object);
        }
        ApiRequest::get(path, self.headers.list(metadata_only))
    }

    /// Builds a LIST of one page without content, at a version if there is one.
    pub(crate) fn audit(&self, token: &str, at: Option<&Version>) -> ApiRequest {
        let mut path = self.collection.clone();
        path.add_default("limit", PAGE);
        if !token.is_empty() {
            path.add_default("continue", token);
        }
        if let Some(at) = at {
            path.add_default("resourceVersion", &at.to_string());
            path.add_default("resourceVersionMatch", "Exact");
        }
        ApiRequest::get(path, self.headers.list(true))
    }

    /// Builds a GET of the object that the path names.
    pub(crate) fn get(&self, single: &SingleObject, metadata_only: bool) -> ApiRequest {
        let mut path = single.path.clone();
        if !metadata_only && let Some(include_object) = self.headers.representation.include_object()
        {
            path.add_default("includeObject", include_object);
        }
        ApiRequest {
            expected: ExpectedReply::Object,
            ..ApiRequest::get(path, self.headers.object(metadata_only))
        }
    }

    /// Builds a LIST that returns the server's current version.
    pub(crate) fn probe(&self) -> ApiRequest {
        let mut path = self.collection.clone();
        path.add_default("limit", "1");
        ApiRequest::get(path, self.headers.list(true))
    }

    /// Builds the watch of the events after a version.
    pub(crate) fn watch(&self, from: &Version, timeout: Duration) -> ApiRequest {
        let mut path = self.collection.clone();
        path.add_default("watch", "1");
        path.add_default("allowWatchBookmarks", "true");
        path.add_default("timeoutSeconds", &timeout.as_secs().to_string());
        path.add_default("resourceVersion", &from.to_string());
        if let Some(include_object) = self.headers.representation.include_object() {
            path.add_default("includeObject", include_object);
        }
        ApiRequest::get(path, self.headers.watch())
    }
}

/// Refuses unknown parameters, and parameters that rawwatch itself sets.
fn check_parameters(path: &RawPath) -> Result<(), Error> {
    for name in RESERVED_PARAMETERS {
        if path.parameter(name).is_some() {
            return Err(Error::usage(format!(
                "PATH has the parameter `{name}`, which rawwatch sets itself"
            ))
            .with_hint(format!("remove `{name}` from PATH")));
        }
    }
    path.check_parameters(&PARAMETERS)?;
    if let Some("0" | "f" | "F" | "false" | "FALSE" | "False") = path.parameter("watch").as_deref()
    {
        return Err(
            Error::usage("PATH has `watch=false`, but rawwatch always watches")
                .with_hint("remove `watch=false` from PATH"),
        );
    }
    Ok(())
}

/// Adds the parameters of the flags, and checks `--namespace`.
fn with_flags(mut path: RawPath, arguments: &WatchArgs) -> Result<RawPath, Error> {
    if let Some(namespace) = arguments.connection.namespace() {
        path.check_namespace(namespace)?;
    }
    for (name, flag, value) in [
        ("labelSelector", "--selector", &arguments.selector),
        (
            "fieldSelector",
            "--field-selector",
            &arguments.field_selector,
        ),
        (
            "resourceVersion",
            "--resource-version",
            &arguments.resource_version,
        ),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            path.add_parameter(name, value, flag)?;
        }
    }
    Ok(path)
}

/// Returns the path of the collection, and the parts of the path given.
fn collection(path: &RawPath) -> Result<(RawPath, Resource), Error> {
    let Some(resource) = path.resource() else {
        return Err(
            Error::usage("PATH is neither a collection nor an object").with_hint(
                "use a path such as /api/v1/namespaces/default/pods or /apis/apps/v1/deployments",
            ),
        );
    };
    if let Some(subresource) = &resource.subresource {
        let suffix = format!("/{subresource}");
        let object = path.path().rsplit_once(&suffix);
        let object = object.map_or(path.path(), |(object, _)| object);
        return Err(Error::usage(format!(
            "PATH ends in the subresource `{subresource}`, which cannot be watched"
        ))
        .with_hint(format!("watch the object itself: {object}")));
    }
    let end = match resource.name {
        Some(_) => path.path().rfind('/').unwrap_or_default(),
        None => path.path().len(),
    };
    Ok((RawPath::verbatim(&path.path()[..end])?, resource))
}

/// Returns the version to start after. An empty version or 0 returns `None`: the watch then begins
/// with the current state.
fn resource_version(path: &RawPath) -> Result<Option<Version>, Error> {
    match path.parameter("resourceVersion").as_deref() {
        None | Some("" | "0") => Ok(None),
        Some(text) if version::is_number(text) => Ok(Some(Version::new(text))),
        Some(text) => Err(Error::usage(format!("invalid resource version {text:?}"))
            .with_hint("use the metadata.resourceVersion of a list or an object")),
    }
}

fn timeout(path: &RawPath) -> Result<Option<Duration>, Error> {
    let Some(text) = path.parameter("timeoutSeconds") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(Error::usage(format!(
            "PATH has `timeoutSeconds={text}`, which is not a positive number of seconds"
        ))
        .with_hint("use a positive number, such as timeoutSeconds=30")),
    }
}
