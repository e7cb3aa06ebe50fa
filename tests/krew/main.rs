//! Tests the archives and manifests of a release with real krew, kubectl and krew-index's check.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod release;

mod archives;
mod index;
mod installation;
