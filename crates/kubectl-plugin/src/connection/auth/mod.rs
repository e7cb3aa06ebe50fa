//! The user of a connection: which credential is sent, and where it comes from.
//!
//! * `credential`: reads the credential of a kubeconfig's user
//! * `exec`: runs an exec plugin
//! * `id_token`: the old `auth-provider`
//! * `summary`: describes a credential; `jwt` reads its claims

pub(crate) mod credential;
pub(crate) mod exec;
pub(crate) mod id_token;
mod jwt;
pub(crate) mod summary;
