//! Parses responses and events, without I/O.
//!
//! * `framer`: splits bytes into lines, each a whole JSON object; `nesting` finds its end, and `value`
//!   the end of one that may be torn
//! * `event`: reads the type and the identity of a line; `json` is its scanner
//! * `page`: reads one page of a LIST
//! * `version`, `uid`: resource versions and UIDs; `fingerprint`: stands in for a missing version

pub(crate) mod event;
pub(crate) mod fingerprint;
pub(crate) mod framer;
pub(crate) mod json;
mod nesting;
pub(crate) mod page;
pub(crate) mod uid;
mod value;
pub(crate) mod version;
