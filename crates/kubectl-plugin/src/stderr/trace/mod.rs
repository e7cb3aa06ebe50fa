//! `-v LEVEL`: requests and responses on stderr, in klog's format and with kubectl's content
//! (`client-go/transport/round_trippers.go`, `client-go/rest/request.go`).
//!
//! Nothing secret is shown, where kubectl only masks `Authorization`. `klog` formats the lines.
//!
//! | level | shows |
//! |---|---|
//! | 1 | flags that have no effect |
//! | 4 | the Status of a refusal |
//! | 6 | kubeconfig files and the source of the credential; method, URL, status and duration of each request |
//! | 7 | headers of requests |
//! | 8 | headers of responses; bodies in both directions, indented, up to 1024 characters |
//! | 9 | requests as curl commands; the time of each step; bodies up to 10240 characters |
//! | 10 | whole bodies; as received, unless something was removed from them |

mod klog;

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::Serialize;
use serde_json::Value;

use crate::redaction::Redaction;
use crate::redaction::documents::{Shown, shown_document};
use crate::redaction::headers_and_urls::{shown_header, url_without_credentials};
use crate::text::go_json;
use klog::{Field, event, line};

/// The level of detail that `-v` asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trace {
    level: i32,
}

/// The times of the steps of the latest connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Looking up the addresses of the host.
    pub(crate) name_lookup: Duration,
    /// Opening the TCP connection.
    pub(crate) dial: Duration,
    /// The TLS handshake with the server.
    pub(crate) handshake: Duration,
    /// The time at which the last part of the request was written.
    pub(crate) written_at: Option<Instant>,
}

impl Trace {
    pub(crate) fn new(level: i32) -> Self {
        Self { level }
    }

    /// Reports whether the trace includes `level`.
    pub(crate) fn shows(self, level: i32) -> bool {
        self.level >= level
    }

    /// Level 1: notes a flag that is accepted but has no effect.
    #[track_caller]
    pub(crate) fn ignored_flag(self, flag: &str) {
        if self.shows(1) {
            line(&format!(
                "{flag} is accepted for compatibility and has no effect"
            ));
        }
    }

    /// Level 6: shows the path of a kubeconfig file.
    #[track_caller]
    pub(crate) fn kubeconfig(self, file: &Path) {
        if self.shows(6) {
            line(&format!("Config loaded from file:  {}", file.display()));
        }
    }

    /// Level 6: names the place that the credential comes from.
    #[track_caller]
    pub(crate) fn credential(self, source: &impl Display) {
        let source = if self.shows(6) {
            source.to_string()
        } else {
            String::new()
        };
        if !source.is_empty() {
            line(&format!("Credential from {source}"));
        }
    }

    /// Level 7 and up: shows a request before it is sent.
    #[track_caller]
    pub(crate) fn request(
        self,
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        body: &[u8],
        redaction: &Redaction,
    ) {
        if !self.shows(7) {
            return;
        }
        if self.shows(8) {
            self.body("Request Body", body, redaction);
        }
        let url = url_without_credentials(url);
        if self.shows(9) {
            let mut command = format!("curl -v -X{method} ");
            for (name, value) in headers {
                let _ = write!(command, " -H {:?}", header_line(name, value, redaction));
            }
            let _ = writeln!(command, " '{url}'");
            event("Request", &[("curlCommand", Field::Text(&command))]);
        } else {
            let headers = header_lines(headers, redaction);
            event(
                "Request",
                &[
                    ("verb", Field::Text(method.as_str())),
                    ("url", Field::Text(&url)),
                    ("headers", Field::Text(&headers)),
                ],
            );
        }
    }

    /// Level 6 and up: shows the head of a response, or that none arrived, and the time it took.
    #[track_caller]
    pub(crate) fn response(
        self,
        method: &Method,
        url: &str,
        response: Option<(StatusCode, &HeaderMap)>,
        redaction: &Redaction,
        time: Duration,
        times: Times,
    ) {
        if !self.shows(6) {
            return;
        }
        let url = url_without_credentials(url);
        let (status, headers) = response.map_or_else(Default::default, |(status, headers)| {
            (status.to_string(), header_lines(headers, redaction))
        });
        let mut fields = Vec::new();
        if self.level == 6 || self.shows(9) {
            fields.extend([
                ("verb", Field::Text(method.as_str())),
                ("url", Field::Text(&url)),
            ]);
        }
        fields.push(("status", Field::Text(&status)));
        if self.shows(8) {
            fields.push(("headers", Field::Text(&headers)));
        }
        fields.push(("milliseconds", Field::Number(time.as_millis())));
        if self.shows(9) {
            fields.extend(times.fields(response.is_some()));
        }
        event("Response", &fields);
    }

