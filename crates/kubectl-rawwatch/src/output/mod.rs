//! The output of a run, and the conditions that end it.
//!
//! * `printer`: writes event lines and messages
//! * `format`: the formats of `-o`; `table` and `diff` are two of them
//! * `merge_keys`: pairs the elements of lists for `diff`
//! * `history`: the last state of each object; `managers`: who changed it
//! * `object`: returns the object of an event
//! * `fields`: the fields of `--only`
//! * `goal`: the conditions of `--for`
//! * `reader`: detects that the reader of stdout is gone

pub(crate) mod diff;
pub(crate) mod fields;
pub(crate) mod format;
pub(crate) mod goal;
mod history;
mod managers;
mod merge_keys;
mod object;
pub(crate) mod printer;
pub(crate) mod reader;
pub(crate) mod table;
