//! A scripted TLS server for faults that a real API server cannot produce on demand.
//!
//! A script is a list of [`Answer`]s. Each request uses up one, and the last one repeats for all
//! further requests. The server records every request. It runs in blocking threads, listens on a free
//! port of 127.0.0.1, and stops when its handle is dropped.
//!
//! ```text
//! start(script) ─▶ accept thread ─▶ one thread per connection: TLS, read a request, record it, answer
//! ```

mod http;
mod pki;
mod script;
mod server;

pub use http::Request;
pub use pki::{Identity, Pki};
pub use script::{Answer, Piece, Reply};
pub use server::{FaultyServer, TOKEN};
