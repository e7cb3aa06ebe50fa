//! The credential of a connection, and its source.
//!
//! * `credential`: reads the credential of a kubeconfig's user
//! * `exec`: runs an exec plugin
//! * `id_token`: reads the id-token of the old `auth-provider`
//! * `source`: names the place that the credential comes from
//! * `mistake`: recognizes credentials that were copied wrongly
//! * `explanation`: lists possible causes of a bare `Unauthorized`
//! * `summary`: describes a credential; `jwt` reads its claims, and `aws_token` a token of EKS

pub(crate) mod aws_token;
pub(crate) mod credential;
pub(crate) mod exec;
pub(crate) mod explanation;
pub(crate) mod id_token;
mod jwt;
pub(crate) mod mistake;
pub(crate) mod source;
pub(crate) mod summary;
