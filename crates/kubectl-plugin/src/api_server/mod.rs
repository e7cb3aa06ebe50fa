//! `ApiServer`: the one place where a request leaves the process, once.
//!
//! What its reply means, or that there is none, is decided by `outcome`. Only an API server's 401
//! says for certain that nothing was done: when the login can be renewed, the request is sent
//! once more. So it is when the server was not trusted, and the file of authorities is a new one.

mod connection_error;
mod outcome;
mod reply;
mod warnings;

use std::cell::Cell;
use std::env;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use kube_client::client::Body;

use crate::connection::{
    Connection, ConnectionArgs, Contexts, CredentialSummary, ServerTarget, Session,
};
use crate::curl::{self, BodySource};
use crate::error::Kind;
use crate::redaction::Redaction;
use crate::redaction::headers_and_urls;
use crate::request::RawPath;
use crate::runtime::signals::Hold;
use crate::text::shell::quoted;
use crate::text::utc;
use crate::{Error, output, stderr};
use outcome::{Failure, RequestContext};
use warnings::Warnings;

pub use outcome::refusal;
pub use reply::{End, Reply, StreamingReply};

/// What nobody's name and groups fill, in bytes. Who somebody is may be asked of many servers at once,
/// and any of them may be none.
const LONGEST_REVIEW: usize = 16 << 20;

/// A server, and a way to send requests to it as one user.
pub struct ApiServer {
    connection: Connection,
    warnings: Warnings,
    shows_headers: bool,
    /// The flags of a command for the same server.
    kubectl_flags: String,
    /// How far the server's clock was ahead of ours when it last told the time.
    clock_skew: Cell<Option<SignedDuration>>,
}

impl ApiServer {
    /// Reads the kubeconfig and prepares the connection; nothing is sent yet.
    pub fn connect(arguments: &ConnectionArgs) -> Result<Self, Error> {
        let connection = arguments.connect()?;
        connection.notes.iter().for_each(|note| stderr::say(note));
        Ok(Self::new(connection, arguments))
    }

    /// Prepares the connection of a context; nothing is sent yet. No plugin may read stdin, as
    /// several contexts may be connected to at once.
    pub fn of_context(contexts: &Contexts, name: &str) -> Result<Self, Error> {
        let connection = contexts.connect(name)?;
        for note in &connection.notes {
            stderr::say(&format!("context {name:?}: {note}"));
        }
        let server = Self::new(connection, &contexts.arguments(name));
        Ok(server.reading_stdin(true))
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

    /// Shows the status line and the headers of the replies to [`ApiServer::send`] on stderr.
    #[must_use]
    pub fn showing_headers(self, shows_headers: bool) -> Self {
        Self {
            shows_headers,
            ..self
        }
    }

    /// Says whether the command reads stdin itself, so that an exec plugin must not.
    #[must_use]
    pub fn reading_stdin(mut self, reads_stdin: bool) -> Self {
        self.connection.login.stdin_in_use = reads_stdin;
        self
    }

    /// The path for this server: see [`RawPath::on_server`].
    pub fn path(&self, path: RawPath) -> Result<RawPath, Error> {
        path.on_server(&self.connection.server)
    }

    /// The address, with the base path.
    pub fn address(&self) -> String {
        self.connection.server.to_string()
    }

    /// The server and the context, by their names.
    pub fn target(&self) -> &ServerTarget {
        &self.connection.target
    }

    /// What is presented to the server; an exec plugin's answer once a request has been sent.
    pub async fn credential(&self) -> CredentialSummary {
        self.connection.login.credential().await
    }

    /// The names of the authorities that the kubeconfig trusts for this server.
    pub async fn authorities(&self) -> Vec<String> {
        self.connection.login.authorities().await
    }

    /// Whether requests are sent as somebody else (`--as` and its company).
    pub fn impersonates(&self) -> bool {
        self.connection.login.impersonates()
    }

    /// How far the server's clock is ahead of ours, by the `Date` of its last reply. That has whole
    /// seconds, and the reply was on its way for a while.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.clock_skew.get()
    }

