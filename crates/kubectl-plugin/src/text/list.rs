//! Formats lists of names for messages.

/// Returns at most `max` names, and the number of the others: `a, b and 3 more`.
pub fn first_names(names: &[impl AsRef<str>], max: usize) -> String {
    let shown: Vec<&str> = names.iter().take(max).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(max) {
        0 => shown,
        others => format!("{shown} and {others} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_are_counted() {
        for (max, expected) in [(1, "a and 2 more"), (2, "a, b and 1 more"), (3, "a, b, c")] {
            assert_eq!(first_names(&["a", "b", "c"], max), expected);
        }
    }
}
