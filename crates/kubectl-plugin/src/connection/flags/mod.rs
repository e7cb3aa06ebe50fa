//! kubectl's connection flags and their values.

pub(crate) mod args;
pub(crate) mod duration;
pub(crate) mod global;
