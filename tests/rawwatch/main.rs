//! `kubectl rawwatch` as a user runs it: the built binary against a real API server, and against a
//! scripted server for faults that a real one cannot produce on demand.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

/// A proxy that injects faults between rawwatch and a server.
mod faulty_proxy;
/// Runs the binary, and reads its output while it runs.
mod plugin;

/// `--stable`, which waits until nothing changes.
mod calm;
/// Changes by their field manager or field: `-o diff`, `--by` and `--only`.
mod changes;
/// Candidates for shell completion.
mod completion;
/// How a run ends: timeouts, counts, conditions, signals, closed pipes.
mod ends;
/// Faults of a network and of a broken server.
mod faults;
/// Conditions next to `kubectl wait`, and how `--timeout` ends a run.
mod goals;
/// The pages of help.
mod help {
    support::help_tests!("kubectl-rawwatch");
}
/// The fault matrix, in which every fault has tests.
mod matrix;
/// Credentials, name lookups and connections that fail during a watch.
mod network;
/// The output over a faulty network, compared with what a real API server committed.
mod oracle;
/// The output for the objects of a real server.
mod output;
/// `--poll`, which lists at an interval instead of watching.
mod polls;
/// A proxy that loses events, or hides that the server is down or was replaced.
mod proxied;
/// Command lines that are refused before anything is sent.
mod refusals;
/// A real API server that is restarted, killed, compacted and restored.
mod restarts;
/// `--resume-file`, with which a run resumes where the previous one ended.
mod resume;
/// `--for rollout` next to `kubectl rollout status`.
mod rollouts;
/// rawwatch, kubectl and curl side by side while the API server restarts.
mod side_by_side;
/// One object whose collection the user may not list.
mod single;
/// `-o table` and `-o wide`, and the `Accept` header.
mod table;
