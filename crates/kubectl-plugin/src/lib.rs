//! Everything that two kubectl plugins share.
