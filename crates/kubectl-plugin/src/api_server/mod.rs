//! Sends requests to the API server and interprets the responses. No other module sends one.
//!
//! A request is sent once. It is repeated in three cases, in which the server has done nothing: after a
//! 401, if the credential can be renewed; after an untrusted certificate, if the file with the
//! certificate authorities has changed; and on a connection that many requests share, if the server
//! closed it before it looked at the request.
//!
//! * `exchange`: the steps from a request to a whole response
//! * `outcome`: interprets a response or a failure
//! * `object_check`: checks that a successful response is the requested object
//! * `connection_error`: explains why no response arrived, in kubectl's wording
//! * `tls_port`: recognizes a TLS server at an `http` address
//! * `reply`: whole responses, and responses that are read as they arrive
//! * `warnings`: the server's `Warning` headers
//! * `user_agent`: the `User-Agent` header

mod connection_error;
mod exchange;
mod object_check;
mod outcome;
mod reply;
mod tls_port;
mod user_agent;
mod warnings;

use std::cell::Cell;

use http::{HeaderMap, HeaderValue, header};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::connection::{
    Connection, ConnectionArgs, Contexts, CredentialSummary, Impersonation, ServerFacts,
    ServerTarget, explain_unauthorized,
};
use crate::curl;
use crate::curl::BodySource;
use crate::error::Kind;
use crate::redaction::Redaction;
use crate::redaction::documents::has_credentials;
use crate::redaction::headers_and_urls::shown_header;
use crate::request::{ApiRequest, RawPath};
use crate::text::shell::quoted;
use crate::text::utc;
use crate::{Error, output, stderr};
use exchange::{Outgoing, Requester};
use outcome::{RequestContext, RequestFailure};
use warnings::Warnings;

pub use outcome::refusal;
pub use reply::{End, Reply, StreamingReply};

/// An API server, as one user reaches it.
pub struct ApiServer {
    connection: Connection,
    warnings: Warnings,
    shows_headers: bool,
    /// The flags that make kubectl reach this server as this user.
    kubectl_flags: String,
    /// The lead of the server's clock over ours, from the `Date` of its last response. It is inexact: a
    /// `Date` has whole seconds, and the response took a while to arrive.
    clock_skew: Cell<Option<SignedDuration>>,
}

impl ApiServer {
    /// Reads the kubeconfig and prepares the connection. Sends nothing.
    pub fn connect(arguments: &ConnectionArgs) -> Result<Self, Error> {
        let connection = arguments.connect()?;
        connection.notes.iter().for_each(|note| stderr::say(note));
        Ok(Self::new(connection, arguments))
    }

    /// Prepares the connection of one of several contexts. Sends nothing. No exec plugin may read
    /// stdin, because several plugins may run at the same time.
    pub fn for_context(contexts: &Contexts, name: &str) -> Result<Self, Error> {
        let connection = contexts.connect(name)?;
        for note in &connection.notes {
            stderr::say(&format!("context {name:?}: {note}"));
        }
        let server = Self::new(connection, &contexts.arguments(name));
        Ok(server.with_stdin_in_use(true))
    }

    fn new(connection: Connection, arguments: &ConnectionArgs) -> Self {
        Self {
            connection,
            warnings: Warnings::default(),
            shows_headers: false,
            kubectl_flags: arguments.kubectl_flags(),
            clock_skew: Cell::default(),
        }
    }

    /// Sets whether [`ApiServer::send`] shows the status line and the headers of a response on stderr.
    #[must_use]
    pub fn with_headers_shown(self, shows_headers: bool) -> Self {
        Self {
            shows_headers,
            ..self
        }
    }

    /// Sets whether the command itself reads stdin, so that an exec plugin must not.
    #[must_use]
    pub fn with_stdin_in_use(mut self, reads_stdin: bool) -> Self {
        self.connection.sessions.stdin_in_use = reads_stdin;
        self
    }

    /// Prepares for many requests, also at the same time. They share connections: HTTP/2 if the server
    /// speaks it, otherwise as many HTTP/1.1 connections as there are requests at the same time.
    ///
    /// Signals are the caller's: see [`Hold`](crate::runtime::Hold). Must be called before the first
    /// request.
    #[must_use]
    pub fn for_many_requests(mut self) -> Self {
        self.connection.sessions.share_connections();
        self
    }

