//! `ApiServer`: the one place where a request leaves the process.
//!
//! Besides sending, it decides what a failure *means*. A request that may change
//! something and of which a byte was written may have taken effect, whatever happened
//! to its reply; such a failure is [`Error::OutcomeUnknown`], and nothing is ever sent
//! again (reliability rules: at most once). A request of which nothing was written is
//! [`Error::Connection`].

use std::env;
use std::path::Path;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use kube_client::client::Body;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::emulate_default_handler;
use tokio::signal::unix::{SignalKind, signal};

use crate::connection::{Connection, ConnectionArgs};
use crate::redaction::Redaction;
use crate::warnings::Warnings;
use crate::{Error, RawPath, connection_error, messages, status};

/// A server, and the login for it.
pub struct ApiServer {
    connection: Connection,
    warnings: Warnings,
    includes_headers: bool,
}

/// What went wrong between the request and the end of its reply.
enum Failure {
    /// No reply, for a reason that the error tells.
    Transport(kube_client::Error),
    /// The reply began with this status and broke off.
    Torn(StatusCode),
    /// `--request-timeout` passed.
    TimedOut(Duration),
    /// This signal came.
    Interrupted(i32),
}

impl ApiServer {
    /// Reads the kubeconfig and logs in; nothing is sent yet.
    pub fn connect(arguments: &ConnectionArgs) -> Result<Self, Error> {
        let connection = arguments.connect()?;
        connection.notes.iter().for_each(|note| messages::say(note));
        Ok(Self {
            connection,
            warnings: Warnings::default(),
            includes_headers: false,
        })
    }

    /// Shows the status line and the headers of every reply on stderr.
    #[must_use]
    pub fn including_headers(mut self, includes_headers: bool) -> Self {
        self.includes_headers = includes_headers;
        self
    }

    /// The path for this server: see [`RawPath::on_server`].
    pub fn path(&self, path: RawPath) -> Result<RawPath, Error> {
        path.on_server(&self.connection.server)
    }

    /// How many different warnings the server has sent.
    pub fn warning_count(&self) -> usize {
        self.warnings.count()
    }

    /// Sends `request`, once, and reads the whole reply. Warnings are said on the way.
    ///
    /// # Errors
    /// Any answer that is not 2xx is one; see the module for those without an answer.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Error> {
        let question = Question::new(&request);
        let mut request = request;
        request
            .headers_mut()
            .entry(header::USER_AGENT)
            .or_insert_with(user_agent);
        let written_before = self.connection.written.get();
        let reply = self.exchange(request, question.may_change).await;
        let untouched = self.connection.written.get() == written_before;
        match reply {
            Ok(response) => {
                if self.includes_headers {
                    say_headers(&response);
                }
                self.warnings.say_new(response.headers());
                self.judge(response, &question)
            }
            Err(Failure::Interrupted(signal)) => {
                if question.may_change && !untouched {
                    let error = question.outcome_unknown("interrupted before the reply came");
                    crate::app::report(&error);
                }
                let _ = emulate_default_handler(signal);
                Err(Error::connection("error: interrupted"))
            }
            Err(failure) => Err(self.explain(failure, &question, untouched)),
        }
    }

    /// One request and its whole reply. Signals are waited for only where something must be
    /// said before they end the process.
    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
        may_change: bool,
    ) -> Result<Response<Bytes>, Failure> {
        let timeout = self.connection.request_timeout;
        let round_trip = async {
            let response = self
                .connection
                .client
                .send(request.map(Body::from))
                .await
                .map_err(Failure::Transport)?;
            let (parts, body) = response.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|_| Failure::Torn(parts.status))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        let within_time = async {
            match timeout {
                Some(timeout) => tokio::time::timeout(timeout, round_trip)
                    .await
                    .unwrap_or(Err(Failure::TimedOut(timeout))),
                None => round_trip.await,
            }
        };
        if !may_change {
            return within_time.await;
        }
        tokio::select! {
            reply = within_time => reply,
            signal = interruption() => Err(Failure::Interrupted(signal)),
        }
    }

    /// What a whole reply means.
    fn judge(
        &self,
        response: Response<Bytes>,
        question: &Question,
    ) -> Result<Response<Bytes>, Error> {
        let code = response.status();
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let is_html =
            header(header::CONTENT_TYPE).is_some_and(|value| value.starts_with("text/html"));
        let foreign = is_html && !question.is_proxied;
        if code.is_success() && !foreign {
            return Ok(response);
        }
        let refusal = status::parse(
            code,
            response.headers(),
            &question.method,
            response.body(),
            question.redaction(),
        );
        if question.may_change && is_outcome_unknown(code, &refusal.message) {
            return Err(question
                .outcome_unknown(&format!("the server answered {code}: {}", refusal.message)));
        }
        if code.is_redirection() {
            return Err(Error::Protocol {
                message: format!(
                    "{} answered {code}, and a redirect is never followed",
                    self.host()
                ),
                hint: Some(
                    "give the server's final address: a login page or a proxy is in between"
                        .to_owned(),
                ),
            });
        }
        if foreign {
            return Err(Error::Protocol {
                message: format!(
                    "{} answered {code} with an HTML page, not as a Kubernetes API server",
                    self.host()
                ),
                hint: Some(
                    "is a login page or a proxy in between? look at the server in your kubeconfig"
                        .to_owned(),
                ),
            });
        }
        Err(Error::Refused {
            status: Box::new(refusal),
            hint: None,
        })
    }

    /// What the lack of a reply means.
    fn explain(&self, failure: Failure, question: &Question, untouched: bool) -> Error {
        let may_have_changed = question.may_change && !untouched;
        match failure {
            Failure::Transport(error) => {
                let refused_by_tls = connection_error::is_refused_handshake(&error);
                let error = connection_error::explain(&error, &self.connection.server);
                if may_have_changed && !refused_by_tls {
                    question.outcome_unknown(&format!(
                        "the connection was lost before the reply came ({})",
                        reason(&error)
                    ))
                } else {
                    error
                }
            }
            Failure::Torn(code) if question.may_change && code.is_success() => question
                .outcome_unknown(&format!(
                    "the server answered {code}, and the rest of its reply was lost"
                )),
            Failure::Torn(code) if question.may_change => question.outcome_unknown(&format!(
                "the server began to answer {code}, and the rest was lost"
            )),
            Failure::Torn(code) => Error::connection(format!(
                "error: the reply ({code}) of {} broke off",
                self.host()
            )),
            Failure::TimedOut(timeout) if may_have_changed => {
                question.outcome_unknown(&format!("no reply within --request-timeout={timeout:?}"))
            }
            Failure::TimedOut(_) | Failure::Interrupted(_) => Error::connection(
                "Unable to connect to the server: context deadline exceeded \
                 (Client.Timeout exceeded while awaiting headers)",
            ),
        }
    }

    fn host(&self) -> &str {
        self.connection
            .server
            .authority()
            .map_or("the server", |authority| authority.as_str())
    }
}

