//! kubectl's connection flags and their values.
//!
//! * `args`: the flags that choose the server and the user
//! * `global`: `-v`, and kubectl's global flags without effect
//! * `duration`: parses and formats durations

pub(crate) mod args;
pub(crate) mod duration;
pub(crate) mod global;
