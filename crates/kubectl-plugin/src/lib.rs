//! Everything that two kubectl plugins share; knows no plugin.
//!
//! # Layout
//! * [`run`] (`app`): command line → the plugin's function → exit code. The only place that parses
//!   argv or reports an error.
//! * `connection`: kubectl's flags → kubeconfig → credential → a client for one server.
//! * [`RawPath`]: a checked API path and query, sent as it stands.
//! * [`ApiServer`]: the one place where a request leaves the process, and where it is decided what
//!   a missing or bad reply means. `status` words refusals as kubectl does, `connection_error` what
//!   came instead of a reply, `redaction` takes Secrets out of both.
//! * [`Output`]: stdout and its `-o` formats, with `jsonpath` as kubectl speaks it.
//! * [`messages`]: stderr. `warnings` are those of the server.
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
mod connection;
mod connection_error;
mod error;
mod jsonpath;
/// stderr.
pub mod messages;
mod nearest;
mod output;
mod raw_path;
mod redaction;
mod status;
mod warnings;

pub use api_server::ApiServer;
pub use app::run;
pub use connection::{ConnectionArgs, boolean};
pub use error::{Error, exit_code};
pub use nearest::nearest;
pub use output::{Output, OutputArgs, name};
pub use raw_path::{RawPath, Resource};
