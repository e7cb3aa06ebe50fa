//! Text formats that have nothing to do with Kubernetes.
//!
//! | module | does |
//! |---|---|
//! | [`boolean`] | parses booleans like Go |
//! | [`go_json`] | writes JSON like Go |
//! | [`list`] | formats lists of names for messages |
//! | `nearest` | finds the known name nearest to a misspelt one |
//! | [`shell`] | quotes words for a shell |
//! | [`system_error`] | formats errors of the operating system like Go |
//! | [`terminal`] | escapes and cuts text for a terminal, and decides whether to color it |
//! | [`time_span`] | formats spans of time for people |
//! | [`utc`] | parses and formats points in time |

pub mod boolean;
pub mod go_json;
pub mod list;
pub(crate) mod nearest;
pub mod shell;
pub mod system_error;
pub mod terminal;
pub mod time_span;
pub mod utc;
