//! Runs `kubectl whoami` like a user: the built binary against a real API server, beside the real
//! `kubectl auth whoami`, and against a scripted server for old servers and for servers that are not API
//! servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Runs the binary, alone and beside kubectl.
mod plugin;

/// Requests that the server did not authenticate.
mod anonymous;
/// The attributes of a verb and a path, compared with a real server's.
mod attributes;
/// `--can`, compared with `kubectl auth can-i` and with the fate of the requests.
mod can;
/// The candidates for a shell's completion.
mod completion;
/// `--all-contexts`: concurrency, order, and shared plugin runs.
mod contexts;
/// The explanations of a bare `Unauthorized`.
mod explanations;
/// A proxy in front of the API server that drops all headers.
mod header_dropping_proxy;
/// The pages of help.
mod help {
    support::help_tests!("kubectl-whoami");
}
/// Impersonation.
mod impersonation;
/// Servers without a `SelfSubjectReview`.
mod ladder;
/// Every kind of login, compared with `kubectl auth whoami`.
mod logins;
/// The table, `-o`, `--offline`, `--fail-if-expires-within`, colours.
mod output;
/// Runs through kubectl's plugin discovery.
mod through_kubectl;
/// Servers that are not API servers, or that do not answer.
mod unusable_servers;
