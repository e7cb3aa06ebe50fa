//! Returns the object of an event.

use kubectl_plugin::Error;
use serde_json::value::RawValue;

use super::table::object_in_row;
use crate::wire::event::raw_object;

/// Returns the object of an event; if that is a table, the object in its row.
pub(crate) fn object(line: &[u8]) -> Result<&RawValue, Error> {
    raw_object(line)
        .map(|object| object_in_row(object).unwrap_or(object))
        .ok_or_else(|| Error::protocol("the server sent an event that is not valid JSON"))
}