    /// Level 9: shows the addresses of a host.
    #[track_caller]
    pub(crate) fn name_lookup(self, host: &str, addresses: &[SocketAddr]) {
        if self.shows(9) {
            let addresses: Vec<String> = addresses
                .iter()
                .map(|address| format!(r#"{{"IP":"{}","Zone":""}}"#, address.ip()))
                .collect();
            let addresses = addresses.join(",");
            line(&format!(
                "\"HTTP Trace: DNS Lookup resolved\" host={host:?} address=[{addresses}]"
            ));
        }
    }

    /// Level 9: shows that a TCP connection was opened, or why none could be opened. Without an
    /// address, the server's name is shown.
    #[track_caller]
    pub(crate) fn dial(
        self,
        address: Option<SocketAddr>,
        server: &Uri,
        failure: Option<&dyn Error>,
    ) {
        if !self.shows(9) {
            return;
        }
        let name = || {
            server
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        let address = address.map_or_else(name, |address| address.to_string());
        let network = ("network", Field::Text("tcp"));
        let address = ("address", Field::Text(&address));
        match failure {
            None => event("HTTP Trace: Dial succeed", &[network, address]),
            Some(failure) => {
                let reason = failure.to_string();
                event(
                    "HTTP Trace: Dial failed",
                    &[network, address, ("err", Field::Text(&reason))],
                );
            }
        }
    }

    /// Level 8 and up: shows a body, without the data of Secrets and tokens.
    #[track_caller]
    pub(crate) fn body(self, title: &str, body: &[u8], redaction: &Redaction) {
        if !self.shows(8) {
            return;
        }
        let limit = match self.level {
            8 => 1024,
            9 => 10240,
            _ => usize::MAX,
        };
        let shown = truncated(self.shown_body(body, redaction), limit);
        event(title, &[("body", Field::Text(&shown))]);
    }

    fn shown_body(self, body: &[u8], redaction: &Redaction) -> String {
        let text = String::from_utf8_lossy(body);
        let text = redaction.without_credentials(&text);
        match serde_json::from_str(&text) {
            Ok(document) => match shown_document(document, &text, redaction) {
                Shown::Whole(_) if self.shows(10) => text.into_owned(),
                Shown::Whole(document) | Shown::Redacted(document) => indented(&document),
            },
            Err(_) if body.is_empty() => String::new(),
            Err(_) if redaction.tightened_for(&text).is_about_secret() => {
                format!("<redacted: {} bytes>", body.len())
            }
            Err(_) => redaction.apply(&text),
        }
    }

    /// Level 4: shows the Status of a refusal, which is already redacted.
    #[track_caller]
    pub(crate) fn refusal(self, status: &impl Serialize) {
        if self.shows(4) {
            let mut text = Vec::new();
            go_json::indented(status, &mut text);
            line(&format!(
                "server response object: {}",
                String::from_utf8_lossy(&text)
            ));
        }
    }
}

impl Times {
    /// Returns the times with kubectl's names. The server's processing time is known only after a
    /// response.
    fn fields<'a>(self, has_response: bool) -> impl Iterator<Item = (&'static str, Field<'a>)> {
        let processing = self
            .written_at
            .filter(|_| has_response)
            .map(|written_at| ("serverProcessingMilliseconds", written_at.elapsed()));
        [
            ("dnsLookupMilliseconds", self.name_lookup),
            ("dialMilliseconds", self.dial),
            ("tlsHandshakeMilliseconds", self.handshake),
        ]
        .into_iter()
        .chain(processing)
        .map(|(name, time)| (name, Field::Number(time.as_millis())))
    }
}

fn indented(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// Cuts a text after `limit` characters, and appends the number of missing ones.
fn truncated(text: String, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text;
    }
    let beginning: String = text.chars().take(limit).collect();
    format!("{beginning} [truncated {} chars]", length - limit)
}

/// Formats headers like kubectl: one `Name: value` per line, sorted.
fn header_lines(headers: &HeaderMap, redaction: &Redaction) -> String {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| header_line(name, value, redaction) + "\n")
        .collect();
    lines.sort();
    lines.concat()
}

fn header_line(name: &HeaderName, value: &HeaderValue, redaction: &Redaction) -> String {
    format!(
        "{}: {}",
        canonical(name.as_str()),
        shown_header(name, value, redaction)
    )
}

/// Spells a header's name like Go: `content-type` becomes `Content-Type` (`net/textproto`,
/// `CanonicalMIMEHeaderKey`).
fn canonical(name: &str) -> String {
    let mut is_first = true;
    let letters = name.chars().map(|letter| {
        let letter = if is_first {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        is_first = letter == '-';
        letter
    });
    letters.collect()
}