    /// To whom the server's answers are, without a credential.
    pub(crate) fn identity(&self) -> String {
        self.connection.login.identity()
    }

    /// The command that shows what is at `path` now, on the same server as the same user.
    pub fn command_to_see(&self, path: &str) -> String {
        format!("kubectl get --raw {}{}", quoted(path), self.kubectl_flags)
    }

    /// How many different warnings the server has sent.
    pub fn warning_count(&self) -> usize {
        self.warnings.count()
    }

    /// Sends the user's request and reads the whole reply. Warnings are said on the way.
    ///
    /// It is sent once. Only after a 401, with which a server says that it did nothing, a login
    /// that can be renewed is, and sends it once more.
    ///
    /// # Errors
    /// Any answer that is not 2xx is one; `outcome` decides which, and what no answer means.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Reply, Error> {
        self.ask(request, Asker::Configured, self.shows_headers)
            .await
    }

    /// Sends a request of the plugin's own, to find out something; its headers are not shown.
    ///
    /// # Errors
    /// As for [`ApiServer::send`].
    pub async fn look_up(&self, request: Request<Vec<u8>>) -> Result<Reply, Error> {
        self.ask(request, Asker::Configured, false).await
    }

    /// The same, as whoever the credential belongs to and not as whom it impersonates.
    ///
    /// # Errors
    /// As for [`ApiServer::send`].
    pub async fn look_up_unimpersonated(&self, request: Request<Vec<u8>>) -> Result<Reply, Error> {
        self.ask(request, Asker::Unimpersonated, false).await
    }

    /// Prints the commands that do by curl what [`ApiServer::send`] does, for bash, and sends
    /// nothing. `given` is where the very bytes of the body are, and `arguments` are those that the
    /// server was connected to with.
    pub fn print_curl(
        &self,
        request: Request<Vec<u8>>,
        given: Option<&BodySource<'_>>,
        arguments: &ConnectionArgs,
    ) -> Result<(), Error> {
        let target = self.connection.curl_target(arguments)?;
        let request = signed(request);
        let context = RequestContext::new(&request, String::new());
        let is_secret = context.redaction.is_secret()
            || serde_json::from_slice(request.body())
                .is_ok_and(|body| headers_and_urls::is_in(&body));
        output::write(curl::script(&request, is_secret, given, &target).as_bytes())
    }

    /// Sends a GET whose reply is JSON and read as it comes. The request timeout counts until its
    /// head has come.
    ///
    /// # Errors
    /// As for [`ApiServer::send`].
    pub async fn open(&self, request: Request<Vec<u8>>) -> Result<StreamingReply, Error> {
        let request = signed(request);
        let context = RequestContext::new(&request, self.command_to_see(request.uri().path()));
        let server = &self.connection.server;
        let failed = |failure| context.explain(failure, false, server);
        let head = || self.in_time(self.head(request.clone(), Asker::Configured, &context));
        let (mut reply, session) = head().await.map_err(failed)?;
        if self.may_try_again(reply.status(), &session, &context).await {
            (reply, _) = head().await.map_err(failed)?;
        }
        self.warnings.say_new(reply.headers(), &context.redaction);
        let content_type = reply.headers().get(header::CONTENT_TYPE).cloned();
        let is_json = content_type
            .as_ref()
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        if reply.status().is_success() {
            if is_json {
                return Ok(StreamingReply(reply.into_body()));
            }
            // What is no JSON may go on for ever, and nothing of it is needed.
            context.judge(reply.map(|_| Bytes::new()), server)?;
            let shown =
                content_type.unwrap_or(HeaderValue::from_static("something without a type"));
            return Err(Error::protocol(format!(
                "the server answered with {shown:?} instead of a stream of JSON"
            ))
            .hinted("is PATH that of a collection?"));
        }
        let refusal = self
            .in_time(self.whole(reply, &context))
            .await
            .map_err(failed)?;
        self.judge(refusal, &context)?;
        Err(Error::protocol("the server refused and gave no reason"))
    }

    async fn ask(
        &self,
        request: Request<Vec<u8>>,
        asker: Asker,
        shows_headers: bool,
    ) -> Result<Reply, Error> {
        let request = signed(request);
        let context = RequestContext::new(&request, self.command_to_see(request.uri().path()));
        let mut written_before = self.connection.meter.written();
        let mut answer = self.exchange(request.clone(), asker, &context).await;
        if let Ok((reply, session)) = &answer
            && self.may_try_again(reply.status(), session, &context).await
        {
            written_before = self.connection.meter.written();
            answer = self.exchange(request, asker, &context).await;
        }
        match answer {
            Ok((reply, _)) => {
                self.notice_time(reply.headers());
                if shows_headers {
                    say_headers(&reply, &context.redaction);
                }
                self.warnings.say_new(reply.headers(), &context.redaction);
                self.judge(reply, &context)
            }
            Err(failure) => {
                let untouched = self.connection.meter.written() == written_before;
                Err(context.explain(failure, untouched, &self.connection.server))
            }
        }
    }

    /// Takes in what the server's clock says.
    fn notice_time(&self, headers: &HeaderMap) {
        let text = headers
            .get(header::DATE)
            .and_then(|date| date.to_str().ok());
        if let Some(date) = text.and_then(utc::http_date) {
            let skew = date.duration_since(Timestamp::now());
            self.clock_skew.set(Some(skew));
        }
    }

    /// Whether an answer says that nothing was done, for want of a login that there is now.
    async fn may_try_again(
        &self,
        status: StatusCode,
        session: &Arc<Session>,
        context: &RequestContext,
    ) -> bool {
        status == StatusCode::UNAUTHORIZED
            && !context.is_proxied
            && self.connection.login.renew(session).await
    }

    /// What a whole reply means; tells of a refusal.
    fn judge(&self, reply: Reply, context: &RequestContext) -> Result<Reply, Error> {
        let judged = context.judge(reply, &self.connection.server);
        if let Err(error) = &judged
            && let Kind::Refused(status) = error.kind()
        {
            self.connection.trace.refusal(status);
        }
        judged
    }

    /// One request, its whole reply, and the session that it went by. Signals are held back only
    /// where something must be said before they end the process.
    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
        asker: Asker,
        context: &RequestContext,
    ) -> Result<(Reply, Arc<Session>), Failure> {
        let in_time = self.in_time(async {
            // On the heap, as it is a part of every future that asks something.
            let (reply, session) = Box::pin(self.head(request, asker, context)).await?;
            Ok((self.whole(reply, context).await?, session))
        });
        if context.may_change
            && let Ok(mut hold) = Hold::start()
        {
            tokio::select! {
                biased;
                signal = hold.signal() => Err(Failure::Interrupted(signal)),
                reply = in_time => reply,
            }
        } else {
            in_time.await
        }
    }

    /// What comes within the request timeout.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match self.connection.request_timeout {
            Some(timeout) => tokio::time::timeout(timeout, work)
                .await
                .unwrap_or(Err(Failure::TimedOut(timeout))),
            None => work.await,
        }
    }

    /// One request, the head of its reply, and the session that it went by.
    async fn head(
        &self,
        request: Request<Vec<u8>>,
        asker: Asker,
        context: &RequestContext,
    ) -> Result<(Response<Body>, Arc<Session>), Failure> {
        let login = &self.connection.login;
        let mut is_first = true;
        loop {
            let session = login.session().await.map_err(Failure::Login)?;
            let sent = self.send_by(&session, request.clone(), asker, context);
            match sent.await {
                // Nothing is sent to a server that is not trusted.
                Err(Failure::Transport(error))
                    if std::mem::take(&mut is_first)
                        && connection_error::is_untrusted(&error)
                        && login.trust_anew(&session).await => {}
                reply => return Ok((reply?, session)),
            }
        }
    }

    /// The whole of a reply of which the head has come.
    async fn whole(
        &self,
        reply: Response<Body>,
        context: &RequestContext,
    ) -> Result<Reply, Failure> {
        let (parts, body) = reply.into_parts();
        let limit = if context.is_review {
            LONGEST_REVIEW
        } else {
            usize::MAX
        };
        let body = Limited::new(body, limit)
            .collect()
            .await
            .map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => Failure::TooLong(parts.status),
                Err(_) => Failure::Torn(parts.status),
            })?
            .to_bytes();
        self.connection
            .trace
            .body("Response Body", &body, &context.redaction);
        Ok(Response::from_parts(parts, body))
    }

    /// Sends a request by one session, up to the head of its reply, and tells of both.
    async fn send_by(
        &self,
        session: &Session,
        mut request: Request<Vec<u8>>,
        asker: Asker,
        context: &RequestContext,
    ) -> Result<Response<Body>, Failure> {
        let Connection {
            trace,
            meter,
            server,
            ..
        } = &self.connection;
        let client = session.client.clone();
        session
            .secrets()
            .for_each(|secret| context.redaction.hide(secret));
        let sent = |name: &HeaderName| {
            asker == Asker::Configured || !name.as_str().starts_with("impersonate-")
        };
        let headers = session.headers.iter().filter(|(name, _)| sent(name));
        for (name, value) in headers {
            request.headers_mut().append(name, value.clone());
        }
        if !trace.shows(6) {
            return client
                .send(request.map(Body::from))
                .await
                .map_err(Failure::Transport);
        }
        let method = request.method().clone();
        let url = format!(
            "{}{}",
            server.to_string().trim_end_matches('/'),
            request.uri()
        );
        trace.request(
            &method,
            &url,
            request.headers(),
            request.body(),
            &context.redaction,
        );
        let start = Instant::now();
        let reply = client.send(request.map(Body::from)).await;
        let answer = reply
            .as_ref()
            .ok()
            .map(|reply| (reply.status(), reply.headers()));
        trace.response(
            &method,
            &url,
            answer,
            &context.redaction,
            start.elapsed(),
            meter.times(),
        );
        reply.map_err(Failure::Transport)
    }
}

