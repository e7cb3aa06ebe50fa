//! A single object whose user may `get` and `watch` it, but may not `list` its collection: a Role
//! with `resourceNames` usually has only these verbs (kubernetes/kubernetes#54079).
//!
//! Such an object is read with a GET, and the response becomes a page of a list, with one object or
//! none. A GET does not tell the version of the collection. So the watch is opened first, from any
//! version: its events begin before the GET, and those that the GET includes are dropped as
//! duplicates.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::RawPath;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::event::ObjectIdentity;
use crate::wire::version::Version;

/// The object that a path names.
#[derive(Clone, Debug)]
pub(crate) struct SingleObject {
    pub(crate) path: RawPath,
    pub(crate) name: String,
    /// Whether the object is read with a GET, because the user may not list the collection.
    by_get: Cell<bool>,
    /// The last known `apiVersion` and `kind`, for a page without an object.
    identity: RefCell<(String, String)>,
}

/// The parts of an object, or of a table with an object, that a page needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(borrow)]
    column_definitions: Option<&'a RawValue>,
    #[serde(borrow)]
    rows: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

impl SingleObject {
    pub(crate) fn new(path: RawPath, name: String) -> Self {
        Self {
            path,
            name,
            by_get: Cell::new(false),
            identity: RefCell::default(),
        }
    }

    pub(crate) fn is_read_by_get(&self) -> bool {
        self.by_get.get()
    }

    /// Reads the object with a GET from now on.
    pub(crate) fn read_by_get(&self) {
        self.by_get.set(true);
    }

    /// Converts the response to a GET into a page of a list. `known` is the version of the last
    /// event: the response cannot be older.
    pub(crate) fn page(
        &self,
        reply: Result<Reply, Error>,
        known: &Version,
    ) -> Result<Reply, Error> {
        match reply {
            Ok(reply) => {
                let page = self.page_of(reply.body(), known)?;
                Ok(reply.map(|_| page.into()))
            }
            Err(error) if self.is_absence(&error) => {
                Ok(Reply::new(self.list("[]", &known.to_string()).into()))
            }
            Err(error) => Err(error),
        }
    }

    fn page_of(&self, body: &[u8], known: &Version) -> Result<String, Error> {
        let not_an_object = || Error::protocol("the response to a GET of PATH is not an object");
        let text = std::str::from_utf8(body).map_err(|_| not_an_object())?;
        let document: Document<'_> = serde_json::from_str(text).map_err(|_| not_an_object())?;
        let version = Version::new(&document.metadata.resource_version);
        let version = match version.partial_cmp(known) {
            Some(Ordering::Less) => known.to_string(),
            _ => version.to_string(),
        };
        if let (Some(rows), Some(columns)) = (document.rows, document.column_definitions) {
            return Ok(format!(
                r#"{{"kind":"{}","apiVersion":"meta.k8s.io/v1","metadata":{{"resourceVersion":"{version}"}},"columnDefinitions":{columns},"rows":{rows}}}"#,
                document.kind
            ));
        }
        let identity = ObjectIdentity::parse(body).ok_or_else(not_an_object)?;
        *self.identity.borrow_mut() = (identity.api_version.to_owned(), identity.kind.to_owned());
        Ok(self.list(&format!("[{text}]"), &version))
    }

    /// Returns a list with these items.
    fn list(&self, items: &str, version: &str) -> String {
        let (api_version, kind) = &*self.identity.borrow();
        format!(
            r#"{{"kind":"{kind}List","apiVersion":"{api_version}","metadata":{{"resourceVersion":"{version}"}},"items":{items}}}"#
        )
    }

    /// Reports whether an error says that the object does not exist. A server that lacks the resource
    /// type names no object.
    fn is_absence(&self, error: &Error) -> bool {
        matches!(error.kind(), Kind::Refused(status) if status.code == 404
            && status.details.as_ref().is_some_and(|details| details.name == self.name))
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::wire::page::Page;

    fn object() -> SingleObject {
        let path = RawPath::verbatim("/api/v1/namespaces/n/pods/p").unwrap();
        SingleObject::new(path, "p".to_owned())
    }

    fn page(object: &SingleObject, body: &str, known: &str) -> Reply {
        let reply = Response::new(body.as_bytes().to_vec().into());
        object.page(Ok(reply), &Version::new(known)).unwrap()
    }

    fn refusal(status: &str) -> Error {
        Kind::Refused(Box::new(serde_json::from_str(status).unwrap())).into()
    }

    #[test]
    fn an_object_becomes_a_page_of_one() {
        let body = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","resourceVersion":"7"},"x":1e400}"#;
        for (known, version) in [("0", "7"), ("7", "7"), ("9", "9")] {
            let reply = page(&object(), body, known);
            let page = Page::parse(reply.body()).unwrap();
            assert_eq!(page.resource_version, version);
            assert_eq!(page.items.len(), 1);
            assert_eq!(page.items[0].get(), body);
        }
    }

    #[test]
    fn a_table_becomes_a_page_of_one_row() {
        let body = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},"columnDefinitions":[{"name":"Name"}],"rows":[{"cells":["p"],"object":{"metadata":{"name":"p","resourceVersion":"7"}}}]}"#;
        let reply = page(&object(), body, "0");
        let page = Page::parse(reply.body()).unwrap();
        assert_eq!(page.identity(page.items[0]).unwrap().name, "p");
        assert!(page.columns.is_some());
    }

    #[test]
    fn an_absent_object_becomes_an_empty_page_with_the_known_kind() {
        let object = object();
        let body =
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","resourceVersion":"7"}}"#;
        page(&object, body, "0");
        let absent =
            refusal(r#"{"code":404,"reason":"NotFound","details":{"name":"p","kind":"pods"}}"#);
        let reply = object.page(Err(absent), &Version::new("9")).unwrap();
        let text = std::str::from_utf8(reply.body()).unwrap();
        assert_eq!(
            text,
            r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[]}"#
        );
        for status in [
            r#"{"code":404,"reason":"NotFound"}"#,
            r#"{"code":403,"reason":"Forbidden","details":{"name":"p"}}"#,
        ] {
            let result = object.page(Err(refusal(status)), &Version::new("9"));
            assert!(result.is_err(), "{status}");
        }
    }
}
