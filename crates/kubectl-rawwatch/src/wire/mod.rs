//! What the server sends: bytes, lines, and the few words of a line that are read.

pub(crate) mod event;
pub(crate) mod framer;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod uid;
pub(crate) mod version;
