//! `kubectl whoami` as a user runs it: the built binary against a real API server beside the real
//! `kubectl auth whoami`, and against a scripted one for the servers that are no more, and for what
//! is none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod pseudo_terminal;

mod whoami {
    /// Running the binary, alone and beside kubectl.
    pub(crate) mod plugin;

    /// What `--can` makes of a verb and a path, beside what a real server makes of the request.
    mod attributes;
    /// `--can`, beside `kubectl auth can-i` and beside what becomes of the requests.
    mod can;
    /// What is offered to a shell that completes a line.
    mod completion;
    /// `--all-contexts`: side by side, in order, and what contexts share.
    mod contexts;
    /// Every login, beside `kubectl auth whoami`.
    mod logins;

    /// Impersonation: who somebody would be, and who asks.
    mod impersonation;

    /// What a bare `Unauthorized` is about.
    mod explanations;

    /// Servers that cannot say who somebody is in the first way they are asked.
    mod ladder;

    /// What answers is no API server, or nothing answers.
    mod strangers;

    /// The table, `-o`, `--offline`, `--fail-if-expires-within`, colours.
    mod output;

    /// Through real kubectl's plugin discovery.
    mod through_kubectl;
}
