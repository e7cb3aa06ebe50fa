//! Tests of whole documents, and of invariants over generated input.
//!
//! `hunter2` is used wherever a patch could contain the data of a Secret. No message may show it.

use serde_json::{Map, Value, json};

use super::*;

fn refusal(patch: impl AsRef<[u8]>) -> String {
    let error = Document::parse(patch.as_ref()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(!format!("{error:?}").contains("hunter2"), "{error}");
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn json_keeps_its_bytes() {
    for text in [
        r#"{"b":1.10,"a":12345678901234567890123}"#,
        "\n\t{ \"a\" : 1E+2 ,\r\n\"b\":-0.0 } \n",
        r#"{"a":"\ud83d\ude00\/\u0041"}"#,
        r#"[{"op":"test","path":"","value":null}]"#,
        r#"{"a":"é😀","":{}}"#,
    ] {
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(document.bytes, text.as_bytes());
        assert_eq!(document.value, serde_json::from_str::<Value>(text).unwrap());
    }
}

#[test]
fn a_byte_order_mark_is_removed() {
    for (text, sent) in [(r#"{ "a":1}"#, r#"{ "a":1}"#), ("a: 1", r#"{"a":1}"#)] {
        let document = Document::parse(format!("\u{feff}{text}").as_bytes()).unwrap();
        assert_eq!(document.bytes, sent.as_bytes());
    }
}

#[test]
fn flow_yaml_is_not_mistaken_for_broken_json() {
    assert_eq!(
        Document::parse(b"{a: 1, b: [yes,],}").unwrap().bytes,
        br#"{"a":1,"b":[true]}"#
    );
}

#[test]
fn broken_json_is_reported_as_json() {
    for (text, expected) in [
        (
            r#"{"a":hunter2"#,
            "error: the patch is not valid JSON: expected value at byte 5",
        ),
        (
            "{\"a\": 1}\n{\"hunter2\": 1}",
            "error: the patch is not valid JSON: trailing characters at byte 9 (line 2, column 1)",
        ),
        (
            r#"[{"a":"hunter2]"#,
            "error: the patch is not valid JSON: EOF while parsing a string at byte 14",
        ),
        (
            "{\n  \"a\": 1\n  \"b\": 2\n}",
            "error: the patch is not valid JSON: expected `,` or `}` at byte 13 (line 3, column 3)",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
    assert_eq!(
        refusal("a: 'hunter2"),
        "error: the patch is not valid YAML: unclosed quote at line 1, column 4"
    );
}

#[test]
fn refuses_a_duplicate_key_and_shows_its_pointer() {
    assert_eq!(
        refusal("{\n \"a\": [0, {\"b/c\": \"hunter2\",\n  \"b\\/c\": \"hunter2\"}]}"),
        "error: the patch has a duplicate key /a/1/b~1c at byte 33 (line 3, column 3)\n\
         hint: remove one of them: the server would keep only the last one"
    );
    assert_eq!(
        refusal(r#"{"a":1,"a":2}"#),
        "error: the patch has a duplicate key /a at byte 7\n\
         hint: remove one of them: the server would keep only the last one"
    );
    assert_eq!(
        refusal(r#" {"":{"~":1,"x":{},"~":2}}"#),
        "error: the patch has a duplicate key //~0 at byte 19\n\
         hint: remove one of them: the server would keep only the last one"
    );
}

#[test]
fn json_that_the_server_cannot_read_is_not_tried_as_yaml() {
    assert_eq!(
        refusal(r#"{"a":1e400}"#),
        "error: the patch cannot be read: number out of range at byte 9"
    );
    assert_eq!(
        refusal(r#"{"a":"\ud800"}"#),
        "error: the patch cannot be read: unexpected end of hex escape at byte 12"
    );
    assert_eq!(
        refusal(r#"{"\ud800":1}"#),
        "error: the patch cannot be read: a key has an invalid \\u escape at byte 8"
    );
    let deep = "[".repeat(128) + &"]".repeat(128);
    assert_eq!(
        refusal(deep),
        "error: the patch cannot be read: it is nested deeper than 127 levels"
    );
    let deepest = "[".repeat(127) + &"]".repeat(127);
    assert!(Document::parse(deepest.as_bytes()).is_ok());
}

#[test]
fn utf16_with_a_byte_order_mark_is_sent_as_utf8() {
    let document = Document::parse(b"\xff\xfe{\0\"\0a\0\"\0:\0\x31\0}\0").unwrap();
    assert_eq!(document.bytes, br#"{"a":1}"#);
}

#[test]
fn refuses_a_patch_that_is_not_utf8() {
    assert_eq!(
        refusal(b"a: \"\xff\""),
        "error: the patch is not UTF-8 at byte 4\n\
         hint: save the patch as UTF-8, and encode binary data as base64"
    );
}

#[test]
fn refuses_a_patch_above_the_size_limit() {
    let with_length = |length: usize| format!("[\"{}\"]", "x".repeat(length - 4));
    assert!(Document::parse(with_length(MAX_BYTES).as_bytes()).is_ok());
    for patch in [
        with_length(MAX_BYTES + 1),
        format!("a: {}", "x".repeat(MAX_BYTES)),
    ] {
        assert_eq!(
            refusal(patch),
            "error: the patch is larger than 3 MiB, the API server's limit\n\
             hint: split it into several patches"
        );
    }
    let commented = format!("# {}\na: 1", "x".repeat(MAX_BYTES));
    assert_eq!(
        Document::parse(commented.as_bytes()).unwrap().bytes,
        br#"{"a":1}"#
    );
}

#[test]
fn refuses_a_patch_that_changes_nothing() {
    for (text, description) in [
        ("", "empty"),
        (" \n", "empty"),
        ("\u{feff}", "empty"),
        ("# comment", "empty"),
        ("null", "null"),
        ("~", "null"),
        ("---", "null"),
        ("{}", "{}"),
        ("[ ]", "[]"),
        ("--- {}", "{}"),
    ] {
        assert_eq!(
            refusal(text),
            format!(
                "error: the patch is {description}, which changes nothing\n\
                 hint: use --verbatim to send it anyway"
            ),
            "{text:?}"
        );
    }
}

#[test]
fn warns_about_status_on_the_main_resource() {
    let check = |text: &str, patch_type, subresource| {
        let target = PatchTarget {
            group: "apps",
            version: "v1",
            namespace: Some("shop"),
            resource: "deployments",
            name: Some("sleep"),
            subresource,
        };
        let document = Document::parse(text.as_bytes()).unwrap();
        let warning = check(&document.value, patch_type, &target).unwrap();
        if let Some(warning) = &warning {
            assert_eq!(
                warning,
                "the patch sets \"status\", which the server ignores if the resource has a status \
                 subresource; use --subresource status"
            );
        }
        warning.is_some()
    };
    for text in [r#"{"status":{"replicas":1}}"#, "status: null"] {
        assert!(check(text, PatchType::Merge, None));
        assert!(!check(text, PatchType::Merge, Some("status")));
    }
    assert!(!check(
        r#"{"spec":{"status":1}}"#,
        PatchType::Strategic,
        None
    ));
    for (operation, warns) in [
        (
            json!({"op": "add", "path": "/status/replicas", "value": 1}),
            true,
        ),
        (json!({"op": "remove", "path": "/status"}), true),
        (
            json!({"op": "move", "from": "/status/a", "path": "/spec/a"}),
            true,
        ),
        (
            json!({"op": "copy", "from": "/status/a", "path": "/spec/a"}),
            false,
        ),
        (
            json!({"op": "test", "path": "/status/replicas", "value": 1}),
            false,
        ),
        (json!({"op": "remove", "path": "/statusful"}), false),
    ] {
        let text = json!([operation]).to_string();
        assert_eq!(check(&text, PatchType::Json, None), warns, "{text}");
        assert!(!check(&text, PatchType::Json, Some("status")));
    }
}

/// A pseudo-random generator (xorshift64) that repeats its numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    fn text(&mut self) -> String {
        const CHARACTERS: &[char] = &[
            'a', 'y', '0', '1', '~', '"', '\\', '/', '\n', '\t', '\r', '\0', '\u{85}', '\u{2028}',
            '\u{feff}', 'é', '😀', '{', '}', '[', ']', ':', ' ', '#', '-', ',', '&', '*', '!', '|',
            '>', '\'', '%', '@', '`', '?',
        ];
        (0..self.below(8))
            .map(|_| CHARACTERS[self.below(CHARACTERS.len())])
            .collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth < 5 { 9 } else { 7 }) {
            0 => Value::Null,
            1 => (self.below(2) == 0).into(),
            2 => self.below(1000).into(),
            3 => i64::MIN
                .wrapping_add(i64::try_from(self.below(1000)).unwrap())
                .into(),
            4 => {
                let numbers = [0.1, -1.5e300, 5e-324, 1e21, 123_456.789, -0.0];
                numbers[self.below(numbers.len())].into()
            }
            5 | 6 => self.text().into(),
            7 => (0..self.below(4)).map(|_| self.value(depth + 1)).collect(),
            _ => (0..self.below(4))
                .map(|_| (self.text(), self.value(depth + 1)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

#[test]
fn any_json_is_sent_unchanged_and_has_the_same_value_as_yaml() {
    let mut random = Random(1);
    for _ in 0..5_000 {
        let value = json!({ "v": random.value(0) });
        for text in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let document = Document::parse(text.as_bytes()).unwrap();
            assert_eq!(document.bytes, text.as_bytes());
            assert_eq!(document.value, value);
            let rewritten = yaml::to_json(&text).unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&rewritten).unwrap(),
                value,
                "{text}"
            );
        }
    }
}

/// Patches to corrupt.
const SEEDS: &[&str] = &[
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: sleep}\nspec:\n  replicas: 0644\n",
    "a: &x [1.10, 'it''s', \"\\u0041\"]\nb: {<<: {c: 1}, d: *x}\n---\n",
    "- op: move\n  from: /a\n  path: /a~1b\n- {op: test, path: '', value: ~}\n",
    r#"{"metadata":{"name":"x","labels":{"y":null}},"spec":[1e3,-0.5,"\ud83d\ude00"]}"#,
    r#"[{"op":"replace","path":"/metadata/labels/a","value":[]},{"op":"remove","path":"/b"}]"#,
    "v: |-\n  text\n  more\nw: >\n  folded\n# comment\n? key\n: !!binary aGk=\n",
];
/// Fragments to insert into them.
#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    "{", "}", "[", "]", ":", ": ", ",", "\"", "'", "\n", "\n  ", "- ", "&x ", "*x", "!!str ",
    "!", "<<: ", "---\n", "...\n", "|\n", ">\n", "? ", "#", "~", "\\u", "0x", "1_0", ".inf",
    "\t", "\u{feff}", "%YAML", "\0", "metadata", "\"metadata\":", "status", "é",
];

/// Returns `seed` with up to four random edits.
fn corrupted(seed: &str, random: &mut Random) -> Vec<u8> {
    let mut patch = seed.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let start = random.below(patch.len() + 1);
        let end = (start + random.below(4)).min(patch.len());
        let replacement = match random.below(3) {
            0 => Vec::new(),
            1 => vec![u8::try_from(random.below(256)).unwrap()],
            _ => FRAGMENTS[random.below(FRAGMENTS.len())].as_bytes().to_vec(),
        };
        patch.splice(start..end, replacement);
    }
    patch
}

/// Removes the guard for resource version `7` and UID `u`.
fn without_guard(body: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(body).unwrap();
    if let Value::Array(operations) = &mut value {
        let guards: Vec<_> = operations.drain(..2).collect();
        for (guard, path, expected) in [
            (&guards[0], "/metadata/resourceVersion", "7"),
            (&guards[1], "/metadata/uid", "u"),
        ] {
            assert_eq!(
                *guard,
                json!({"op": "replace", "path": path, "value": expected})
            );
        }
    } else {
        let metadata = value["metadata"].as_object_mut().unwrap();
        assert_eq!(metadata.remove("resourceVersion"), Some("7".into()));
        assert_eq!(metadata.remove("uid"), Some("u".into()));
    }
    value
}

/// Every patch that is accepted is sent as valid JSON, and the guard changes nothing else in it.
#[test]
fn corrupted_patches_are_refused_or_sent_as_valid_json() {
    let target = PatchTarget {
        group: "",
        version: "v1",
        namespace: None,
        resource: "nodes",
        name: Some("x"),
        subresource: None,
    };
    let mut random = Random(2);
    let (mut read, mut guarded) = (0, 0);
    for round in 0..20_000 {
        let patch = corrupted(SEEDS[round % SEEDS.len()], &mut random);
        let Ok(document) = Document::parse(&patch) else {
            continue;
        };
        read += 1;
        let mut value: Value = serde_json::from_slice(&document.bytes).unwrap();
        assert_eq!(value, document.value);
        let Ok(patch_type) = PatchType::choose(None, &document) else {
            continue;
        };
        let _ = check(&document.value, patch_type, &target);
        let Ok(body) = with_resource_version(&document.bytes, patch_type, "7", Some("u")) else {
            continue;
        };
        guarded += 1;
        if let Value::Object(members) = &mut value {
            members.entry("metadata").or_insert_with(|| json!({}));
        }
        assert_eq!(without_guard(&body), value);
    }
    assert!(
        read > 2_000 && guarded > 1_000,
        "{read} read, {guarded} guarded"
    );
}
