//! What a run prints, and what it waits for.

pub(crate) mod diff;
pub(crate) mod format;
pub(crate) mod goal;
mod object;
pub(crate) mod printer;
pub(crate) mod reader;
pub(crate) mod table;
