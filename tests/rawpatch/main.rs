//! Tests of the built `kubectl rawpatch` against a real API server, and against a scripted server for
//! faults that a real server cannot produce on demand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Runs the binary, directly and through kubectl.
mod plugin;

/// Messages that several tests expect.
mod expected;

/// Faults while a collection is patched.
mod collection_faults;
/// Patches of collections, and of lists of paths.
mod collections;
/// Patches that are guarded with `--if-resource-version`.
mod conflicts;
/// A proxy that breaks the responses of the real server.
mod cutting_proxy;
/// The difference that a patch would make: `--diff`.
mod diff;
/// `--diff` with the program in `$KUBECTL_EXTERNAL_DIFF`.
mod external_diff;
/// JSON patches with an operation that the server refuses.
mod failed_operations;
/// Lost responses, gateways, timeouts and signals: the failure is reported, and nothing is sent twice without a guard.
mod faults;
/// The pages of help.
mod help {
    support::help_tests!("kubectl-rawpatch");
}
/// The hints in the table of docs/rawpatch.md, one test for each row.
mod hints;
/// `--diff` on a terminal, and the question of `--interactive`.
mod interactive;
/// Command lines that are written as for other kubectl commands.
mod kubectl_syntax;
/// Unknown outcomes are found out, and a patch is applied exactly once.
mod outcomes;
/// stdout, stderr, output formats and warnings.
mod output;
/// Every type of patch, on every kind of object.
mod patches;
/// Redaction of refusals that concern a Secret.
mod redaction;
/// Mistakes that are refused before anything is sent.
mod refusals;
/// Every error about a Secret, at every verbosity.
mod secrets;
/// Output on a terminal.
mod terminal;
/// Runs through kubectl's plugin discovery.
mod through_kubectl;
/// Paths that the server does not have.
mod unknown_paths;
