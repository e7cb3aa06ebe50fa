//! The steps from a request to a whole response, outermost first:
//!
//! ```text
//! retry_after_401 ─▶ send_once ─▶ with_timeout ─▶ response_head ─▶ transmit
//!                                            └─▶ read_body
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use kube_client::client::Body;

use super::ApiServer;
use super::connection_error;
use super::outcome::{RequestContext, RequestFailure};
use super::reply::Reply;
use crate::Error;
use crate::connection::{Connection, Delivery, Session};
use crate::request::ApiRequest;
use crate::runtime::signals::Hold;
use crate::stderr::progress;

/// The maximum size of the response to a review, in bytes. `whoami --all-contexts` sends reviews to
/// many servers, and some of them may not be API servers.
const MAX_REVIEW_SIZE: usize = 16 << 20;

/// The pauses before a request is sent again that a server with shared connections ignored.
const RESEND_PAUSES: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// The user that a request is sent as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Requester {
    /// The user of the flags and the kubeconfig, including impersonation.
    Configured,
    /// The owner of the credential.
    Unimpersonated,
}

/// A request that can be sent several times.
pub(super) struct Outgoing {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    requester: Requester,
    /// Shows whether the latest attempt can have reached the server.
    pub(super) delivery: Delivery,
    pub(super) context: RequestContext,
}

impl Outgoing {
    pub(super) fn new(
        request: ApiRequest,
        requester: Requester,
        command_to_see: String,
    ) -> Result<Self, Error> {
        Ok(Self {
            context: RequestContext::new(&request, command_to_see),
            uri: request.path.uri()?,
            method: request.method,
            headers: request.headers,
            body: request.body,
            requester,
            delivery: Delivery::default(),
        })
    }

    /// Refuses a compressed response, unless the request itself asks for one.
    fn check_encoding(&self, response: &Response<Body>) -> Result<(), RequestFailure> {
        let encoding = response.headers().get(header::CONTENT_ENCODING);
        let asked = self.headers.get(header::ACCEPT_ENCODING);
        match encoding {
            Some(encoding)
                if !["", "identity"].iter().any(|plain| encoding == plain)
                    && asked.is_none_or(|asked| asked == "identity") =>
            {
                let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
                Err(RequestFailure::Compressed(response.status(), encoding))
            }
            _ => Ok(()),
        }
    }

    /// Returns the request with the headers of a session.
    fn with_session_headers(&self, session: &Session) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        request.extensions_mut().insert(self.delivery.clone());
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        for (name, value) in &session.headers {
            if self.requester == Requester::Configured || !name.as_str().starts_with("impersonate-")
            {
                headers.append(name, value.clone());
            }
        }
        request
    }
}

impl ApiServer {
    /// Runs `attempt`, and runs it once more after a 401 from an API server if the credential can
    /// be renewed. A 401 means that the server did nothing.
    pub(super) async fn retry_after_401<T>(
        &self,
        context: &RequestContext,
        attempt: impl AsyncFn() -> Result<(Response<T>, Arc<Session>), RequestFailure>,
    ) -> Result<Response<T>, RequestFailure> {
        let (response, session) = attempt().await?;
        let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED && !context.is_proxied;
        if is_unauthorized && self.connection.sessions.renew(&session).await {
            return Ok(attempt().await?.0);
        }
        Ok(response)
    }

    /// Sends a request and reads the whole response. Also returns the session that was used.
    ///
    /// Holds back signals if the request may change something, because the user must be told about
    /// the outcome before the process ends. A caller with many requests does that itself.
    pub(super) async fn send_once(
        &self,
        outgoing: &Outgoing,
    ) -> Result<(Reply, Arc<Session>), RequestFailure> {
        let exchange = self.with_timeout(async {
            // The future is on the heap, because it would enlarge every future that sends a
            // request.
            let (response, session) = Box::pin(self.response_head(outgoing)).await?;
            Ok((self.read_body(response, &outgoing.context).await?, session))
        });
        if outgoing.context.may_change
            && !self.connection.sessions.shares_connections()
            && let Ok(mut hold) = Hold::start()
        {
            tokio::select! {
                biased;
                signal = hold.signal() => Err(RequestFailure::Interrupted(signal)),
                reply = exchange => reply,
            }
        } else {
            exchange.await
        }
    }

