use super::*;

const SECRET_BODY: &[u8] = br#"{"stringData":{"password":"hunter2","pin":[12345]}}"#;

/// Messages of the API server 1.37.2 about Secrets, with values of the request and of the stored
/// object, each followed by what is shown of it.
const SECRET_MESSAGES: [(&str, &str); 11] = [
    (
        r#" "" is invalid: patch: Invalid value: "{\"data\":{\"a\":\"aHVudGVyMg==\"}}": strict decoding error: unknown field "dta""#,
        r#" "<redacted>" is invalid: patch: Invalid value: "<redacted>": strict decoding error: unknown field "dta""#,
    ),
    (
        "failed to create typed patch object (/s; /v1, Kind=Secret): .data.pin: expected string, got &value.valueUnstructured{Value:5}",
        "failed to create typed patch object (/s; /v1, Kind=Secret): .data.pin: expected string, got <redacted>",
    ),
    (
        "failed to create typed patch object (/s; /v1, Kind=Secret): .data: expected map, got &{[hunter2]}",
        "failed to create typed patch object (/s; /v1, Kind=Secret): .data: expected map, got <redacted>",
    ),
    (
        "unknown patch type: x in map: map[$patch:x]",
        "unknown patch type: <redacted>",
    ),
    (
        r#"Secret "s" is invalid: data[bad key]: Invalid value: "bad key": a valid config key must consist of"#,
        r#"Secret "s" is invalid: data[bad key]: Invalid value: "<redacted>": a valid config key must consist of"#,
    ),
    (
        r#"Secret "s" is invalid: x: Invalid value: 77: must be less"#,
        r#"Secret "s" is invalid: x: Invalid value: <redacted>: must be less"#,
    ),
    (r#"secrets "s" not found"#, r#"secrets "s" not found"#),
    (
        r#"admission webhook "w.io" denied the request: hunter2 and aHVudGVyMg== are weak"#,
        r#"admission webhook "w.io" denied the request: <redacted>"#,
    ),
    (
        "the name of the object (c3RvcmVk) does not match the name on the URL (s)",
        "the name of the object (<redacted>) does not match the name on the URL (s)",
    ),
    (
        "quota: hunter2 and aHVudGVyMg== are weak",
        "quota: <redacted> and <redacted>== are weak",
    ),
    (
        r#"secrets "s" is forbidden: User "jane" cannot patch resource "secrets" in API group "" in the namespace "default""#,
        r#"secrets "s" is forbidden: User "jane" cannot patch resource "secrets" in API group "" in the namespace "default""#,
    ),
];

#[test]
fn errors_about_a_secret_keep_the_reason_and_lose_the_values() {
    let redaction = Redaction::for_request(true, SECRET_BODY);
    for (given, expected) in SECRET_MESSAGES {
        assert_eq!(redaction.apply(given), expected);
    }
}

#[test]
fn an_echoed_object_of_any_kind_shrinks_and_other_values_stay() {
    let redaction = Redaction::for_request(false, b"{}");
    assert_eq!(
        redaction.apply(r#"Invalid value: "{\"a\":\"\\\"b\"}": unknown field "spec.x""#),
        r#"Invalid value: "{…}": unknown field "spec.x""#
    );
    let plain = r#"Deployment "d" is invalid: spec.replicas: Invalid value: -1: must be ≥ 0"#;
    assert_eq!(redaction.apply(plain), plain);
}

#[test]
fn a_value_is_found_in_every_form() {
    let body = br#"{"stringData":{"a":"user=root\npassword=hunt\"er2\n","b":"aHVudGVyMwo="}}"#;
    let redaction = Redaction::for_request(true, body);
    for form in [
        "user=root",
        "password=hunt\"er2",
        r#"password=hunt\"er2"#,
        r#"user=root\npassword=hunt\"er2\n"#,
        "aHVudGVyMwo=",
        "hunter3",
    ] {
        let shown = redaction.apply(&format!("weak: {form} here"));
        assert_eq!(shown, "weak: <redacted> here", "{form}");
    }
    let verbatim = Redaction::for_request(true, b"data:\n  password: aHVudGVyMg==\n");
    assert_eq!(verbatim.apply("weak: aHVudGVyMg=="), "weak: <redacted>");
}

#[test]
fn an_unterminated_quoted_text_is_redacted() {
    let redaction = Redaction::for_request(true, b"{}");
    assert_eq!(
        redaction.apply(r#"Invalid value: "hunter2"#),
        r#"Invalid value: "<redacted>""#
    );
}

#[test]
fn a_response_that_mentions_a_secret_tightens_the_rules() {
    let text = r#"Secret "s" is invalid: type: Invalid value: "x": field is immutable"#;
    let redaction = Redaction::for_request(false, b"{}").tightened_for(text);
    assert_eq!(
        redaction.apply(text),
        r#"Secret "s" is invalid: type: Invalid value: "<redacted>": field is immutable"#
    );
}
