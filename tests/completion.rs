//! Tests completion as users meet it: in real shells on a terminal, with real kubectl and a real API server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "rawpatch/plugin.rs"]
mod plugin;
#[expect(dead_code, reason = "a shell does not end by itself")]
mod pseudo_terminal;
mod shells;

mod completion {
    use super::{plugin, shells};

    /// A shell on a terminal, to type into.
    mod terminal;

    /// The candidates that the programs print for a shell.
    mod candidates;
    /// Servers that are unreachable, slow or forbid access, and exec plugins that prompt.
    mod faults;
    /// The same lines in every shell, through kubectl and directly.
    mod in_shells;
}