    /// Returns the path relative to this server: see [`RawPath::on_server`].
    pub fn path(&self, path: RawPath) -> Result<RawPath, Error> {
        path.on_server(&self.connection.server)
    }

    /// Returns the server's address with its base path.
    pub fn address(&self) -> String {
        self.connection.server.to_string()
    }

    /// Returns the names of the server, the context and the user.
    pub fn target(&self) -> &ServerTarget {
        &self.connection.target
    }

    /// Describes the credential that is sent. If it comes from an exec plugin, it is known after
    /// the first request.
    pub async fn credential(&self) -> CredentialSummary {
        self.connection.sessions.credential().await
    }

    /// Lists possible causes of a 401, and the source of the credential.
    pub async fn explain_unauthorized(&self) -> Vec<String> {
        let server = ServerFacts {
            authorities: self.connection.sessions.authorities().await,
            clock_skew: self.clock_skew.get(),
        };
        explain_unauthorized(&self.credential().await, &server, Timestamp::now())
    }

    /// Returns the user that requests impersonate (`--as` and related flags).
    pub fn impersonation(&self) -> Impersonation {
        self.connection.sessions.impersonation()
    }

    /// Returns a cache key for the user that requests are sent as. It contains no credential.
    pub(crate) fn user_key(&self) -> String {
        self.connection.sessions.user_key()
    }

    /// Returns the kubectl command that shows the current object at `path`, on this server and as
    /// this user.
    pub fn command_to_see(&self, path: &str) -> String {
        format!("kubectl get --raw {}{}", quoted(path), self.kubectl_flags)
    }

    /// Returns the kubectl command that replaces the object at `path`, with an object from stdin.
    pub fn command_to_replace(&self, path: &str) -> String {
        format!(
            "kubectl replace --raw {}{} -f -",
            quoted(path),
            self.kubectl_flags
        )
    }

    /// Returns the number of different warnings that the server has sent.
    pub fn warning_count(&self) -> usize {
        self.warnings.count()
    }

    /// Sends the user's request and reads the whole response. Prints the server's warnings.
    ///
    /// # Errors
    /// Every response other than a 2xx is an error, and so is a missing response; `outcome` decides
    /// which error.
    pub async fn send(&self, request: ApiRequest) -> Result<Reply, Error> {
        self.send_as(request, Requester::Configured, self.shows_headers)
            .await
    }

    /// Sends a request that the plugin itself needs. Does not show the headers of its response.
    ///
    /// # Errors
    /// As for [`ApiServer::send`].
    pub async fn look_up(&self, request: ApiRequest) -> Result<Reply, Error> {
        self.send_as(request, Requester::Configured, false).await
    }

    /// Sends a request that the plugin itself needs as the owner of the credential, without
    /// impersonation.
    ///
    /// # Errors
    /// As for [`ApiServer::send`].
    pub async fn look_up_unimpersonated(&self, request: ApiRequest) -> Result<Reply, Error> {
        self.send_as(request, Requester::Unimpersonated, false)
            .await
    }

    /// Prints bash commands that send the request with curl, like [`ApiServer::send`]. Sends
    /// nothing.
    ///
    /// `body_source` names a source from which the exact bytes of the body can be read again;
    /// `arguments` are the flags of this connection.
    pub fn print_curl(
        &self,
        request: ApiRequest,
        body_source: Option<&BodySource<'_>>,
        arguments: &ConnectionArgs,
    ) -> Result<(), Error> {
        let target = self.connection.curl_target(arguments)?;
        let request = user_agent::with_user_agent(request);
        let is_secret = RequestContext::new(&request, String::new())
            .redaction
            .is_about_secret()
            || serde_json::from_slice(&request.body).is_ok_and(|body| has_credentials(&body));
        let script = curl::script(&request, is_secret, body_source, &target);
        output::write(script.as_bytes())
    }

