//! Booleans as Go spells them.

/// The name of such a value in help and completion.
pub const VALUE_NAME: &str = "true|false";

/// Parses the value of a boolean flag like Go's `strconv.ParseBool`.
pub fn parse_boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}
