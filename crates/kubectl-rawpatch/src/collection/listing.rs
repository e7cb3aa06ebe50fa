//! Lists the objects of a collection: their metadata, in pages of one consistent state.

use std::borrow::Cow;
use std::collections::HashSet;

use http::header::{ACCEPT, HeaderMap};
use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::discovery::explain_unknown_path;
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::{ApiRequest, METADATA_LIST, RawPath};
use serde::Deserialize;

use crate::args::CollectionArgs;
use crate::collection::objects::Objects;

/// The page size, as in kubectl.
const PAGE: &str = "500";
/// The maximum number of pages without an object.
const MAX_EMPTY_PAGES: u32 = 100;
/// How often a LIST begins again after its continue token has expired.
const MAX_RESTARTS: u32 = 3;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metadata: PageMetadata<'a>,
    #[serde(borrow)]
    items: Option<Vec<Item<'a>>>,
}

#[derive(Deserialize)]
struct PageMetadata<'a> {
    #[serde(borrow, default, rename = "continue")]
    token: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
}

/// The collection, and the selection of its objects.
pub(crate) struct Collection {
    /// The path of the collection, without a query.
    path: RawPath,
    /// The path of the LIST, with its selectors.
    list: RawPath,
    subresource: Option<String>,
}

impl Collection {
    /// Checks that `path` is a collection. Its query is the query of each patch.
    pub(crate) fn new(
        path: &RawPath,
        arguments: &CollectionArgs,
        subresource: Option<&str>,
    ) -> Result<Self, Error> {
        let resource = path.resource();
        if resource.is_none_or(|resource| resource.name.is_some()) {
            return Err(Error::usage(
                "--all, --selector and --field-selector need the path of a collection",
            )
            .with_hint("use a path such as /api/v1/namespaces/NAMESPACE/pods"));
        }
        let path = RawPath::verbatim(path.path())?;
        let mut list = path.clone();
        for (name, selector) in [
            ("labelSelector", arguments.label_selector()),
            ("fieldSelector", arguments.fields()),
        ] {
            if let Some(selector) = selector {
                list.add_default(name, selector);
            }
        }
        list.add_default("limit", PAGE);
        Ok(Self {
            path,
            list,
            subresource: subresource.map(str::to_owned),
        })
    }

    /// Lists the objects.
    pub(crate) async fn objects(&self, server: &ApiServer) -> Result<Objects, Error> {
        let mut restarts = 0;
        loop {
            match self.list(server).await {
                // Nothing was sent yet, so the LIST may begin again.
                Err(error) if error.is_refusal(410) && restarts < MAX_RESTARTS => restarts += 1,
                Err(error) => return Err(explained(error, &self.path, server).await),
                Ok(objects) => return Ok(objects),
            }
        }
    }

    async fn list(&self, server: &ApiServer) -> Result<Objects, Error> {
        let mut objects = Objects::of_list();
        let mut tokens = HashSet::new();
        let mut empty_pages = 0;
        let mut path = self.list.clone();
        loop {
            let headers = HeaderMap::from_iter([(ACCEPT, METADATA_LIST)]);
            let reply = server.look_up(ApiRequest::get(path, headers)).await?;
            let page = parse(reply.body())?;
            let items = page.items.unwrap_or_default();
            empty_pages += u32::from(items.is_empty());
            for item in &items {
                self.add(&mut objects, &item.metadata)?;
            }
            if page.metadata.token.is_empty() {
                break;
            }
            path = self.list.clone();
            path.add_default("continue", &page.metadata.token);
            if !tokens.insert(page.metadata.token.into_owned()) || empty_pages > MAX_EMPTY_PAGES {
                return Err(endless());
            }
        }
        match objects.double() {
            Some((first, _)) => Err(Error::protocol(format!(
                "the server lists {} twice",
                objects.get(first).path
            ))),
            None => Ok(objects),
        }
    }

    fn add(&self, objects: &mut Objects, metadata: &Metadata<'_>) -> Result<(), Error> {
        let path = self.path.of_object(&metadata.namespace, &metadata.name);
        let Some(mut path) = path else {
            return Err(Error::protocol(format!(
                "the server lists an object that no path can name: {:?} in namespace {:?}",
                metadata.name, metadata.namespace
            )));
        };
        if let Some(subresource) = &self.subresource {
            path.add_subresource(subresource)?;
        }
        objects
            .push(path.path(), &metadata.resource_version)
            .ok_or_else(too_many)
    }
}

/// Returns the error for more objects than [`Objects`] has room for.
pub(crate) fn too_many() -> Error {
    Error::usage("there are too many objects: their paths take more than 4 GiB")
        .with_hint("patch them in parts, with -l or --field-selector")
}

fn parse(body: &[u8]) -> Result<Page<'_>, Error> {
    let page: Option<Page<'_>> = serde_json::from_slice(body).ok();
    page.filter(|page| page.kind.ends_with("List"))
        .ok_or_else(|| {
            Error::protocol("the response to a LIST of PATH is not a list of objects").with_hint(
                "check that PATH is a collection, such as /api/v1/namespaces/default/pods",
            )
        })
}

fn endless() -> Error {
    Error::protocol("the LIST of PATH does not end: the server repeats pages")
        .with_hint("list the objects yourself, and patch them with --paths-from FILE")
}

/// Adds a hint to the refusal of a LIST.
async fn explained(error: Error, path: &RawPath, server: &ApiServer) -> Error {
    let Kind::Refused(status) = error.kind() else {
        return error;
    };
    if status.code == 403 {
        return error.with_hint(
            "patch objects that you may not list with --paths-from FILE, which has their paths",
        );
    }
    match explain_unknown_path(server, path, status).await {
        Some(hint) => error.with_hint(format!("{hint}; nothing was changed")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_of_objects_is_a_page() {
        let items = r#""items":[{"metadata":{"name":"a","resourceVersion":"5"},"data":{"x":1}}]"#;
        let body =
            format!(r#"{{"kind":"ConfigMapList","metadata":{{"continue":"t\"1"}},{items}}}"#);
        let page = parse(body.as_bytes()).unwrap();
        assert_eq!(page.metadata.token, "t\"1");
        let first = &page.items.unwrap()[0].metadata;
        assert_eq!((&*first.name, &*first.resource_version), ("a", "5"));
        for other in [
            "{}",
            "ok",
            r#"{"kind":"ConfigMap","metadata":{}}"#,
            r#"{"kind":"Table","metadata":{},"items":[]}"#,
        ] {
            assert_eq!(
                parse(other.as_bytes()).err().unwrap().exit_code(),
                6,
                "{other}"
            );
        }
    }
}
