//! `kubectl whoami` as a user runs it: the built binary against a real API server beside the real
//! `kubectl auth whoami`, and against a scripted one for the servers that are no more, and for what
//! is none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod whoami {
    /// Running the binary, alone and beside kubectl.
    pub(crate) mod plugin;

    /// Every login, beside `kubectl auth whoami`.
    mod logins;
}
