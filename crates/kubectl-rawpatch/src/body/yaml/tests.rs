//! Tests of whole YAML documents. `scalar/tests.rs` tests plain scalars.
//!
//! `hunter2` is used wherever a patch could contain the data of a Secret. No message may show it.

use super::to_json;

fn refusal(text: &str) -> String {
    let error = to_json(text).unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error}");
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

fn lines(numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().join("\n")
}

fn assert_becomes(text: &str, json: &str) {
    assert_eq!(to_json(text).unwrap(), json, "{text:?}");
}

#[test]
fn collections_keep_their_order() {
    assert_becomes(
        "b: 1\na: [x, {d: 2, c: 3}]\n",
        r#"{"b":1,"a":["x",{"d":2,"c":3}]}"#,
    );
    assert_becomes("- a\n- - b\n  -\n", r#"["a",["b",null]]"#);
    assert_becomes("a: {b, c}\nd: [1,]", r#"{"a":{"b":null,"c":null},"d":[1]}"#);
    assert_becomes("a: {}\nb: []", r#"{"a":{},"b":[]}"#);
}

#[test]
fn text_is_read_as_kubectl_reads_it() {
    assert_becomes("v: |\n  a\n  b\n", r#"{"v":"a\nb\n"}"#);
    assert_becomes("v: |\n  text", r#"{"v":"text"}"#);
    assert_becomes("v: >-\n  a\n  b\n", r#"{"v":"a b"}"#);
    assert_becomes("v: 'it''s'", r#"{"v":"it's"}"#);
    assert_becomes(r#"v: "\x41\u00e9\n\0""#, r#"{"v":"Aé\n\u0000"}"#);
    assert_becomes(r#"v: "\ud83d\ude00""#, r#"{"v":"😀"}"#);
    assert_becomes("v: a # comment", r#"{"v":"a"}"#);
    assert_becomes("v: a\n  b", r#"{"v":"a b"}"#);
}

#[test]
fn a_key_stays_a_string() {
    assert_becomes(
        "y: 1\non: 2\nyes: 3\nNo: 4",
        r#"{"y":1,"on":2,"yes":3,"No":4}"#,
    );
    assert_becomes("0644: 1\n1.10: 2\n1e3: 3", r#"{"0644":1,"1.10":2,"1e3":3}"#);
    assert_becomes("'null': 1\n\"\": 2\n!!str ~: 3", r#"{"null":1,"":2,"~":3}"#);
}

#[test]
fn refuses_a_key_that_json_cannot_express() {
    for (null, column) in [("~: 1", 1), ("null: 1", 1), ("? : 1", 3), ("{: 1}", 2)] {
        assert_eq!(
            refusal(null),
            format!(
                "error: the patch has null as a key at line 1, column {column}\n\
                 hint: quote the key if it is text"
            ),
            "{null:?}"
        );
    }
    assert_eq!(
        refusal("? [a]\n: 1"),
        "error: the patch has a collection as a key at line 1, column 3\n\
         hint: use a string as the key: JSON allows only string keys"
    );
}

#[test]
fn an_alias_repeats_its_anchor() {
    assert_becomes("a: &x 1.10\nb: *x", r#"{"a":1.10,"b":1.10}"#);
    assert_becomes(
        "a: &x {b: [1]}\nc: [*x, *x]",
        r#"{"a":{"b":[1]},"c":[{"b":[1]},{"b":[1]}]}"#,
    );
    assert_becomes("a: &x 1\nb: &x 2\nc: *x", r#"{"a":1,"b":2,"c":2}"#);
    assert_becomes("&k yes: &v 2\n*v : *k", r#"{"yes":2,"2":true}"#);
}

#[test]
fn refuses_an_alias_without_an_anchor_or_inside_its_own() {
    assert_eq!(
        refusal("a: *hunter2"),
        "error: the patch is not valid YAML: while parsing node, found unknown anchor \
         at line 1, column 4"
    );
    assert_eq!(
        refusal("a: &x [*x]"),
        "error: the patch has an alias inside its own anchor at line 1, column 8"
    );
}

#[test]
fn explicit_keys_take_precedence_over_merged_keys() {
    let base = "base: &base {x: 1, z: 2}\n";
    let before = r#"{"base":{"x":1,"z":2},"#;
    for (own, json) in [
        ("own: {<<: *base, x: 9}", r#""own":{"x":9,"z":2}}"#),
        ("own: {x: 9, <<: *base}", r#""own":{"x":9,"z":2}}"#),
        ("own: {<<: [{x: 7}, *base]}", r#""own":{"x":7,"z":2}}"#),
        ("own: {!!merge <<: *base}", r#""own":{"x":1,"z":2}}"#),
        ("own: {<<: []}", r#""own":{}}"#),
        (
            "own: {\"<<\": 1, !!str <<a: 2}",
            r#""own":{"<<":1,"<<a":2}}"#,
        ),
    ] {
        assert_becomes(&format!("{base}{own}"), &format!("{before}{json}"));
    }
    for text in ["a: {<<: 5}", "a: {<<: [1]}"] {
        assert_eq!(
            refusal(text),
            "error: the patch has a \"<<\" whose value is not a mapping at line 1, column 9\n\
             hint: merge a mapping or a list of mappings, or quote the key if it is text",
            "{text:?}"
        );
    }
    assert_eq!(
        refusal("<<: {a: 1}\n<<: {b: 1}"),
        "error: the patch has a duplicate key \"<<\" at line 2, column 1\n\
         hint: remove one of them"
    );
}

#[test]
fn tags_change_the_interpretation_of_a_value() {
    assert_becomes("v: !!str 0644", r#"{"v":"0644"}"#);
    assert_becomes("v: !!str", r#"{"v":""}"#);
    assert_becomes("v: ! 5", r#"{"v":"5"}"#);
    assert_becomes("v: !!int \"0x10\"", r#"{"v":16}"#);
    assert_becomes("v: !!float 1", r#"{"v":1}"#);
    assert_becomes("v: !!bool 'yes'", r#"{"v":true}"#);
    assert_becomes("v: !!null ''", r#"{"v":null}"#);
    assert_becomes("v: !!timestamp 2024-01-01", r#"{"v":"2024-01-01"}"#);
    assert_becomes("v: !<tag:yaml.org,2002:int> 5", r#"{"v":5}"#);
    assert_becomes(
        "%TAG !k! tag:yaml.org,2002:\n---\nv: !k!int '5'",
        r#"{"v":5}"#,
    );
    assert_becomes("v: !!binary |\n  aGVs\n  bG8=", r#"{"v":"hello"}"#);
    assert_becomes("v: !!seq [!!map {a: 1}]", r#"{"v":[{"a":1}]}"#);
    assert_becomes("v: ! [1]", r#"{"v":[1]}"#);
}

#[test]
fn refuses_a_tag_that_does_not_match_its_value() {
    for text in [
        "v: !!int 1.5",
        "v: !!int hunter2",
        "v: !!float yes",
        "v: !!bool 5",
        "v: !!null x",
    ] {
        assert_eq!(
            refusal(text),
            "error: the patch has a value that does not match its tag at line 1, column 4",
            "{text:?}"
        );
    }
    for text in [
        "v: !hunter2",
        "v: !hunter2 x",
        "v: !!set {a}",
        "v: !!str [a]",
        "v: !!seq {a: 1}",
    ] {
        assert_eq!(
            refusal(text),
            "error: the patch has an unknown tag at line 1, column 4\n\
             hint: quote the text if it is not meant as a tag",
            "{text:?}"
        );
    }
    for text in ["v: !!binary /w==", "v: !!binary hunter2!"] {
        assert_eq!(
            refusal(text),
            "error: the patch has a !!binary value that is not UTF-8 text in base64 at line 1, column 4\n\
             hint: remove !!binary: the values in a Secret's \"data\" are already base64",
            "{text:?}"
        );
    }
}

#[test]
fn refuses_a_duplicate_key() {
    assert_eq!(
        refusal("a:\n  b: hunter2\n  c: 2\n  b: hunter2"),
        "error: the patch has a duplicate key \"b\" at line 4, column 3\n\
         hint: remove one of them"
    );
    assert_eq!(
        refusal("{a: 1, 'a': 2}"),
        "error: the patch has a duplicate key \"a\" at line 1, column 8\n\
         hint: remove one of them"
    );
    assert_becomes(
        "yes: 1\ntrue: 2\n0644: 3\n420: 4",
        r#"{"yes":1,"true":2,"0644":3,"420":4}"#,
    );
}

#[test]
fn refuses_a_second_document() {
    for (text, position) in [
        ("v: 1\n---\nv: 2", "line 3, column 1"),
        ("v: 1\n---\n- 2", "line 3, column 1"),
        ("v: 1\n--- 2", "line 2, column 5"),
        ("---\n---\nv: 1", "line 3, column 1"),
        ("v: 1\n...\n---\n''", "line 4, column 1"),
    ] {
        assert_eq!(
            refusal(text),
            format!(
                "error: the patch has a second document at {position}\n\
                 hint: send one document at a time"
            ),
            "{text:?}"
        );
    }
}

#[test]
fn markers_around_a_document_do_not_start_a_second_one() {
    for text in [
        "---\nv: 1",
        "--- {v: 1}",
        "v: 1\n...\n",
        "v: 1\n---",
        "v: 1\n---\n# comment\n",
        "# comment\n---\nv: 1\n...\n---\n...\n",
        "%YAML 1.1\n---\nv: 1",
    ] {
        assert_becomes(text, r#"{"v":1}"#);
    }
}

#[test]
fn refuses_a_patch_of_only_comments() {
    for text in ["# comment", "\n# a\n\n# b\n", "...", "# a\n..."] {
        assert_eq!(
            refusal(text),
            "error: the patch is empty, which changes nothing\n\
             hint: use --verbatim to send it anyway",
            "{text:?}"
        );
    }
    assert_becomes("--- # comment\n", "null");
}

#[test]
fn an_error_shows_line_and_column() {
    assert_eq!(
        refusal("a: 1\nb: \"hunter2"),
        "error: the patch is not valid YAML: unclosed quote at line 2, column 4"
    );
    assert_eq!(
        refusal("a: 1\nb: @hunter2"),
        "error: the patch is not valid YAML: unexpected character at line 2, column 4\n\
         hint: quote the text, or write the character as an escape"
    );
    assert_eq!(
        refusal("a:\n\tb: 1"),
        "error: the patch is not valid YAML: tabs disallowed within this context (block indentation) \
         at line 2, column 2"
    );
}

#[test]
fn refuses_a_patch_that_is_nested_too_deeply() {
    let sequences = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_becomes(&sequences(127), &sequences(127));
    for depth in [128, 250] {
        assert_eq!(
            refusal(&sequences(depth)),
            "error: the patch is nested deeper than 127 levels at line 1, column 128"
        );
    }
    // The parser looks ahead, and has a limit of its own.
    assert_eq!(
        refusal(&sequences(100_000)),
        "error: the patch is not valid YAML: recursion limit exceeded at line 1, column 256"
    );
    let block = lines(0..1000, |depth| " ".repeat(depth) + "a:");
    assert_eq!(
        refusal(&block),
        "error: the patch is nested deeper than 127 levels at line 128, column 128"
    );
}

#[test]
fn refuses_aliases_that_nest_too_deeply() {
    // Each line is nested one level deeper than the line before it.
    let chain = lines(1..200_000, |line| format!("- &a{line} [*a{}]", line - 1));
    assert_eq!(
        refusal(&format!("- &a0 []\n{chain}")),
        "error: the patch is nested deeper than 127 levels at line 127, column 10"
    );
}

#[test]
fn refuses_an_alias_bomb() {
    let doubling = lines(1..100, |line| {
        format!("- &a{line} [*a{0}, *a{0}]", line - 1)
    });
    assert_eq!(
        refusal(&format!("- &a0 [x]\n{doubling}")),
        "error: the patch is larger than 3 MiB, the API server's limit\n\
         hint: split it into several patches"
    );
}

#[test]
fn refuses_a_bomb_of_merge_keys() {
    let many = lines(0..20_000, |key| format!("  k{key}: 1"));
    let long = format!("  ? {}\n  : 1", "k".repeat(1_000_000));
    let merges = "*base,".repeat(20_000);
    for (base, line) in [(many, 20_002), (long, 4)] {
        assert_eq!(
            refusal(&format!("base: &base\n{base}\nown: {{<<: [{merges}]}}")),
            format!(
                "error: the patch has a \"<<\" that merges too many keys at line {line}, column 11"
            )
        );
    }
}
