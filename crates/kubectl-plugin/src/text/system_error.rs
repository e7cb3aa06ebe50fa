//! Formats errors of the operating system like Go.

use std::fmt::Display;

/// Returns the reason in lower case, without Rust's number: `no such file or directory`. Returns the
/// text of any other error unchanged.
pub fn reason(error: &impl Display) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_system_error_loses_its_number() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&missing), "no such file or directory");
        assert_eq!(reason(&io::Error::other("Not ours")), "Not ours");
    }
}
