//! Sends the requests of a watcher.
//!
//! If the user may not list the collection of a single object, the object is read with a GET: see
//! [`SingleObject`].

use std::cell::RefCell;
use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, Reply, StreamingReply};
use kubectl_plugin::request::ApiRequest;
use tokio::time::timeout;

use crate::single::SingleObject;
use crate::target::WatchTarget;
use crate::watcher::{SideRequest, Watcher};
use crate::wire::version::Version;

/// The timeout of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);
/// The timeout of a LIST. An API server gives up after a minute (its `--request-timeout`), so a
/// longer silence means that it is unreachable.
const LIST_TIMEOUT: Duration = Duration::from_secs(90);
/// The timeout for the start of a stream.
const OPEN_TIMEOUT: Duration = Duration::from_mins(1);
/// The `timeoutSeconds` of a watch that is opened before its version is known. No watcher expects
/// a stream to end earlier than this.
const EARLY_WATCH: Duration = Duration::from_secs(200);

/// Sends requests for one path.
#[derive(Clone, Copy)]
pub(crate) struct Requests<'a> {
    pub(crate) server: &'a ApiServer,
    pub(crate) target: &'a WatchTarget,
    pub(crate) watcher: &'a RefCell<Watcher>,
}

/// The response to a LIST.
pub(crate) struct Listed {
    pub(crate) page: Result<Reply, Error>,
    /// A watch of the events after the page, if it is open already.
    pub(crate) watch: Option<StreamingReply>,
}

impl Requests<'_> {
    /// Lists a page of the collection, or reads the single object.
    pub(crate) async fn list(self, token: &str, metadata_only: bool, whole: bool) -> Listed {
        let single = self.target.single.as_ref();
        if let Some(single) = single.filter(|single| single.is_read_by_get()) {
            return Listed::from(self.get_and_watch(single, metadata_only).await);
        }
        let request = self.target.list(token, metadata_only, whole);
        let page = self.send(request, LIST_TIMEOUT).await;
        let (Err(refusal), Some(single)) = (&page, single) else {
            return Listed { page, watch: None };
        };
        if !refusal.is_refusal(403) {
            return Listed { page, watch: None };
        }
        match self.get_and_watch(single, metadata_only).await {
            // The message about the LIST names the right that the user lacks.
            Err(error) if error.is_refusal(403) => Listed { page, watch: None },
            Err(error) => Listed::from(Err(error)),
            Ok(listed) => {
                single.read_by_get();
                Listed::from(Ok(listed))
            }
        }
    }

    /// Opens a watch, and then reads the object, so that no event between them is lost. A poll has no
    /// watch.
    async fn get_and_watch(
        self,
        single: &SingleObject,
        metadata_only: bool,
    ) -> Result<(Reply, Option<StreamingReply>), Error> {
        let watch = if self.watcher.borrow().polls() {
            None
        } else {
            Some(self.watch(&Version::Number(0), EARLY_WATCH).await?)
        };
        Ok((self.get(single, metadata_only, LIST_TIMEOUT).await?, watch))
    }

    /// Reads the object as a page of a list.
    async fn get(
        self,
        single: &SingleObject,
        metadata_only: bool,
        limit: Duration,
    ) -> Result<Reply, Error> {
        let request = self.target.get(single, metadata_only);
        let reply = self.send(request, limit).await;
        single.page(reply, self.watcher.borrow().position())
    }

    /// Opens a watch of the events after a version.
    pub(crate) async fn watch(
        self,
        from: &Version,
        length: Duration,
    ) -> Result<StreamingReply, Error> {
        let request = self.target.watch(from, length);
        timeout(OPEN_TIMEOUT, self.server.open(request))
            .await
            .unwrap_or_else(|_| Err(no_answer(OPEN_TIMEOUT)))
    }

    /// Sends a side request. An object has no past that a GET can read, so the server refuses to
    /// list it.
    pub(crate) async fn check(self, request: SideRequest) -> Result<Reply, Error> {
        let single = self.target.single.as_ref();
        let single = single.filter(|single| single.is_read_by_get());
        let (request, limit) = match (request, single) {
            (SideRequest::Probe, Some(single)) => {
                return self.get(single, true, PROBE_TIMEOUT).await;
            }
            (SideRequest::Audit { at: None, .. }, Some(single)) => {
                return self.get(single, true, LIST_TIMEOUT).await;
            }
            (SideRequest::Probe, None) => (self.target.probe(), PROBE_TIMEOUT),
            (SideRequest::Audit { token, at }, _) => {
                (self.target.audit(&token, at.as_ref()), LIST_TIMEOUT)
            }
        };
        self.send(request, limit).await
    }

    async fn send(self, request: ApiRequest, limit: Duration) -> Result<Reply, Error> {
        look_up(self.server, request, limit).await
    }
}

/// Sends a request and reads the whole response.
pub(crate) async fn look_up(
    server: &ApiServer,
    request: ApiRequest,
    limit: Duration,
) -> Result<Reply, Error> {
    timeout(limit, server.look_up(request))
        .await
        .unwrap_or_else(|_| Err(no_answer(limit)))
}

impl From<Result<(Reply, Option<StreamingReply>), Error>> for Listed {
    fn from(result: Result<(Reply, Option<StreamingReply>), Error>) -> Self {
        match result {
            Ok((page, watch)) => Self {
                page: Ok(page),
                watch,
            },
            Err(error) => Self {
                page: Err(error),
                watch: None,
            },
        }
    }
}

fn no_answer(after: Duration) -> Error {
    Error::connection(format!(
        "Unable to connect to the server: no response within {after:?}"
    ))
}
