//! What a plain YAML scalar means, by kubectl's rules: YAML 1.1 with Go's integers.
//!
//! `resolve` in go.yaml.in/yaml/v2 is the model, which is neither YAML 1.1 (no
//! base 60, `0o17` is 15) nor 1.2 (`yes` is true, `0644` is 420). The one
//! difference: a number keeps the digits it was written with as far as JSON can
//! spell them, where kubectl goes through a float: `1.10` stays `1.10`, and an
//! integer of 23 digits stays itself.

/// A scalar as JSON knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    /// The number as JSON spells it.
    Number(String),
    /// `.inf` and `.nan`, which JSON cannot spell.
    NotFinite,
    /// The text itself.
    Text,
}

/// What `plain`, unquoted and without a tag, means.
pub(super) fn resolve(plain: &str) -> Scalar {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => Scalar::NotFinite,
        _ => number(plain).map_or(Scalar::Text, Scalar::Number),
    }
}

/// The JSON spelling of a number, if `plain` is one.
fn number(plain: &str) -> Option<String> {
    if plain.starts_with('_') || plain.starts_with("._") {
        return None;
    }
    let written = plain.replace('_', "");
    let (sign, unsigned) = match written.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", written.strip_prefix('+').unwrap_or(&written)),
    };
    integer_of_other_base(sign, unsigned).or_else(|| decimal(sign, unsigned))
}

/// `0x1f`, `0o17`, `0b101` and the octal `0644`, within 64 bits as in Go.
fn integer_of_other_base(sign: &str, unsigned: &str) -> Option<String> {
    let rest = unsigned.strip_prefix('0')?;
    let (base, digits) = match rest.as_bytes().first()? {
        b'x' | b'X' => (16, &rest[1..]),
        b'o' | b'O' => (8, &rest[1..]),
        b'b' | b'B' => (2, &rest[1..]),
        _ => (8, rest),
    };
    if digits.starts_with('+') {
        return None; // `from_str_radix` would take it for a sign.
    }
    let magnitude = i128::from(u64::from_str_radix(digits, base).ok()?);
    let value = if sign.is_empty() {
        magnitude
    } else {
        -magnitude
    };
    (value >= i128::from(i64::MIN)).then(|| value.to_string())
}

/// A decimal number with the digits it was written with: JSON wants no leading zero
/// and at least one digit on both sides of the point.
fn decimal(sign: &str, unsigned: &str) -> Option<String> {
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    if !exponent.is_empty() {
        let digits = exponent[1..]
            .strip_prefix(['+', '-'])
            .unwrap_or(&exponent[1..]);
        if digits.is_empty() || !is_digits(digits) {
            return None;
        }
    }
    let (whole, point, fraction) = match mantissa.split_once('.') {
        Some((whole, "")) => (whole, ".", "0"),
        Some((whole, fraction)) => (whole, ".", fraction),
        None => (mantissa, "", ""),
    };
    if !is_digits(whole) || !is_digits(fraction) || mantissa.is_empty() || mantissa == "." {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let number = match format!("{sign}{whole}{point}{fraction}{exponent}") {
        zero if zero == "-0" => "0".to_owned(),
        number => number,
    };
    // Beyond a float's range it is text, as Go's ParseFloat fails there.
    number
        .parse::<f64>()
        .is_ok_and(f64::is_finite)
        .then_some(number)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
