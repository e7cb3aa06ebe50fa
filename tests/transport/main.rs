//! The way to the server: client certificates, servers' certificates, proxies, addresses, and how
//! it is said when there is no way. Real kubectl and `kubectl rawpatch` side by side, with the same
//! kubeconfig, variables and flags.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// The two programs, and a kubeconfig for both.
mod side_by_side;

/// A name with several addresses of which the first is dead, and the options of sockets.
mod addresses;
/// Keys and certificates of all kinds, shown to a server of Go's that checks them.
mod client_certificates;
/// No connection, and no reply: the line and the hint.
mod failures;
/// `NO_PROXY`, a row an entry.
mod no_proxy;
/// Proxies of all kinds, named by all who may name one.
mod proxies;
/// Which certificates of a server are taken, and what is said of the others.
mod server_certificates;
