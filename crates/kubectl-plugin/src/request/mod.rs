//! A request before it is sent: its path and query, checked, and the headers that a user adds.

mod header;
mod raw_path;

pub use header::parse_header;
pub use raw_path::{Attributes, RawPath, Resource, Verb};
