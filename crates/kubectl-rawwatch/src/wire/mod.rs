//! Reads what the server sends, without I/O.
//!
//! * `framer`: splits bytes into lines
//! * `event`: reads the type and the identity of a line; `json` is its scanner
//! * `page`: reads one page of a LIST
//! * `version`, `uid`: the identities of objects and of their states

pub(crate) mod event;
pub(crate) mod framer;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod uid;
pub(crate) mod version;
