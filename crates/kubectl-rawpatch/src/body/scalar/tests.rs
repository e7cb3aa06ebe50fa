//! A table of plain scalars.
//!
//! The last column has the output of `kubectl patch --local -o json` of kubectl 1.37.2 for the same scalar,
//! where its spelling differs.

use super::super::yaml::to_json;

/// A plain scalar, its JSON, and kubectl's JSON if it differs.
const TABLE: &[(&str, &str, Option<&str>)] = &[
    // The same spelling in JSON.
    ("0", "0", None),
    ("5", "5", None),
    ("-5", "-5", None),
    ("1.10", "1.10", Some("1.1")),
    ("5.0", "5.0", Some("5")),
    ("-0.0", "-0.0", Some("0")),
    ("1e3", "1e3", Some("1000")),
    ("1E3", "1E3", Some("1000")),
    ("1.5e+3", "1.5e+3", Some("1500")),
    ("12e03", "12e03", Some("12000")),
    ("1e-400", "1e-400", Some("0")),
    ("9223372036854775807", "9223372036854775807", None),
    (
        "9223372036854775808",
        "9223372036854775808",
        Some("9223372036854776000"),
    ),
    (
        "-9223372036854775809",
        "-9223372036854775809",
        Some("-9223372036854776000"),
    ),
    (
        "12345678901234567890123",
        "12345678901234567890123",
        Some("1.2345678901234568e+22"),
    ),
    // The same digits, adapted to JSON's syntax.
    ("-0", "0", None),
    ("+5", "5", None),
    (".5", "0.5", None),
    ("-.5", "-0.5", None),
    ("+.5", "0.5", None),
    ("5.", "5.0", Some("5")),
    ("5.e3", "5.0e3", Some("5000")),
    ("08", "8", None),
    ("09", "9", None),
    ("01.5", "1.5", None),
    ("089.5", "89.5", None),
    ("00.5", "0.5", None),
    ("1_000", "1000", None),
    ("1_", "1", None),
    ("1__0", "10", None),
    ("-_1", "-1", None),
    ("1_0.5", "10.5", None),
    ("1.5_5", "1.55", None),
    (".5_0", "0.50", Some("0.5")),
    ("685_230.15", "685230.15", None),
    // Other bases.
    ("00", "0", None),
    ("007", "7", None),
    ("0644", "420", None),
    ("-0644", "-420", None),
    ("0_644", "420", None),
    ("0o17", "15", None),
    ("0O17", "15", None),
    ("0x1f", "31", None),
    ("0X1F", "31", None),
    ("-0x1f", "-31", None),
    ("+0x1f", "31", None),
    ("0x_1f", "31", None),
    ("0b101", "5", None),
    ("0B11", "3", None),
    ("-0b101", "-5", None),
    ("-0x8000000000000000", "-9223372036854775808", None),
    (
        "0xffffffffffffffff",
        "18446744073709551615",
        Some("18446744073709552000"),
    ),
    (
        "01777777777777777777777",
        "18446744073709551615",
        Some("18446744073709552000"),
    ),
    // Beyond 64 bits, Go reads an octal number as a decimal one.
    (
        "07777777777777777777777",
        "7777777777777777777777",
        Some("7.777777777777777e+21"),
    ),
    // Words.
    ("y", "true", None),
    ("Y", "true", None),
    ("yes", "true", None),
    ("Yes", "true", None),
    ("YES", "true", None),
    ("on", "true", None),
    ("On", "true", None),
    ("ON", "true", None),
    ("true", "true", None),
    ("True", "true", None),
    ("TRUE", "true", None),
    ("n", "false", None),
    ("N", "false", None),
    ("no", "false", None),
    ("No", "false", None),
    ("NO", "false", None),
    ("off", "false", None),
    ("Off", "false", None),
    ("OFF", "false", None),
    ("false", "false", None),
    ("False", "false", None),
    ("FALSE", "false", None),
    ("~", "null", None),
    ("null", "null", None),
    ("Null", "null", None),
    ("NULL", "null", None),
    ("", "null", None),
    // Text that resembles something else.
    ("tRUE", r#""tRUE""#, None),
    ("oN", r#""oN""#, None),
    ("nULL", r#""nULL""#, None),
    ("Inf", r#""Inf""#, None),
    ("NaN", r#""NaN""#, None),
    ("<<", r#""<<""#, None),
    ("=", r#""=""#, None),
    ("0x", r#""0x""#, None),
    ("0x-1", r#""0x-1""#, None),
    ("0x+1", r#""0x+1""#, None),
    ("0b2", r#""0b2""#, None),
    ("0o8", r#""0o8""#, None),
    ("0x1p4", r#""0x1p4""#, None),
    ("0x1ffffffffffffffff", r#""0x1ffffffffffffffff""#, None),
    ("-0xffffffffffffffff", r#""-0xffffffffffffffff""#, None),
    ("1e400", r#""1e400""#, None),
    ("_1", r#""_1""#, None),
    ("._5", r#""._5""#, None),
    ("1e", r#""1e""#, None),
    ("1e+", r#""1e+""#, None),
    ("e3", r#""e3""#, None),
    (".e3", r#"".e3""#, None),
    (".", r#"".""#, None),
    ("+", r#""+""#, None),
    ("--", r#""--""#, None),
    ("+-5", r#""+-5""#, None),
    ("0.1.2", r#""0.1.2""#, None),
    ("1.2.3.4", r#""1.2.3.4""#, None),
    ("1:30", r#""1:30""#, None),
    ("100m", r#""100m""#, None),
    ("1Gi", r#""1Gi""#, None),
    ("2024-01-01", r#""2024-01-01""#, None),
    ("2024-01-01T00:00:00Z", r#""2024-01-01T00:00:00Z""#, None),
    ("٣", r#""٣""#, None),
];

#[test]
fn a_plain_scalar_is_read_as_kubectl_reads_it() {
    for (plain, json, _) in TABLE {
        assert_eq!(
            to_json(&format!("value: {plain}")).unwrap(),
            format!(r#"{{"value":{json}}}"#),
            "{plain:?}"
        );
    }
}

#[test]
fn numbers_differ_from_kubectl_only_in_spelling() {
    for (plain, json, kubectl) in TABLE {
        if let Some(kubectl) = kubectl {
            let (ours, theirs): (f64, f64) = (json.parse().unwrap(), kubectl.parse().unwrap());
            assert!(
                (ours - theirs).abs() <= theirs.abs() * f64::EPSILON,
                "{plain:?}: {json} and {kubectl}"
            );
        }
    }
}

#[test]
fn every_scalar_becomes_valid_json() {
    for (plain, json, _) in TABLE {
        assert!(
            serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok(),
            "{plain:?}"
        );
    }
}

#[test]
fn a_quoted_scalar_is_text() {
    for (plain, ..) in TABLE {
        let expected = serde_json::json!({ "value": plain }).to_string();
        assert_eq!(to_json(&format!("value: '{plain}'")).unwrap(), expected);
        assert_eq!(to_json(&format!("value: \"{plain}\"")).unwrap(), expected);
        assert_eq!(to_json(&format!("value: !!str {plain}")).unwrap(), expected);
    }
}

#[test]
fn a_key_keeps_its_spelling() {
    for (plain, json, _) in TABLE {
        if *json != "null" && *plain != "<<" {
            let expected = serde_json::json!({ *plain: 1 }).to_string();
            assert_eq!(to_json(&format!("{plain}: 1")).unwrap(), expected);
        }
    }
}

#[test]
fn refuses_numbers_that_json_cannot_express() {
    for plain in [
        ".inf", ".Inf", ".INF", "+.inf", "-.inf", "-.INF", ".nan", ".NaN", ".NAN",
    ] {
        let error = to_json(&format!("a:\n- {plain}")).unwrap_err();
        assert_eq!(
            error.hint(),
            Some("quote the value if it is text: JSON cannot express it"),
            "{plain:?}"
        );
        assert_eq!(
            error.to_string(),
            "error: the patch has an infinity or NaN at line 2, column 3",
            "{plain:?}"
        );
        assert_eq!(
            to_json(&format!("{plain}: 1")).unwrap(),
            format!(r#"{{"{plain}":1}}"#)
        );
    }
}
