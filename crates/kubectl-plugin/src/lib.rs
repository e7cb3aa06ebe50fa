//! Everything that two kubectl plugins share.
pub mod error;
mod status;
pub use error::Error;
