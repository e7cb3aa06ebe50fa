//! Everything that two kubectl plugins share; knows no plugin.
//!
//! # Layout
//! From the top down; a module imports only from those below it.
//!
//! | module | does |
//! |---|---|
//! | [`command`] | runs a plugin: command line → the plugin's function → exit code |
//! | [`completion`] | answers a shell's TAB with what the API server has |
//! | [`api_server`] | sends requests, and decides what a response, or the lack of one, means |
//! | [`curl`] | writes the same request as a `curl` command |
//! | [`connection`] | turns kubectl's flags and kubeconfig into a client for one server |
//! | [`stderr`] | says everything beside the data: messages, progress, the trace of `-v` |
//! | [`output`] | writes data to stdout, in the `-o` formats |
//! | [`request`] | checks a path and its query before anything is sent |
//! | [`error`] | holds what a user reads when something fails: message, hint, exit code |
//! | `redaction` | removes credentials and the data of Secrets from everything shown |
//! | [`runtime`] | waits for asynchronous work, and for signals |
//! | [`text`] | reads and writes times, JSON as Go prints it, words of a shell |
//!
//! # Data flow
//! ```text
//! argv ─clap─▶ a plugin's arguments ─▶ ApiRequest ─▶ ApiServer::send ─▶ Reply ─▶ Output ─▶ stdout
//!              ConnectionArgs ─▶ kubeconfig ─▶ Connection ─▶ ApiServer
//!              Err(Error) ─▶ command::run ─▶ one line and a hint on stderr, the exit code
//! ```
//! The left half is pure and tested beside the code. The right half is tested against a real
//! API server, by the built binaries (`tests/`).

pub mod api_server;
pub mod command;
pub mod completion;
pub mod connection;
pub mod curl;
pub mod error;
pub mod output;
mod redaction;
pub mod request;
pub mod runtime;
pub mod stderr;
pub mod text;

pub use error::Error;
