//! The saved state of a watcher, from which the next run resumes.

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::index::Index;

/// The saved state of one path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The position; `None` while the initial state is incomplete.
    pub(crate) cursor: Option<Cursor>,
    pub(crate) index: Index,
}

/// A [`Saved`] that is written from references.
#[derive(Serialize)]
pub(crate) struct Saving<'a> {
    pub(crate) cursor: Option<&'a Cursor>,
    pub(crate) index: &'a Index,
}
