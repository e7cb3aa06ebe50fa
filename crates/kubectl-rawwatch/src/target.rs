//! A path and the flags that are about it → the requests of one watch; no I/O.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::request::{ApiRequest, RawPath};

use crate::args::WatchArgs;
use crate::representation::Headers;
use crate::wire::version::{self, Version};

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
/// Those that are the same for a list and a watch.
const SELECTORS: [&str; 3] = ["fieldSelector", "labelSelector", "shardSelector"];
/// Those that decide how the state is got, which is not the user's to say.
const OURS: [&str; 4] = [
    "continue",
    "limit",
    "resourceVersionMatch",
    "sendInitialEvents",
];
/// How many objects a page has, as for kubectl.
const PAGE: &str = "500";

/// One collection, or a selection of it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As messages and tags name it.
    pub(crate) path: String,
    /// With its selectors, and nothing else in its query.
    collection: RawPath,
    headers: Headers,
    /// Where the watch begins, when the user says so.
    pub(crate) resource_version: Option<Version>,
    /// What the path says about the length of the run.
    pub(crate) timeout: Option<Duration>,
    /// What the server says of it may hold credentials.
    pub(crate) is_secret: bool,
    /// What the user should know.
    pub(crate) note: Option<String>,
}

impl Target {
    /// Checks everything that can be checked here.
    pub(crate) fn new(
        path: RawPath,
        arguments: &WatchArgs,
        headers: Headers,
    ) -> Result<Self, Error> {
        let mut given = path;
        for name in OURS {
            if given.parameter(name).is_some() {
                return Err(Error::usage(format!("PATH has the parameter `{name}`"))
                    .hinted("the initial state is listed here, page by page: leave it out"));
            }
        }
        given.check_parameters(&PARAMETERS)?;
        if let Some("0" | "f" | "F" | "false" | "FALSE" | "False") =
            given.parameter("watch").as_deref()
        {
            return Err(Error::usage("PATH has `watch=false`").hinted("leave it out"));
        }
        if let Some(namespace) = arguments.connection.namespace() {
            given.check_namespace(namespace)?;
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
                given.add_parameter(name, value, flag)?;
            }
        }
        let (mut collection, name) = collection(&given)?;
        let mut note = None;
        if let Some(name) = &name {
            let of_name = format!("metadata.name={name}");
            let selector = match given.parameter("fieldSelector") {
                Some(more) => format!("{of_name},{more}"),
                None => of_name.clone(),
            };
            collection.add_default("fieldSelector", &selector);
            note = Some(format!(
                "rawwatch: {} is one object: watching {} with fieldSelector={of_name}",
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
            headers,
            resource_version: resource_version(&given)?,
            timeout: timeout(&given)?,
            is_secret: given
                .resource()
                .is_some_and(|resource| resource.is_secret()),
            note,
        })
    }

    /// The path with its selectors.
    pub(crate) fn selection(&self) -> String {
        self.collection.to_string()
    }

    /// Asks for a page, or for everything when it is `whole`.
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

    /// Asks how far the server is.
    pub(crate) fn probe(&self) -> ApiRequest {
        let mut path = self.collection.clone();
        path.add_default("limit", "1");
        ApiRequest::get(path, self.headers.list(true))
    }

    /// Asks for the events behind a version.
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

/// The path of the collection, and the name if `path` is that of one object.
fn collection(path: &RawPath) -> Result<(RawPath, Option<String>), Error> {
    let Some(resource) = path.resource() else {
        return Err(Error::usage("PATH is not that of a collection or an object").hinted(
            "a watch is for paths like /api/v1/namespaces/default/pods or /apis/apps/v1/deployments",
        ));
    };
    if let Some(subresource) = resource.subresource {
        return Err(Error::usage(format!(
            "PATH is the subresource `{subresource}`, and no subresource can be watched"
        ))
        .hinted("watch the object: its status is part of it"));
    }
    match resource.name {
        Some(name) => {
            let end = path.path().rfind('/').unwrap_or_default();
            Ok((RawPath::verbatim(&path.path()[..end])?, Some(name)))
        }
        None => Ok((RawPath::verbatim(path.path())?, None)),
    }
}

/// Where the user wants to begin; an empty version and 0 are the same as none, as the present
/// state comes first then.
fn resource_version(path: &RawPath) -> Result<Option<Version>, Error> {
    match path.parameter("resourceVersion").as_deref() {
        None | Some("" | "0") => Ok(None),
        Some(text) if version::is_number(text) => Ok(Some(Version::new(text))),
        Some(text) => Err(Error::usage(format!(
            "--resource-version: {text:?} is no resource version"
        ))
        .hinted("it is the number in metadata.resourceVersion of a list or an object")),
    }
}

fn timeout(path: &RawPath) -> Result<Option<Duration>, Error> {
    let Some(text) = path.parameter("timeoutSeconds") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(Error::usage(format!(
            "PATH has `timeoutSeconds={text}`, which is no number of seconds above 0"
        ))),
    }
}