/// As whom a request is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// As the flags and the kubeconfig say.
    Configured,
    /// As the owner of the credential, whomever that impersonates.
    Unimpersonated,
}

/// The request with the name of who sends it, unless it has another one.
fn signed(mut request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    request
        .headers_mut()
        .entry(header::USER_AGENT)
        .or_insert_with(user_agent);
    request
}

/// `kubectl-rawpatch/0.1.0 (linux/amd64)`, in the form of client-go's
/// (`client-go/rest/config.go`, `DefaultKubernetesUserAgent`), with Go's names of systems.
fn user_agent() -> HeaderValue {
    let program = env::args_os().next().unwrap_or_default();
    let program = Path::new(&program)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let system = match env::consts::OS {
        "macos" => "darwin",
        system => system,
    };
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        architecture => architecture,
    };
    let version = env!("CARGO_PKG_VERSION");
    HeaderValue::try_from(format!("{program}/{version} ({system}/{architecture})"))
        .unwrap_or(HeaderValue::from_static("kubectl-plugin"))
}

/// Says the status line and the headers, without what logs somebody in.
fn say_headers(reply: &Reply, redaction: &Redaction) {
    stderr::say(&format!("{:?} {}", reply.version(), reply.status()));
    for (name, value) in reply.headers() {
        let shown = headers_and_urls::header(name, value, redaction);
        stderr::say(&format!("{name}: {shown}"));
    }
}
