//! The API server as completion asks it: few GETs, for names and never for contents, with the
//! cache in front. What cannot be had is `None`, and nobody is told why.

use std::cell::Cell;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::api::{self, Api, Resource};
use super::cache::{self, Cache};
use crate::api_server::ApiServer;
use crate::connection::ConnectionArgs;
use crate::request::{ApiRequest, RawPath};

/// How long names are good. Objects come and go faster than resources do, and whoever walks to one
/// presses TAB several times in this time.
const NAMES: Duration = Duration::from_secs(30);
/// How many objects are listed at the most: no reader wants more, and no server minds that many.
const MOST_NAMES: u32 = 500;

/// Everything at once, from Kubernetes 1.26 on; older servers send the last of these.
const DISCOVERY: HeaderValue = HeaderValue::from_static(
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
);
/// Objects without their contents; a server that cannot do that sends them whole.
const LIST: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);
/// The same for one object.
const OBJECT: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
);

/// A server, asked as the line says.
pub(super) struct Server {
    way: Option<ApiServer>,
    cache: Option<Cache>,
    is_fresh: Cell<bool>,
    has_used_cache: Cell<bool>,
}

/// What is kept of an object.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    /// In RFC 3339.
    pub(super) creation_timestamp: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) managed_fields: Vec<ManagedFields>,
}

/// Who set some of an object's fields.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct ManagedFields {
    #[serde(default)]
    pub(super) manager: String,
    /// `Apply` or `Update`.
    #[serde(default)]
    pub(super) operation: String,
    /// In RFC 3339.
    pub(super) time: Option<String>,
}

impl Metadata {
    /// How long it has been there; empty when nobody says.
    pub(super) fn age(&self) -> String {
        self.creation_timestamp
            .as_deref()
            .map(ago)
            .unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct List {
    /// The API server writes an empty list of metadata as null.
    items: Option<Vec<Object>>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

impl Server {
    /// Reads the kubeconfig; nothing is sent yet.
    pub(super) fn new(arguments: &ConnectionArgs) -> Self {
        let way = ApiServer::connect(arguments).ok();
        // Who logs in by a flag is not known by a name.
        let cache = way.as_ref().filter(|_| !arguments.hold_login());
        Self {
            cache: cache.and_then(|server| Cache::new(&server.address(), server.identity())),
            way,
            is_fresh: Cell::new(false),
            has_used_cache: Cell::new(false),
        }
    }

    /// Whether to ask again, without the cache, may bring more: then this is done from now on.
    pub(super) fn refresh(&self) -> bool {
        self.has_used_cache.get() && !self.is_fresh.replace(true)
    }

    /// All groups.
    pub(super) async fn api(&self) -> Option<Api> {
        self.cached("api", cache::LONGEST, async || {
            let core = self.get("/api", DISCOVERY);
            let others = self.get("/apis", DISCOVERY);
            let (core, others) = tokio::join!(core, others);
            let mut api = Api::read(&core?)?;
            api.groups.extend(Api::read(&others?)?.groups);
            Some(api)
        })
        .await
    }

    /// The resources of a version.
    pub(super) async fn resources(&self, group: &str, version: &str) -> Option<Vec<Resource>> {
        let api = self.api().await?;
        if let Some(resources) = &api.version(group, version)?.resources {
            return Some(resources.clone());
        }
        let path = match group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        self.cached(&path, cache::LONGEST, async || {
            api::resources(&self.get(&path, DISCOVERY).await?)
        })
        .await
    }

    /// The objects of a collection, up to a limit, without their managed fields.
    pub(super) async fn names(&self, collection: &str) -> Option<Vec<Metadata>> {
        self.cached(collection, NAMES, async || {
            let path = format!("{collection}?limit={MOST_NAMES}");
            let list: List = serde_json::from_slice(&self.get(&path, LIST).await?).ok()?;
            let objects = list.items.into_iter().flatten().map(|object| Metadata {
                managed_fields: Vec::new(),
                ..object.metadata
            });
            Some(objects.collect())
        })
        .await
    }

    /// The namespaces, or for who may not list them at least the one that the line is about.
    pub(super) async fn namespaces(&self) -> Option<Vec<Metadata>> {
        if let Some(objects) = self.names("/api/v1/namespaces").await {
            return Some(objects);
        }
        Some(vec![Metadata {
            name: self.way.as_ref()?.target().namespace.clone(),
            creation_timestamp: None,
            managed_fields: Vec::new(),
        }])
    }

    /// One object, as it is now.
    pub(super) async fn object(&self, path: &str) -> Option<Metadata> {
        let object: Object = serde_json::from_slice(&self.get(path, OBJECT).await?).ok()?;
        Some(object.metadata)
    }

    async fn cached<T: Serialize + DeserializeOwned>(
        &self,
        question: &str,
        age: Duration,
        ask: impl AsyncFnOnce() -> Option<T>,
    ) -> Option<T> {
        let cache = self.cache.as_ref();
        let known = cache.filter(|_| !self.is_fresh.get());
        if let Some(answer) = known.and_then(|cache| cache.get(question, age)) {
            self.has_used_cache.set(true);
            return Some(answer);
        }
        let answer = ask().await?;
        cache.inspect(|cache| cache.put(question, &answer));
        Some(answer)
    }

    async fn get(&self, path: &str, accept: HeaderValue) -> Option<Vec<u8>> {
        let path: RawPath = path.parse().ok()?;
        let request = ApiRequest::get(path, HeaderMap::from_iter([(header::ACCEPT, accept)]));
        let reply = self.way.as_ref()?.look_up(request);
        Some(reply.await.ok()?.into_body().to_vec())
    }
}

/// How long ago a time in RFC 3339 was, in the largest unit that fits.
pub(super) fn ago(time: &str) -> String {
    let Ok(time) = time.parse::<Timestamp>() else {
        return String::new();
    };
    let seconds = Timestamp::now().duration_since(time).as_secs().max(0);
    let (number, unit) = match seconds {
        0..120 => (seconds, 's'),
        120..7200 => (seconds / 60, 'm'),
        7200..172_800 => (seconds / 3600, 'h'),
        _ => (seconds / 86_400, 'd'),
    };
    format!("{number}{unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_unit_that_fits() {
        for (seconds, expected) in [
            (-5, "0s ago"),
            (100, "100s ago"),
            (130, "2m ago"),
            (7100, "118m ago"),
            (100_000, "27h ago"),
            (500_000, "5d ago"),
        ] {
            let time = Timestamp::now() - Duration::from_secs(500_000);
            let time = time + Duration::from_secs(u64::try_from(500_000 - seconds).unwrap());
            assert_eq!(ago(&time.to_string()), expected);
        }
        assert_eq!(ago("yesterday"), "");
    }
}
