//! Identifies a cluster, so that a resume file is not used with another one.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use http::HeaderMap;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::{ApiRequest, RawPath};
use kubectl_plugin::{Error, stderr};
use tokio::time::{Instant, sleep};

use crate::requests::look_up;
use crate::watcher::backoff::{Backoff, Rng};
use crate::wire::event::ObjectIdentity;

/// The timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The time for which a server may fail to answer with anything but errors. After that, the run
/// continues without its UID, because the watch reports what is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// The identity of a cluster, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// The UID of a namespace that every cluster has; `None` if the user may not read it.
    pub(crate) uid: Option<String>,
    /// The address of the server; empty in a file of an earlier version.
    pub(crate) address: String,
}

impl Cluster {
    /// Returns the identity to save next, or `None` if the saved one identifies another cluster. A
    /// UID that cannot be compared now is kept, so that a later run compares it.
    pub(crate) fn confirm(self, saved: Self) -> Option<Self> {
        let has_same_address = saved.address.is_empty() || saved.address == self.address;
        let is_same = match (&saved.uid, &self.uid) {
            (Some(saved), Some(own)) => saved == own,
            _ => has_same_address,
        };
        is_same.then(|| Self {
            uid: self.uid.or(saved.uid),
            address: self.address,
        })
    }

    /// Asks the server for its identity. `last_error` gets the error of each failed request.
    pub(crate) async fn identify(
        server: &ApiServer,
        retry_for: Option<Duration>,
        last_error: &RefCell<Option<Error>>,
    ) -> Result<Self, Error> {
        let start = Instant::now();
        let mut backoff = Backoff::for_requests();
        let mut rng = Rng(RandomState::new().hash_one(0));
        loop {
            let error = match ask(server).await {
                Ok(uid) => return Ok(Self::at(server, Some(uid).filter(|uid| !uid.is_empty()))),
                Err(error) => error,
            };
            let lasted = start.elapsed();
            match judge(&error, lasted, retry_for) {
                Next::Retry => {}
                Next::Unknown => return Ok(Self::at(server, None)),
                Next::Fail => return Err(error),
                Next::GiveUp => {
                    let message = format!("gave up after {lasted:.0?}: {error}");
                    return Err(Kind::GaveUp(message).into());
                }
            }
            let pause = backoff.next(rng.next(), error.retry_after());
            if lasted < PATIENCE && lasted + pause >= PATIENCE {
                stderr::say(&format!("rawwatch: still trying: {error}"));
            }
            last_error.replace(Some(error));
            sleep(pause).await;
        }
    }

    fn at(server: &ApiServer, uid: Option<String>) -> Self {
        Self {
            uid,
            address: server.address(),
        }
    }
}

/// The reaction to a failed request.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Retry,
    /// Continue without the UID.
    Unknown,
    Fail,
    GiveUp,
}

/// Decides what follows a failed request, `lasted` after the first one.
fn judge(error: &Error, lasted: Duration, retry_for: Option<Duration>) -> Next {
    match error.kind() {
        Kind::Connection(_) => match retry_for {
            Some(limit) if lasted < limit => Next::Retry,
            Some(_) => Next::GiveUp,
            None => Next::Fail,
        },
        Kind::Refused(status) if status.code == 401 => Next::Fail,
        Kind::Refused(status) if status.code == 429 || status.code >= 500 => {
            if lasted < PATIENCE.max(retry_for.unwrap_or_default()) {
                Next::Retry
            } else {
                Next::Unknown
            }
        }
        Kind::Refused(_) => Next::Unknown,
        _ => Next::Fail,
    }
}

/// Returns the UID of the namespace `kube-system`.
async fn ask(server: &ApiServer) -> Result<String, Error> {
    let path = RawPath::verbatim("/api/v1/namespaces/kube-system")?;
    let request = ApiRequest::get(path, HeaderMap::new());
    let reply = look_up(server, request, REQUEST_TIMEOUT).await?;
    let namespace = ObjectIdentity::parse(reply.body()).unwrap_or_default();
    Ok(namespace.uid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(uid: &str, address: &str) -> Cluster {
        Cluster {
            uid: Some(uid.to_owned()).filter(|uid| !uid.is_empty()),
            address: address.to_owned(),
        }
    }

    #[test]
    fn a_uid_decides_and_is_kept_while_it_cannot_be_asked() {
        for (saved, own, kept) in [
            (
                cluster("u", "a"),
                cluster("u", "b"),
                Some(cluster("u", "b")),
            ),
            (cluster("u", "a"), cluster("other", "a"), None),
            (cluster("u", "a"), cluster("", "a"), Some(cluster("u", "a"))),
            (cluster("u", ""), cluster("", "a"), Some(cluster("u", "a"))),
            (cluster("u", "a"), cluster("", "b"), None),
            (cluster("", "a"), cluster("u", "a"), Some(cluster("u", "a"))),
            (cluster("", "a"), cluster("u", "b"), None),
            (cluster("", "a"), cluster("", "b"), None),
        ] {
            assert_eq!(
                own.clone().confirm(saved.clone()),
                kept,
                "{saved:?} {own:?}"
            );
        }
    }

    #[test]
    fn a_failed_request_is_retried_as_those_of_the_watch_are() {
        let refused = |code: u16| {
            let text = format!(r#"{{"code":{code},"reason":"","message":""}}"#);
            Error::from(Kind::Refused(Box::new(
                serde_json::from_str(&text).unwrap(),
            )))
        };
        let second = Duration::from_secs(1);
        let lost = || Error::connection("refused");
        for (error, lasted, retry_for, next) in [
            (lost(), 1, None, Next::Fail),
            (lost(), 1, Some(20 * second), Next::Retry),
            (lost(), 20, Some(20 * second), Next::GiveUp),
            (refused(401), 1, None, Next::Fail),
            (refused(403), 1, None, Next::Unknown),
            (refused(404), 1, None, Next::Unknown),
            (refused(503), 1, None, Next::Retry),
            (refused(429), 9, None, Next::Retry),
            (refused(503), 11, None, Next::Unknown),
            (refused(503), 11, Some(20 * second), Next::Retry),
            (Error::protocol("html"), 1, None, Next::Fail),
        ] {
            assert_eq!(judge(&error, lasted * second, retry_for), next, "{error}");
        }
    }
}
