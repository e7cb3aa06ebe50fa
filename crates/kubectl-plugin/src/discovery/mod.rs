//! The APIs of a server.
//!
//! * `documents`: parses the documents in which a server lists its APIs
//! * `unknown_path`: explains a path that a server does not have

pub(crate) mod documents;
mod unknown_path;

pub use documents::{ApiResource, resource_list};
pub use unknown_path::explain_unknown_path;
