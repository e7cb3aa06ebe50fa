//! Compares how real kubectl and `kubectl rawpatch` choose the server, the connection and the credential.
//!
//! Both programs run with the same files, variables and flags against servers that record requests. A case
//! runs `kubectl get --raw PATH` and `kubectl rawpatch PATH`. Apart from the method, both must send the same
//! request to the same server, or fail with the same lines. A case in which we depart from kubectl names the
//! reason.
//!
//! In files, variables and flags of a case, `$URL` is the TLS server, `$PLAIN` is the host and port of the
//! plain server, and `$FOLDER` is the folder of the case, which is also the current folder. The folder has
//! `ca.crt`, the certificates and keys of alice and bob, and an exec plugin. `hunter2` is a secret, which no
//! result of ours may contain.

#![expect(
    clippy::too_many_lines,
    reason = "a function with a table is easier to read in one piece"
)]

/// A case, with the fields that most cases share.
mod case;
/// The two programs.
mod program;
/// The servers, and the comparison of the two programs.
mod servers;

/// Users with an `auth-provider`.
mod auth_providers;
/// The context, the cluster and the user, and the flags that replace them.
mod contexts;
/// Tokens, passwords and client certificates.
mod credentials;
/// Exec plugins: their input, their responses and their failures.
mod exec_plugins;
/// Impersonation.
mod impersonation;
/// Kubeconfig files: where they are, how they are merged, and which values they may have.
mod kubeconfig_files;
/// The preferences that allow and forbid exec plugins.
mod kuberc;
/// The service account of a Pod.
mod pods;
/// Proxies in the environment, in the kubeconfig and in a flag.
mod proxy;
/// The server's address, and the timeout of a request.
mod server;
/// The certificate authority and the server's name.
mod tls;

/// Hints about misspelled names, and secrets that no error contains.
mod messages;
/// Explanations of a 401.
mod unauthorized;

/// Credentials that are renewed while a command runs.
mod renewal;
