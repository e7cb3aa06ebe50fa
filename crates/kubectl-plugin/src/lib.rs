//! Code that the kubectl plugins share. It depends on none of them.
//!
//! # Layout
//! From the top down; a module imports only from those below it.
//!
//! | module | does |
//! |---|---|
//! | [`command`] | runs a plugin: command line → the plugin's function → exit code |
//! | [`completion`] | completes command lines with names from the kubeconfig and the API server |
//! | [`discovery`] | reads the APIs of a server, and explains a path that it does not have |
//! | [`api_server`] | sends requests, and interprets responses and failures |
//! | [`curl`] | writes a request as a `curl` command |
//! | [`connection`] | turns kubectl's flags and kubeconfig into a client for one server |
//! | [`stderr`] | prints messages, progress and the trace of `-v` |
//! | [`dialog`] | asks the user on the terminal |
//! | [`output`] | writes data to stdout, in the `-o` formats |
//! | [`replaced_file`] | replaces a file atomically |
//! | [`request`] | checks a path and its query before anything is sent |
//! | [`runtime`] | runs asynchronous work, handles signals, and knows the plugin's name |
//! | [`error`] | describes failures: message, hint, exit code |
//! | `redaction` | removes credentials and the data of Secrets from errors, warnings, headers and the trace |
//! | [`text`] | text formats: times, Go's JSON and booleans, quoted shell words, terminals |
//!
//! # Data flow
//! ```text
//! argv ─clap─▶ a plugin's arguments ─▶ ApiRequest ─▶ ApiServer::send ─▶ Reply ─▶ Output ─▶ stdout
//!              ConnectionArgs ─▶ kubeconfig ─▶ Connection ─▶ ApiServer
//!              Err(Error) ─▶ command::run ─▶ a message and a hint on stderr, the exit code
//! ```
//! The code from a plugin's arguments to the `ApiRequest`, and the formatting of output, does no I/O
//! and has unit tests beside it. The rest is tested with the built binaries and a real API server
//! (`tests/`).

pub mod api_server;
pub mod command;
pub mod completion;
pub mod connection;
pub mod curl;
pub mod dialog;
pub mod discovery;
pub mod error;
pub mod output;
mod redaction;
pub mod replaced_file;
pub mod request;
pub mod runtime;
pub mod stderr;
pub mod text;

pub use error::Error;
pub use redaction::documents::has_credentials;
