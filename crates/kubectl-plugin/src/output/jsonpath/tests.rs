//! Tests positions, differences and limits. tests/jsonpath compares the rest with kubectl.

use serde_json::{Value, json};

use super::{Found, Template};

fn render(template: &str, object: &Value) -> Result<Vec<u8>, String> {
    let template = Template::parse(template).map_err(|error| error.to_string())?;
    template.render(object).map_err(|error| error.to_string())
}

fn rendered(template: &str, object: &Value) -> String {
    String::from_utf8(render(template, object).unwrap()).unwrap()
}

#[test]
fn an_invalid_template_is_shown_with_the_reason_and_position() {
    let cases = [
        ("{.a", "unclosed action (at byte 3)"),
        ("text {.a[0}", "unterminated array (at byte 8)"),
        ("{.a[x]}", "invalid array index x (at byte 3)"),
        (
            "{.größe !}",
            "unrecognized character in action: U+0021 '!' (at byte 10)",
        ),
        ("{.a['b c']}", "unrecognized identifier c (at byte 7)"),
        ("{.a[0,  x]}", "invalid array index x (at byte 8)"),
        (
            "{.a[?(@.b==1 && @.c)]}",
            "unrecognized character in action: U+0026 '&' (at byte 13)",
        ),
        (
            "{.a[?(@.b=1)]}",
            "unrecognized filter operator = (at byte 3)",
        ),
        ("{.a}{end}", "not in range, nothing to end (at byte 4)"),
        (
            "{range .a range}",
            "unrecognized identifier range (at byte 10)",
        ),
        (
            "{.a[?(range)]}",
            "unrecognized identifier in range (at byte 6)",
        ),
    ];
    for (template, reason) in cases {
        let error = Template::parse(template).unwrap_err();
        let expected = format!("error parsing jsonpath {template}, {reason}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_mismatch_shows_no_value_of_the_object() {
    let secret = json!({"data": {"password": "c2VjcmV0"}});
    for (template, reason) in [
        (
            "{.data[?(@.x)]}",
            "map[string]interface {} is not array or slice and cannot be filtered",
        ),
        (
            "{.data.password[?(@.x)]}",
            "string is not array or slice and cannot be filtered",
        ),
        (
            "{.data[0]}",
            "map[string]interface {} is not array or slice",
        ),
    ] {
        let message = render(template, &secret).unwrap_err();
        let expected = format!("error executing jsonpath {template:?}: {reason}");
        assert_eq!(message, expected);
    }
}

#[test]
fn values_are_found_with_their_types() {
    let object = json!({"a": [1, 2.5, "x", true, null, [], {}]});
    let found = Template::parse("{.a[*]}").unwrap().find(&object).unwrap();
    let (number, text) = (
        |text: &str| Found::Number(text.to_owned()),
        |text: &str| Found::Text(text.to_owned()),
    );
    assert_eq!(
        found,
        [
            number("1"),
            number("2.5"),
            text("x"),
            text("true"),
            Found::Null,
            Found::Nested,
            Found::Nested
        ]
    );
    let missing = Template::parse("{.b}").unwrap();
    assert_eq!(missing.find(&object), Ok(Vec::new()));
}

#[test]
fn root_fields_are_those_outside_of_ranges() {
    let template = "{.a.b} {range .c[*]}{.d}{end}{['e']} {\"text\"}{..f}";
    let template = Template::parse(template).unwrap();
    assert_eq!(template.root_fields().collect::<Vec<_>>(), ["a", "c", "e"]);
}

#[test]
fn quoted_text_can_hold_any_byte() {
    assert_eq!(render(r#"{"\xff\000"}"#, &Value::Null).unwrap(), b"\xff\0");
}

#[test]
fn the_body_of_a_range_over_nothing_is_skipped() {
    assert_eq!(rendered("a{range .missing}{[0]}{end}b", &json!({})), "ab");
    assert_eq!(
        rendered("{range .a[*]}<{[0]}>{end}", &json!({"a": [null, [1]]})),
        "<><1>"
    );
}

#[test]
fn ranges_nest_up_to_the_limit() {
    let nested = |depth| "{range @}".repeat(depth) + "x" + &"{end}".repeat(depth);
    assert_eq!(rendered(&nested(16), &Value::Null), "x");
    let error = Template::parse(&nested(17)).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("ranges nested more than 16 deep (at byte 144)")
    );
}

#[test]
fn numbers_beyond_int64_are_printed_as_floats() {
    let object = json!({"all": [i64::MIN, i64::MAX, u64::MAX, 1e20, 1e21, 1e-5, 1e-7, -0.5]});
    let plain = "-9223372036854775808 9223372036854775807 1.8446744073709552e+19 1e+20 1e+21 \
                 1e-05 1e-07 -0.5";
    let compact = "[-9223372036854775808,9223372036854775807,18446744073709552000,\
                   100000000000000000000,1e+21,0.00001,1e-7,-0.5]";
    assert_eq!(rendered("{.all[*]}", &object), plain);
    assert_eq!(rendered("{.all}", &object), compact);
}

#[test]
fn templates_never_cause_a_panic() {
    let object = json!({"a": [{"b": ["x", null, 1.5, {}]}, [], "é"], "c": {"": i64::MAX}});
    let parts = [
        "{",
        "}",
        "[",
        "]",
        "[?(",
        ")",
        ")]",
        ".",
        "..",
        "@",
        "$",
        "*",
        ",",
        ":",
        "-",
        "+",
        "'",
        "\"",
        "\\",
        "\\x",
        "é",
        "\n",
        " ",
        "a",
        "b",
        "0",
        "1",
        "9223372036854775808",
        "-1",
        "==",
        "<",
        "range ",
        "end",
        "true",
        "{range @}",
        "{end}",
        "{.a[*]}",
        "{.a[?(@.b)]}",
        "{..",
    ];
    let mut state = 1_u64;
    for _ in 0..50_000 {
        let mut template = String::new();
        for _ in 0..=state % 12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            template += parts[usize::try_from(state >> 33).unwrap() % parts.len()];
        }
        drop(render(&template, &object));
    }
    for part in parts {
        drop(render(&part.repeat(20_000), &object));
        drop(render(&format!("{{{}", part.repeat(20_000)), &object));
    }
}