/// What is kept of a request, to judge its answer by.
struct Question {
    method: Method,
    path: String,
    /// It may change something on the server.
    may_change: bool,
    is_proxied: bool,
    is_secret: bool,
    body: Vec<u8>,
}

impl Question {
    fn new(request: &Request<Vec<u8>>) -> Self {
        let path = RawPath::verbatim(&request.uri().to_string()).ok();
        let is_dry_run = path
            .as_ref()
            .is_some_and(|path| path.parameter("dryRun").as_deref() == Some("All"));
        let is_secret = path
            .as_ref()
            .and_then(RawPath::resource)
            .is_some_and(|resource| resource.is_secret());
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            may_change: !request.method().is_safe() && !is_dry_run,
            is_proxied: path.is_some_and(|path| path.is_proxied()),
            // Only a Secret's own values are searched for in what the server says.
            body: if is_secret {
                request.body().clone()
            } else {
                Vec::new()
            },
            is_secret,
        }
    }

    fn redaction(&self) -> Redaction {
        Redaction::for_request(self.is_secret, &self.body)
    }

    fn outcome_unknown(&self, what_happened: &str) -> Error {
        Error::OutcomeUnknown {
            message: format!(
                "{what_happened}; the {} may or may not have been applied",
                self.method
            ),
            hint: Some(format!(
                "nothing is sent twice; look at the object before you do: kubectl get --raw {}",
                self.path
            )),
        }
    }
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

/// Says the status line and the headers, but for those that log somebody in.
fn say_headers(response: &Response<Bytes>) {
    messages::say(&format!("{:?} {}", response.version(), response.status()));
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        let secret = [header::SET_COOKIE, header::AUTHORIZATION].contains(name);
        messages::say(&format!(
            "{name}: {}",
            if secret { "<redacted>" } else { &value }
        ));
    }
}

/// Whether an answer leaves it open what became of the request: a gateway's word, a
/// time-out, or etcd's, which may have committed what it could not confirm.
fn is_outcome_unknown(code: StatusCode, message: &str) -> bool {
    match code.as_u16() {
        502..=504 => true,
        500 => [
            "etcdserver: request timed out",
            "etcdserver: leader changed",
            "context deadline exceeded",
        ]
        .iter()
        .any(|text| message.contains(text)),
        _ => false,
    }
}

/// The part of a connection error that says why, without kubectl's beginning of the line.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    text.strip_prefix("Unable to connect to the server: ")
        .unwrap_or(&text)
        .to_owned()
}

/// Waits for the first signal that asks the process to end.
async fn interruption() -> i32 {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => SIGINT,
        _ = terminate.recv() => SIGTERM,
    }
}
