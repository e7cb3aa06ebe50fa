//! Everything that two kubectl plugins share; knows no plugin.
//!
//! # Layout
//! * [`run`] (`app`): command line → the plugin's function → exit code. The only place that parses
//!   argv or reports an error. `command_name` is what the user calls the plugin.
//! * `completion`: answers a shell's TAB, by what the API server has. [`Complete`] is a plugin's part.
//! * `connection`: kubectl's flags → kubeconfig → credential → a client for one server. `transport`
//!   in it opens connections, through proxies too; `tls` says whom to trust.
//! * [`RawPath`]: a checked API path and query, sent as it stands; [`Attributes`]: what a [`Verb`] on
//!   it means to an authorizer.
//! * [`ApiServer`]: the one place where a request leaves the process, and what is known of the way
//!   to it: [`Target`], [`Credential`]. `outcome` decides what its reply, or that there is none,
//!   means; `signals` holds the process until that is said. `status` words refusals as kubectl does,
//!   `connection_error` what came instead of a reply, `redaction` takes Secrets out of both.
//! * [`parse_header`] (`request_header`): a header of the user's own, for `-H`.
//! * `help`: the shape of `--help`.
//! * `curl`: the same request as a command for bash, for `--curl`.
//! * [`StreamingReply`]: a reply that is read as it comes.
//! * [`Output`]: stdout and its `-o` formats, with `jsonpath` as kubectl speaks it.
//! * [`messages`]: stderr, with [`Progress`] as its last line. `warnings` are those of the server;
//!   `trace` is `-v`, and `secret` says what neither it nor any message may show; [`terminal`] says
//!   what may be shown there.
//! * `go_json`, [`utc`], `shell`, `nearest`: how documents, points in time and words of a command are
//!   written, and what a misspelt name may have meant.
//! * [`Error`]: what a user reads, its hint, its exit code.
//!
//! # Data flow
//! ```text
//! argv ─clap─▶ a plugin's arguments ─▶ http::Request ─▶ ApiServer::send ─▶ http::Response ─▶ Output ─▶ stdout
//!              ConnectionArgs ─▶ kubeconfig ─▶ Connection ─▶ ApiServer
//!              Err(Error) ─▶ run ─▶ a line and a hint on stderr, the exit code
//! ```
//! The left half is pure, and tested beside the code; the right half is tested against a real
//! API server, by the built binaries (`tests/`).

mod api_server;
mod app;
mod command_name;
mod completion;
mod connection;
mod connection_error;
mod curl;
mod error;
mod go_json;
mod help;
mod jsonpath;
pub mod messages;
mod nearest;
mod outcome;
mod output;
mod progress;
mod raw_path;
mod redaction;
mod request_header;
mod secret;
mod shell;
mod signals;
mod status;
mod streaming_reply;
pub mod terminal;
mod trace;
pub mod utc;
mod warnings;

pub use api_server::{ApiServer, Reply};
pub use app::run;
pub use completion::{Complete, Values};
pub use connection::{
    Authorization, BearerToken, Claims, ClientCertificate, ConnectionArgs, Contexts, Credential,
    Plugin, Target, parse_boolean, parse_duration,
};
pub use curl::Given;
pub use error::{Error, Kind};
pub use help::{AFTER_SHORT_HELP, HELP_TEMPLATE};
pub use jsonpath::{ParseError, RenderError, Template};
pub use output::{Output, OutputArgs, object_name, unknown_format, write, write_coloured};
pub use progress::Progress;
pub use raw_path::{Attributes, RawPath, Resource, Verb};
pub use request_header::parse_header;
pub use signals::Arrivals;
pub use status::refusal;
pub use streaming_reply::{End, StreamingReply};
