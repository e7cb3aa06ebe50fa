//! YAML documents as a whole; what a plain scalar means is in `scalar/tests.rs`.
//!
//! `hunter2` stands where a Secret's data could stand: no message may show it.

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
    assert_eq!(to_json(text).unwrap(), json, "of {text:?}");
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
fn a_key_stays_text() {
    assert_becomes(
        "y: 1\non: 2\nyes: 3\nNo: 4",
        r#"{"y":1,"on":2,"yes":3,"No":4}"#,
    );
    assert_becomes("0644: 1\n1.10: 2\n1e3: 3", r#"{"0644":1,"1.10":2,"1e3":3}"#);
    assert_becomes("'null': 1\n\"\": 2\n!!str ~: 3", r#"{"null":1,"":2,"~":3}"#);
}

#[test]
fn refuses_a_key_that_json_has_no_word_for() {
    for null in ["~: 1", "null: 1", "? : 1", "{: 1}"] {
        assert!(
            refusal(null).contains("a key is null at line 1"),
            "of {null:?}"
        );
    }
    assert!(
        refusal("? [a]\n: 1")
            .contains("a key is a collection, but JSON keys are text at line 1, column 3")
    );
}

#[test]
fn aliases_repeat_what_they_name() {
    assert_becomes("a: &x 1.10\nb: *x", r#"{"a":1.10,"b":1.10}"#);
    assert_becomes(
        "a: &x {b: [1]}\nc: [*x, *x]",
        r#"{"a":{"b":[1]},"c":[{"b":[1]},{"b":[1]}]}"#,
    );
    assert_becomes("a: &x 1\nb: &x 2\nc: *x", r#"{"a":1,"b":2,"c":2}"#);
    assert_becomes("&k yes: &v 2\n*v : *k", r#"{"yes":2,"2":true}"#);
}

#[test]
fn refuses_an_alias_of_nothing_or_of_itself() {
    assert_eq!(
        refusal("a: *hunter2"),
        "error: the patch is not valid YAML: while parsing node, found unknown anchor \
         at line 1, column 4"
    );
    assert_eq!(
        refusal("a: &x [*x]"),
        "error: an alias is inside its own anchor at line 1, column 8"
    );
}

#[test]
fn merge_keys_give_way_to_explicit_ones() {
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
    assert!(
        refusal("a: {<<: 5}")
            .contains("\"<<\" needs a mapping or a list of mappings at line 1, column 9")
    );
    assert!(refusal("a: {<<: [1]}").contains("\"<<\" needs a mapping"));
    assert!(
        refusal("<<: {a: 1}\n<<: {b: 1}")
            .contains("the key \"<<\" is used twice at line 2, column 1")
    );
}

#[test]
fn tags_are_honoured() {
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
fn refuses_a_tag_that_does_not_fit() {
    for text in [
        "v: !!int 1.5",
        "v: !!int hunter2",
        "v: !!float yes",
        "v: !!bool 5",
        "v: !!null x",
    ] {
        assert_eq!(
            refusal(text),
            "error: the value does not match its tag at line 1, column 4",
            "of {text:?}"
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
            "error: a tag has no meaning in JSON at line 1, column 4\n\
             hint: quote the text if it is not meant as a tag",
            "of {text:?}"
        );
    }
    for text in ["v: !!binary /w==", "v: !!binary hunter2!"] {
        assert!(refusal(text).starts_with("error: a !!binary value is not base64 of UTF-8 text"));
    }
}

#[test]
fn refuses_a_key_that_comes_twice() {
    assert_eq!(
        refusal("a:\n  b: hunter2\n  c: 2\n  b: hunter2"),
        "error: the key \"b\" is used twice at line 4, column 3\n\
         hint: remove one of them"
    );
    assert!(refusal("{a: 1, 'a': 2}").contains("the key \"a\" is used twice at line 1, column 8"));
    assert_becomes(
        "yes: 1\ntrue: 2\n0644: 3\n420: 4",
        r#"{"yes":1,"true":2,"0644":3,"420":4}"#,
    );
}

#[test]
fn refuses_a_second_document() {
    for (text, place) in [
        ("v: 1\n---\nv: 2", "line 3, column 1"),
        ("v: 1\n---\n- 2", "line 3, column 1"),
        ("v: 1\n--- 2", "line 2, column 5"),
        ("---\n---\nv: 1", "line 3, column 1"),
        ("v: 1\n...\n---\n''", "line 4, column 1"),
    ] {
        assert_eq!(
            refusal(text),
            format!("error: there is a second document at {place}\nhint: send one patch at a time"),
            "of {text:?}"
        );
    }
}

#[test]
fn markers_around_one_document_are_no_second_one() {
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
fn refuses_nothing_but_comments() {
    for text in ["# comment", "\n# a\n\n# b\n", "...", "# a\n..."] {
        assert!(
            refusal(text).starts_with("error: the patch is empty, which changes nothing"),
            "of {text:?}: {}",
            refusal(text)
        );
    }
    assert_becomes("--- # comment\n", "null");
}

#[test]
fn a_place_is_a_line_and_a_column() {
    assert_eq!(
        refusal("a: 1\nb: \"hunter2"),
        "error: the patch is not valid YAML: unclosed quote at line 2, column 4"
    );
    assert_eq!(
        refusal("a: 1\nb: @hunter2"),
        "error: the patch is not valid YAML: unexpected character at line 2, column 4\n\
         hint: quote the text, or write the character as an escape"
    );
    assert!(refusal("a:\n\tb: 1").contains("at line 2, column"));
}

#[test]
fn refuses_what_nests_too_deeply() {
    let sequences = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_becomes(&sequences(127), &sequences(127));
    for depth in [128, 250, 100_000] {
        let message = refusal(&sequences(depth));
        assert!(
            message.contains("is nested deeper than 127 levels")
                || message.contains("recursion limit"),
            "{message}"
        );
    }
    let block = lines(0..1000, |depth| " ".repeat(depth) + "a:");
    assert!(refusal(&block).contains("is nested deeper than 127 levels at line 128"));
}

#[test]
fn refuses_aliases_that_nest_too_deeply() {
    // Every line nests one level deeper than the one before: the tree is a chain.
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
    assert!(
        refusal(&format!("- &a0 [x]\n{doubling}"))
            .contains("the patch is larger than 3145728 bytes")
    );
}

#[test]
fn refuses_a_bomb_of_merge_keys() {
    let many = lines(0..20_000, |key| format!("  k{key}: 1"));
    let long = format!("  ? {}\n  : 1", "k".repeat(1_000_000));
    let merges = "*base,".repeat(20_000);
    for base in [many, long] {
        let message = refusal(&format!("base: &base\n{base}\nown: {{<<: [{merges}]}}"));
        assert!(
            message.starts_with("error: \"<<\" merges too many keys at line "),
            "{message}"
        );
    }
}
