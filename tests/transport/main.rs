//! Compares the connections of real kubectl and `kubectl rawpatch`: client certificates, server certificates,
//! proxies, addresses, and the errors of failed connections. Both run with the same kubeconfig, variables and
//! flags.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// The two programs, and a kubeconfig for both.
mod side_by_side;

/// Names with several addresses, one of them unresponsive.
mod addresses;
/// Keys and client certificates of every kind, which a server written in Go checks.
mod client_certificates;
/// The errors and hints for failed connections.
mod failures;
/// `NO_PROXY` and the variables that name a proxy.
mod no_proxy;
/// Every kind of proxy, in the kubeconfig, in a flag and in the environment.
mod proxies;
/// Server certificates that are trusted, and the errors for the others.
mod server_certificates;
