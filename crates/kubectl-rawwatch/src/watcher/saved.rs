//! The saved state of a watcher, from which the next run resumes.

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::index::Index;

/// The saved state of one path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The position; `None` while the initial state is incomplete.
    pub(crate) cursor: Option<Cursor>,
    /// Whether the index lacks the objects that existed before a start from a resource version.
    #[serde(default)]
    pub(crate) is_partial: bool,
    pub(crate) index: Index,
}

/// A [`Saved`] that is written from references.
#[derive(Serialize)]
pub(crate) struct Saving<'a> {
    pub(crate) cursor: Option<&'a Cursor>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_partial: bool,
    pub(crate) index: &'a Index,
}
