//! The state of a watcher that the next run goes on from.

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::index::Index;

/// What is known of one path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// `None` while the initial state is not whole.
    pub(crate) cursor: Option<Cursor>,
    pub(crate) index: Index,
}

/// What [`Saved`] looks like to the one who writes it.
#[derive(Serialize)]
pub(crate) struct Saving<'a> {
    pub(crate) cursor: Option<&'a Cursor>,
    pub(crate) index: &'a Index,
}
