//! Completion as its users meet it: real shells at a terminal, real kubectl, a real API server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "rawpatch/plugin.rs"]
mod plugin;
#[expect(dead_code, reason = "a shell does not end by itself")]
mod pseudo_terminal;
mod shells;

mod completion {
    use super::{plugin, shells};

    /// Typing into a shell.
    mod terminal;

    /// What the programs answer to a shell.
    mod answers;
    /// A server that is away, slow or forbids, and logins that ask.
    mod faults;
    /// The same line in every shell, by kubectl and directly.
    mod in_shells;
}