    /// Sends a GET whose JSON response is read as it arrives. `--request-timeout` only applies to
    /// the head of the response.
    ///
    /// # Errors
    /// As for [`ApiServer::send`].
    pub async fn open(&self, request: ApiRequest) -> Result<StreamingReply, Error> {
        let outgoing = self.outgoing(request, Requester::Configured)?;
        let context = &outgoing.context;
        let head = async || self.with_timeout(self.response_head(&outgoing)).await;
        let reply = match self.retry_after_401(context, head).await {
            Ok(reply) => reply,
            Err(failure) => return Err(self.explain(failure, false, context).await),
        };
        self.record_clock_skew(reply.headers());
        self.warnings.say_new(reply.headers(), &context.redaction);
        if !reply.status().is_success() {
            let body = self.read_body(reply, context);
            let refusal = match self.with_timeout(body).await {
                Ok(refusal) => refusal,
                Err(failure) => return Err(self.explain(failure, false, context).await),
            };
            self.interpret(refusal, context).await?;
            return Err(Error::protocol(
                "the server refused the watch without giving a reason",
            ));
        }
        let content_type = reply.headers().get(header::CONTENT_TYPE).cloned();
        let is_json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/json");
        if content_type.as_ref().is_some_and(is_json) {
            return Ok(StreamingReply(reply.into_body()));
        }
        // A body of another type may never end, and is not needed.
        context.interpret(reply.map(|_| Bytes::new()), &self.connection.server)?;
        let shown = content_type.map_or("no content type".to_owned(), |value| format!("{value:?}"));
        Err(
            Error::protocol(format!("expected a stream of JSON, but got {shown}"))
                .with_hint("check that PATH is a collection"),
        )
    }

    async fn send_as(
        &self,
        request: ApiRequest,
        requester: Requester,
        shows_headers: bool,
    ) -> Result<Reply, Error> {
        let outgoing = self.outgoing(request, requester)?;
        let context = &outgoing.context;
        let attempt = async || self.send_once(&outgoing).await;
        match self.retry_after_401(context, attempt).await {
            Ok(reply) => {
                self.record_clock_skew(reply.headers());
                if shows_headers {
                    say_headers(&reply, &context.redaction);
                }
                self.warnings.say_new(reply.headers(), &context.redaction);
                self.interpret(reply, context).await
            }
            Err(failure) => {
                let untouched = outgoing.delivery.is_untouched();
                Err(self.explain(failure, untouched, context).await)
            }
        }
    }

    /// Explains a missing or broken response. `untouched` means that no byte of the request was written.
    async fn explain(
        &self,
        failure: RequestFailure,
        untouched: bool,
        context: &RequestContext,
    ) -> Error {
        let server = &self.connection.server;
        if self.is_tls_port(&failure).await {
            return outcome::tls_expected(server);
        }
        context.explain(failure, untouched, server)
    }

    fn outgoing(&self, request: ApiRequest, requester: Requester) -> Result<Outgoing, Error> {
        let command_to_see = self.command_to_see(request.path.path());
        Outgoing::new(
            user_agent::with_user_agent(request),
            requester,
            command_to_see,
        )
    }

    fn record_clock_skew(&self, headers: &HeaderMap) {
        let text = headers
            .get(header::DATE)
            .and_then(|date| date.to_str().ok());
        if let Some(date) = text.and_then(utc::http_date) {
            let skew = date.duration_since(Timestamp::now());
            self.clock_skew.set(Some(skew));
        }
    }

    /// Interprets a whole response. Traces a refusal, and explains a 401 of the API server itself.
    async fn interpret(&self, reply: Reply, context: &RequestContext) -> Result<Reply, Error> {
        let error = match context.interpret(reply, &self.connection.server) {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let Kind::Refused(status) = error.kind() else {
            return Err(error);
        };
        self.connection.trace.refusal(status);
        if status.code != 401 || context.is_proxied {
            return Err(error);
        }
        Err(error.with_hint(self.explain_unauthorized().await.join("; ")))
    }
}

/// Shows the status line and the headers of a response, without credentials.
fn say_headers(reply: &Reply, redaction: &Redaction) {
    stderr::say(&format!("{:?} {}", reply.version(), reply.status()));
    for (name, value) in reply.headers() {
        let shown = shown_header(name, value, redaction);
        stderr::say(&format!("{name}: {shown}"));
    }
}
