//! `kubectl rawwatch` as a user runs it: the built binary against a real API server, and against a
//! scripted one for the faults that a real one cannot be asked for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "a Pod is of no interest here")]
mod mount_namespace;

mod pseudo_terminal;

mod rawwatch {
    /// Running the binary, and reading what it prints while it runs.
    pub(crate) mod plugin;
    /// A network that breaks, in front of a real API server.
    pub(crate) mod unruly_proxy;

    /// What is offered to a shell that completes a line.
    mod completion;
    /// How a run ends: time-outs, counts, signals, closed pipes.
    mod ends;
    /// What a network and a broken server do.
    mod faults;
    /// That every row of the fault matrix has its tests.
    mod matrix;
    /// What happens on the way: logins, names, connections.
    mod network;
    /// What a real API server committed, against what comes over a network that breaks.
    mod oracle;
    /// What a run prints of a real server's objects.
    mod output;
    /// A proxy in between that loses events, or hides that the server is gone or another one.
    mod proxied;
    /// What is refused before a byte is sent.
    mod refusals;
    /// A real API server that is restarted, killed and compacted.
    mod restarts;
    /// `--resume-file`: one run goes on where another left off.
    mod resume;
    /// kubectl and curl beside it, while the API server ends and comes back.
    mod side_by_side;
    /// `-o table`, and the form in which the server is asked for objects.
    mod table;
}
