//! A scripted TLS server, for the faults that a real API server cannot be asked for.
//!
//! A script is a list of [`Answer`]s: each request takes the next one, and the last one stays for
//! all that follow. Everything that arrives is recorded. The server is plain blocking threads on
//! a free port of 127.0.0.1, and stops when its handle is dropped.
//!
//! ```text
//! start(script) ─▶ accept thread ─▶ a thread a connection: TLS, http::read, Answer, record
//! ```

mod http;
mod pki;
mod script;
mod server;

pub use http::Request;
pub use pki::{Identity, Pki};
pub use script::{Answer, Piece, Reply};
pub use server::{FaultyServer, TOKEN};
