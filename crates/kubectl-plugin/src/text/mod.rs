//! Text formats that have nothing to do with Kubernetes.
//!
//! | module | does |
//! |---|---|
//! | [`boolean`] | parses booleans as Go does |
//! | `go_json` | writes JSON as Go does |
//! | `nearest` | finds the name that a misspelt one means |
//! | `shell` | quotes words for a shell |
//! | [`system_error`] | words errors of the operating system as Go does |
//! | [`terminal`] | colours, escapes and cuts text for a terminal |
//! | [`utc`] | reads and writes points in time |

pub mod boolean;
pub(crate) mod go_json;
pub(crate) mod nearest;
pub(crate) mod shell;
pub mod system_error;
pub mod terminal;
pub mod utc;
