//! The credential of a connection, and its source.
//!
//! * `credential`: reads the credential of a kubeconfig's user
//! * `exec`: runs an exec plugin
//! * `id_token`: reads the id-token of the old `auth-provider`
//! * `summary`: describes a credential; `jwt` reads its claims

pub(crate) mod credential;
pub(crate) mod exec;
pub(crate) mod id_token;
mod jwt;
pub(crate) mod summary;
