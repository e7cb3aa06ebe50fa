//! Extracts the name from a field selector by the API server's rules
//! (`apimachinery/pkg/fields/selector.go`).

/// Returns the name that `selector` requires with `metadata.name=NAME`. Returns `None` without such
/// a term, for an invalid name, and for a selector that the server cannot parse.
pub(super) fn required_name(selector: &str) -> Option<String> {
    let mut terms = split_terms(selector);
    // Like the server, sort the terms and use the first one.
    terms.sort_unstable();
    let terms: Option<Vec<_>> = terms
        .into_iter()
        .filter(|term| !term.is_empty())
        .map(split_term)
        .collect();
    let (_, _, name) = terms?
        .into_iter()
        .find(|(field, is_exact, _)| *field == "metadata.name" && *is_exact)?;
    let is_name = !name.is_empty() && ![".", ".."].contains(&name.as_str());
    (is_name && !name.contains(['/', '%'])).then_some(name)
}

/// Splits at commas that are not escaped by a backslash.
fn split_terms(selector: &str) -> Vec<&str> {
    let mut is_escaped = false;
    let is_separator = |character| {
        let separates = character == ',' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        separates
    };
    selector.split(is_separator).collect()
}

/// Returns the field, whether the value must match exactly, and the value.
fn split_term(term: &str) -> Option<(&str, bool, String)> {
    let (field, value) = term.split_once('=')?;
    if let Some(field) = field.strip_suffix('!') {
        return Some((field, false, unescape(value)?));
    }
    let value = value.strip_prefix('=').unwrap_or(value);
    Some((field, true, unescape(value)?))
}

/// Removes the backslashes of a value. Returns `None` for a missing or superfluous backslash.
fn unescape(value: &str) -> Option<String> {
    let mut characters = value.chars();
    let mut unescaped = String::with_capacity(value.len());
    while let Some(character) = characters.next() {
        unescaped.push(match character {
            '\\' => characters.next().filter(|next| "\\,=".contains(*next))?,
            ',' | '=' => return None,
            plain => plain,
        });
    }
    Some(unescaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_selector_requires_a_name_as_on_the_server() {
        for (selector, expected) in [
            ("metadata.name=a", Some("a")),
            ("metadata.name==a", Some("a")),
            ("spec.nodeName=n,metadata.name=a", Some("a")),
            ("metadata.name=b,metadata.name=a", Some("a")),
            (r"metadata.name=a\,b", Some("a,b")),
            (",metadata.name=a,", Some("a")),
            ("metadata.name!=a", None),
            ("metadata.namespace=a", None),
            ("metadata.name=", None),
            ("metadata.name=..", None),
            ("metadata.name=a%b", None),
            ("metadata.name=a=b", None),
            (r"metadata.name=a\b", None),
            (r"metadata.name=a\", None),
            ("metadata.name=a,nonsense", None),
            ("", None),
        ] {
            assert_eq!(required_name(selector).as_deref(), expected, "{selector}");
        }
    }
}
