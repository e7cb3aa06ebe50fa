//! Collects the values in the body of a request about a Secret, in every form in which a response
//! may repeat them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

/// The minimum length of a value that is searched for. Replacing shorter values would mangle the
/// message. The patterns for the API server's phrases find values of any length.
const MIN_SEARCHED_VALUE: usize = 4;

/// JSON pointers to fields that identify an object. They contain no secret.
const IDENTITY: [&str; 4] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
];

/// Returns the values in all forms, sorted by length.
pub(super) fn in_body(body: &[u8]) -> Vec<String> {
    let mut values: Vec<String> = leaves(body).iter().flat_map(|leaf| forms(leaf)).collect();
    values.retain(|value| value.len() >= MIN_SEARCHED_VALUE);
    values.sort_unstable_by(|left, right| left.len().cmp(&right.len()).then(left.cmp(right)));
    values.dedup();
    values
}

/// Returns the texts and numbers in a body. If the body is not JSON, which `--verbatim` allows,
/// returns its words.
fn leaves(body: &[u8]) -> Vec<String> {
    let mut leaves = Vec::new();
    match serde_json::from_slice(body) {
        Ok(Value::Array(operations)) => operations
            .iter()
            .filter_map(|operation| operation.get("value"))
            .for_each(|value| collect_leaves(value, &mut leaves)),
        Ok(mut object) => {
            for pointer in IDENTITY {
                object.pointer_mut(pointer).map(Value::take);
            }
            collect_leaves(&object, &mut leaves);
        }
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            let words = text.split(|character: char| {
                character.is_whitespace() || "\"',{}[]".contains(character)
            });
            leaves.extend(words.map(str::to_owned));
        }
    }
    leaves
}

fn collect_leaves(value: &Value, leaves: &mut Vec<String>) {
    match value {
        Value::Object(members) => members
            .values()
            .for_each(|member| collect_leaves(member, leaves)),
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(item, leaves)),
        Value::String(text) => leaves.push(text.clone()),
        Value::Number(number) => leaves.push(number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

/// Returns a value, its base64 encoding and its decoded text, each line of these texts, and all of
/// them as Go quotes them.
fn forms(value: &str) -> Vec<String> {
    // Base64 may be wrapped, and its padding may be missing.
    let packed: String = value.split_whitespace().collect();
    let decoded = STANDARD_NO_PAD
        .decode(packed.trim_end_matches('='))
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let mut whole = vec![value.to_owned(), STANDARD_NO_PAD.encode(value), packed];
    whole.extend(decoded);
    let mut all: Vec<String> = whole
        .iter()
        .flat_map(|form| form.lines())
        .map(|line| line.trim().to_owned())
        .collect();
    all.extend(whole);
    let quoted: Vec<String> = all
        .iter()
        .map(|form| format!("{form:?}").trim_matches('"').to_owned())
        .collect();
    all.extend(quoted);
    all
}