    /// Limits `work` to `--request-timeout`.
    pub(super) async fn with_timeout<T>(
        &self,
        work: impl Future<Output = Result<T, RequestFailure>>,
    ) -> Result<T, RequestFailure> {
        match self.connection.request_timeout {
            Some(timeout) => tokio::time::timeout(timeout, work)
                .await
                .unwrap_or(Err(RequestFailure::TimedOut(timeout))),
            None => work.await,
        }
    }

    /// Sends a request and waits for the head of the response.
    ///
    /// Sends it again in two cases, in which the server has done nothing. If the server's certificate is
    /// not trusted, the file of authorities may have changed. And a server that closes a shared
    /// connection ignores the latest requests on it.
    pub(super) async fn response_head(
        &self,
        outgoing: &Outgoing,
    ) -> Result<(Response<Body>, Arc<Session>), RequestFailure> {
        let sessions = &self.connection.sessions;
        let mut is_first = true;
        let mut pauses = RESEND_PAUSES.into_iter();
        loop {
            // An exec plugin may write to the same terminal.
            let hidden = sessions.may_run_plugin().then(progress::hide);
            let session = sessions
                .session()
                .await
                .map_err(RequestFailure::Credential)?;
            drop(hidden);
            match self.transmit(outgoing, &session).await {
                Err(RequestFailure::Transport(error))
                    if std::mem::take(&mut is_first)
                        && connection_error::is_untrusted(&error)
                        && sessions.reload_authorities(&session).await => {}
                Err(RequestFailure::Transport(error))
                    if sessions.shares_connections()
                        && outgoing.delivery.is_untouched()
                        && connection_error::is_after_handshake(&error) =>
                {
                    let pause = pauses.next().ok_or(RequestFailure::Transport(error))?;
                    tokio::time::sleep(pause).await;
                }
                response => {
                    let response = response?;
                    outgoing.check_encoding(&response)?;
                    return Ok((response, session));
                }
            }
        }
    }

    /// Reads the body of a response whose head has arrived.
    pub(super) async fn read_body(
        &self,
        response: Response<Body>,
        context: &RequestContext,
    ) -> Result<Reply, RequestFailure> {
        let (parts, body) = response.into_parts();
        let limit = if context.is_review {
            MAX_REVIEW_SIZE
        } else {
            usize::MAX
        };
        let body = Limited::new(body, limit)
            .collect()
            .await
            .map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => RequestFailure::TooLong(parts.status),
                Err(_) => RequestFailure::Truncated(parts.status),
            })?
            .to_bytes();
        self.connection
            .trace
            .body("Response Body", &body, &context.redaction);
        Ok(Response::from_parts(parts, body))
    }

    /// Sends a request in one session, and traces it and the head of its response.
    async fn transmit(
        &self,
        outgoing: &Outgoing,
        session: &Session,
    ) -> Result<Response<Body>, RequestFailure> {
        let Connection {
            trace,
            meter,
            server,
            ..
        } = &self.connection;
        let redaction = &outgoing.context.redaction;
        let client = session.client.clone();
        session.secrets().for_each(|secret| redaction.hide(secret));
        outgoing.delivery.reset();
        let request = outgoing.with_session_headers(session);
        if !trace.shows(6) {
            return client
                .send(request)
                .await
                .map_err(RequestFailure::Transport);
        }
        let method = &outgoing.method;
        let base = server.to_string();
        let url = format!("{}{}", base.trim_end_matches('/'), outgoing.uri);
        trace.request(method, &url, request.headers(), &outgoing.body, redaction);
        let start = Instant::now();
        let response = client.send(request).await;
        let head = response.as_ref().ok();
        trace.response(
            method,
            &url,
            head.map(|response| (response.status(), response.headers())),
            redaction,
            start.elapsed(),
            meter.times(),
        );
        response.map_err(RequestFailure::Transport)
    }
}
