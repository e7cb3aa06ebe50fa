//! The user's side of a connection: which credential is presented, and where it comes from.

pub(crate) mod credential;
pub(crate) mod exec;
pub(crate) mod id_token;
mod jwt;
pub(crate) mod summary;
