//! The values in the body of a request about a Secret, in every form that an answer may repeat
//! them in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

/// Values this short are not searched for: they would tear holes into the words
/// of the message. The shapes that the API server prints values in do not depend
/// on it.
const SHORTEST_SEARCHED_VALUE: usize = 4;

/// The values, the longest last.
pub(super) fn of(body: &[u8]) -> Vec<String> {
    let mut leaves = Vec::new();
    match serde_json::from_slice(body) {
        Ok(Value::Array(operations)) => {
            for value in operations
                .iter()
                .filter_map(|operation| operation.get("value"))
            {
                collect_leaves(value, &mut leaves);
            }
        }
        Ok(mut object) => {
            // What names the object is no value.
            for pointer in [
                "/apiVersion",
                "/kind",
                "/metadata/name",
                "/metadata/namespace",
            ] {
                object.pointer_mut(pointer).map(Value::take);
            }
            collect_leaves(&object, &mut leaves);
        }
        // No JSON (`--verbatim` sends anything): every word counts as a value.
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            let words = text.split(|character: char| {
                character.is_whitespace() || "\"',{}[]".contains(character)
            });
            leaves.extend(words.map(str::to_owned));
        }
    }
    let mut values: Vec<String> = leaves.iter().flat_map(|leaf| forms_of(leaf)).collect();
    values.retain(|value| value.len() >= SHORTEST_SEARCHED_VALUE);
    values.sort_unstable_by(|left, right| left.len().cmp(&right.len()).then(left.cmp(right)));
    values.dedup();
    values
}

/// A value itself, its base64 and what it is the base64 of, each also as Go quotes it and line
/// by line.
fn forms_of(value: &str) -> Vec<String> {
    // Base64 may come in lines and without its padding.
    let packed: String = value.split_whitespace().collect();
    let decoded = STANDARD_NO_PAD.decode(packed.trim_end_matches('=')).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let mut forms = vec![value.to_owned(), STANDARD_NO_PAD.encode(value), packed];
    forms.extend(decoded);
    let lines = forms
        .iter()
        .flat_map(|form| form.lines())
        .map(|line| line.trim().to_owned());
    let mut all: Vec<String> = lines.collect();
    all.extend(forms);
    let quoted = all
        .iter()
        .map(|form| format!("{form:?}").trim_matches('"').to_owned());
    let quoted: Vec<String> = quoted.collect();
    all.extend(quoted);
    all
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
