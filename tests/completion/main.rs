//! Tests completion as users meet it: in real shells on a terminal, with real kubectl and a real API server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// The built plugin.
pub(crate) const RAWPATCH: &str = env!("CARGO_BIN_EXE_kubectl-rawpatch");

/// A shell on a terminal, to type into.
mod terminal;

/// The candidates that the programs print for a shell.
mod candidates;
/// Servers that are unreachable, slow or forbid access, and exec plugins that prompt.
mod faults;
/// The same lines in every shell, through kubectl and directly.
mod in_shells;
