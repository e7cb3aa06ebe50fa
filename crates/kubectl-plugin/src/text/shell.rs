//! Quotes words for a POSIX shell, for the commands in hints.

use std::borrow::Cow;

/// Quotes a text as one word, if necessary.
pub fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:=@%+,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_keeps_text_one_word_and_prevents_expansion() {
        assert_eq!(quoted("/api/v1/x?a=b"), "'/api/v1/x?a=b'");
        assert_eq!(quoted("/api/v1/x"), "/api/v1/x");
        assert_eq!(quoted("a$(id)'b"), r"'a$(id)'\''b'");
        assert_eq!(quoted(""), "''");
    }
}
