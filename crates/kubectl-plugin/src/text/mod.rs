//! How texts are written and read that have a form of their own: JSON as Go prints it, points in time,
//! words of a shell, what a terminal may be sent. Knows nothing of Kubernetes.

mod boolean;
pub(crate) mod go_json;
pub(crate) mod nearest;
pub(crate) mod shell;
pub mod terminal;
pub mod utc;

pub use boolean::parse_boolean;
