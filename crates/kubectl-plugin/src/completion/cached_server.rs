//! The API server, queried through a cache. It sends a few GETs for names and metadata, never for
//! whole objects.
//!
//! A failed request returns `None`, because a shell cannot show the reason.

use std::cell::Cell;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api_server::ApiServer;
use crate::completion::cache;
use crate::completion::cache::Cache;
use crate::connection::ConnectionArgs;
use crate::discovery::documents::{ApiResource, Discovery, resource_list};
use crate::request::{ApiRequest, METADATA, METADATA_LIST, RawPath, api_version_path};

/// The maximum age of cached object names: long enough for the next few TABs.
const NAMES_MAX_AGE: Duration = Duration::from_secs(30);
/// The maximum number of objects in a list.
const LIST_LIMIT: u32 = 500;

/// The `Accept` for aggregated discovery (Kubernetes 1.26). Older servers return the plain
/// documents.
const DISCOVERY: HeaderValue = HeaderValue::from_static(
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
);

/// The API server that a command line refers to, and a cache of its responses.
pub(super) struct CachedServer {
    /// `None` if the kubeconfig names no server that can be used.
    api_server: Option<ApiServer>,
    cache: Option<Cache>,
    /// Whether the cache is no longer read.
    bypasses_cache: Cell<bool>,
    /// Whether a response was read from the cache.
    used_cache: Cell<bool>,
}

/// The metadata of an object that completion shows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectMetadata {
    pub(super) name: String,
    /// The time of creation, in RFC 3339.
    pub(super) creation_timestamp: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) managed_fields: Vec<ManagedFieldsEntry>,
}

/// A field manager and its last operation on an object.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct ManagedFieldsEntry {
    #[serde(default)]
    pub(super) manager: String,
    /// `Apply` or `Update`.
    #[serde(default)]
    pub(super) operation: String,
    /// The time of the operation, in RFC 3339.
    pub(super) time: Option<String>,
}

impl ObjectMetadata {
    /// Returns the age of the object, or an empty text if it is unknown.
    pub(super) fn age(&self) -> String {
        self.creation_timestamp
            .as_deref()
            .map(ago)
            .unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct ObjectList {
    /// `None` for an empty list of metadata, which the API server writes as null.
    items: Option<Vec<Object>>,
}

#[derive(Deserialize)]
struct Object {
    metadata: ObjectMetadata,
}

impl CachedServer {
    /// Reads the kubeconfig. Sends nothing.
    pub(super) fn new(arguments: &ConnectionArgs) -> Self {
        let api_server = ApiServer::connect(arguments).ok();
        // A credential in a flag does not tell who its user is.
        let cacheable = api_server
            .as_ref()
            .filter(|_| !arguments.contain_credential());
        Self {
            cache: cacheable.and_then(|server| Cache::new(&server.address(), server.user_key())),
            api_server,
            bypasses_cache: Cell::new(false),
            used_cache: Cell::new(false),
        }
    }

    /// Bypasses the cache from now on. Returns whether another request may have a new result, which
    /// is the case if the cache was used.
    pub(super) fn refresh(&self) -> bool {
        self.used_cache.get() && !self.bypasses_cache.replace(true)
    }

    /// Returns all API groups.
    pub(super) async fn discovery(&self) -> Option<Discovery> {
        self.cached("api", cache::MAX_AGE, async || {
            let core = self.get("/api", DISCOVERY);
            let others = self.get("/apis", DISCOVERY);
            let (core, others) = tokio::join!(core, others);
            let mut discovery = Discovery::parse(&core?)?;
            discovery.groups.extend(Discovery::parse(&others?)?.groups);
            Some(discovery)
        })
        .await
    }

    /// Returns the resources of a version.
    pub(super) async fn resources(&self, group: &str, version: &str) -> Option<Vec<ApiResource>> {
        let discovery = self.discovery().await?;
        if let Some(resources) = &discovery.version(group, version)?.resources {
            return Some(resources.clone());
        }
        let path = api_version_path(group, version);
        self.cached(&path, cache::MAX_AGE, async || {
            resource_list(&self.get(&path, DISCOVERY).await?)
        })
        .await
    }

    /// Lists the objects of a collection up to [`LIST_LIMIT`], without their managed fields.
    pub(super) async fn objects(&self, collection: &str) -> Option<Vec<ObjectMetadata>> {
        self.cached(collection, NAMES_MAX_AGE, async || {
            let path = format!("{collection}?limit={LIST_LIMIT}");
            let body = self.get(&path, METADATA_LIST).await?;
            let list: ObjectList = serde_json::from_slice(&body).ok()?;
            let objects = list.items.into_iter().flatten();
            let without_managers = objects.map(|object| ObjectMetadata {
                managed_fields: Vec::new(),
                ..object.metadata
            });
            Some(without_managers.collect())
        })
        .await
    }

    /// Lists the namespaces. For a user who may not list them, returns the namespace of the
    /// connection.
    pub(super) async fn namespaces(&self) -> Option<Vec<ObjectMetadata>> {
        if let Some(objects) = self.objects("/api/v1/namespaces").await {
            return Some(objects);
        }
        Some(vec![ObjectMetadata {
            name: self.api_server.as_ref()?.target().namespace.clone(),
            creation_timestamp: None,
            managed_fields: Vec::new(),
        }])
    }

    /// Returns the metadata of one object, never from the cache.
    pub(super) async fn object(&self, path: &str) -> Option<ObjectMetadata> {
        let object: Object = serde_json::from_slice(&self.get(path, METADATA).await?).ok()?;
        Some(object.metadata)
    }

    async fn cached<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        max_age: Duration,
        request: impl AsyncFnOnce() -> Option<T>,
    ) -> Option<T> {
        let cache = self.cache.as_ref();
        let readable = cache.filter(|_| !self.bypasses_cache.get());
        if let Some(value) = readable.and_then(|cache| cache.get(key, max_age)) {
            self.used_cache.set(true);
            return Some(value);
        }
        let value = request().await?;
        cache.inspect(|cache| cache.put(key, &value));
        Some(value)
    }

    async fn get(&self, path: &str, accept: HeaderValue) -> Option<Vec<u8>> {
        let path: RawPath = path.parse().ok()?;
        let request = ApiRequest::get(path, HeaderMap::from_iter([(header::ACCEPT, accept)]));
        let reply = self.api_server.as_ref()?.look_up(request);
        Some(reply.await.ok()?.into_body().to_vec())
    }
}

/// Formats the time that has passed since `time`, which is in RFC 3339, in a unit that keeps the
/// number short.
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
    fn an_age_has_one_unit() {
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
