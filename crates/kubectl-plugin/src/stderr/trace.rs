//! `-v LEVEL`: what is sent and what comes back, on stderr, in klog's format and with kubectl's
//! content (`client-go/transport/round_trippers.go`, `client-go/rest/request.go`).
//!
//! Beyond kubectl, the bodies of both directions are shown, and nothing secret is: kubectl masks
//! `Authorization` alone.
//!
//! | level | shows |
//! |---|---|
//! | 1 | flags that do nothing here |
//! | 4 | the Status of a refusal |
//! | 6 | the kubeconfig files; method, URL, status and time of each request |
//! | 7 | the request's headers |
//! | 8 | the reply's headers; both bodies, indented, their first 1024 characters |
//! | 9 | the request as a curl command, and what its time went into; 10240 characters of bodies |
//! | 10 | whole bodies, as they are |

use std::error::Error;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::panic::Location;
use std::path::Path;
use std::process;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Zoned;
use serde_json::Value;

use crate::redaction::Redaction;
use crate::redaction::headers_and_urls;
use crate::redaction::headers_and_urls::Shown;
use crate::stderr;
use crate::text::go_json;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trace {
    level: i32,
}

/// A value of a line: text is quoted, or set in lines of its own if it has several.
enum Field<'a> {
    Text(&'a str),
    Number(u128),
}

/// How long the parts of the last connection took to come about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Until the name's addresses were known.
    pub(crate) name_lookup: Duration,
    /// Until one of them took the TCP connection.
    pub(crate) dial: Duration,
    /// Until TLS with the server was agreed on.
    pub(crate) handshake: Duration,
    /// When a part of the request was last written.
    pub(crate) written_at: Option<Instant>,
}

impl Trace {
    pub(crate) fn new(level: i32) -> Self {
        Self { level }
    }

    /// Whether what belongs to `level` is shown.
    pub(crate) fn shows(self, level: i32) -> bool {
        self.level >= level
    }

    /// Level 1: a flag that is accepted and does nothing.
    #[track_caller]
    pub(crate) fn idle_flag(self, flag: &str) {
        if self.shows(1) {
            line(&format!(
                "{flag} is accepted as kubectl has it, and does nothing here"
            ));
        }
    }

    /// Level 6: a file that the configuration was read from.
    #[track_caller]
    pub(crate) fn kubeconfig(self, file: &Path) {
        if self.shows(6) {
            line(&format!("Config loaded from file:  {}", file.display()));
        }
    }

    /// Level 7 and up: a request before it is sent.
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
        let url = headers_and_urls::url(url);
        if self.shows(9) {
            let mut command = format!("curl -v -X{method} ");
            for (name, value) in headers {
                let _ = write!(
                    command,
                    " -H {:?}",
                    format!(
                        "{}: {}",
                        canonical(name.as_str()),
                        headers_and_urls::header(name, value, redaction)
                    )
                );
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

    /// Level 6 and up: what came back, and when.
    #[track_caller]
    pub(crate) fn response(
        self,
        method: &Method,
        url: &str,
        answer: Option<(StatusCode, &HeaderMap)>,
        redaction: &Redaction,
        time: Duration,
        times: Times,
    ) {
        if !self.shows(6) {
            return;
        }
        let url = headers_and_urls::url(url);
        let status = answer.map_or_else(String::new, |(status, _)| status.to_string());
        let headers =
            answer.map_or_else(String::new, |(_, headers)| header_lines(headers, redaction));
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
            let waited = times
                .written_at
                .map(|written_at| written_at.elapsed().as_millis());
            fields.extend([
                (
                    "dnsLookupMilliseconds",
                    Field::Number(times.name_lookup.as_millis()),
                ),
                ("dialMilliseconds", Field::Number(times.dial.as_millis())),
                (
                    "tlsHandshakeMilliseconds",
                    Field::Number(times.handshake.as_millis()),
                ),
            ]);
            fields.extend(
                answer
                    .and(waited)
                    .map(|waited| ("serverProcessingMilliseconds", Field::Number(waited))),
            );
        }
        event("Response", &fields);
    }

    /// Level 9: the addresses that a name has.
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

    /// Level 9: TCP to an address, or that there is none to a server.
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
        let network = ("network", Field::Text("tcp"));
        let named = || {
            server
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        let address = address.map_or_else(named, |address| address.to_string());
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

    /// Level 8 and up: a body, which is data of the user's own but for Secrets.
    #[track_caller]
    pub(crate) fn body(self, title: &str, body: &[u8], redaction: &Redaction) {
        if !self.shows(8) {
            return;
        }
        let text = String::from_utf8_lossy(body);
        let text = redaction.without_credentials(&text);
        let shown = match serde_json::from_str(&text) {
            Ok(document) => match headers_and_urls::without_values(document, &text, redaction) {
                Shown::Whole(_) if self.shows(10) => text.into_owned(),
                Shown::Whole(document) | Shown::Redacted(document) => indented(&document),
            },
            Err(_) if body.is_empty() => String::new(),
            Err(_) if redaction.widened_by(&text).is_secret() => {
                format!("<redacted: {} bytes>", body.len())
            }
            Err(_) => redaction.apply(&text),
        };
        let limit = match self.level {
            8 => 1024,
            9 => 10240,
            _ => usize::MAX,
        };
        let length = shown.chars().count();
        let shown = if length > limit {
            let beginning: String = shown.chars().take(limit).collect();
            format!("{beginning} [truncated {} chars]", length - limit)
        } else {
            shown
        };
        event(title, &[("body", Field::Text(&shown))]);
    }

    /// Level 4: the Status of a refusal, already redacted.
    #[track_caller]
    pub(crate) fn refusal(self, status: &impl serde::Serialize) {
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

fn indented(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// `Name: value` a line, sorted, as kubectl shows headers.
fn header_lines(headers: &HeaderMap, redaction: &Redaction) -> String {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| {
            format!(
                "{}: {}\n",
                canonical(name.as_str()),
                headers_and_urls::header(name, value, redaction)
            )
        })
        .collect();
    lines.sort();
    lines.concat()
}

/// `content-type` → `Content-Type`, Go's spelling (`net/textproto`, `CanonicalMIMEHeaderKey`).
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

/// Says a message with its fields.
#[track_caller]
fn event(message: &str, fields: &[(&str, Field<'_>)]) {
    let mut text = format!("{message:?}");
    for (name, field) in fields {
        let _ = match field {
            Field::Number(number) => write!(text, " {name}={number}"),
            Field::Text(value) if value.contains('\n') => {
                let lines = value.trim_end_matches('\n').replace('\n', "\n\t");
                write!(text, " {name}=<\n\t{lines}\n >")
            }
            Field::Text(value) => write!(text, " {name}={value:?}"),
        };
    }
    line(&text);
}

/// Says a line with klog's head: severity, month and day, time, process, place in the source.
#[track_caller]
fn line(text: &str) {
    let place = Location::caller();
    let file = Path::new(place.file())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let now = Zoned::now();
    let time = now.strftime("%m%d %H:%M:%S.%6f");
    stderr::say(&format!(
        "I{time} {:7} {file}:{}] {text}",
        process::id(),
        place.line()
    ));
}
