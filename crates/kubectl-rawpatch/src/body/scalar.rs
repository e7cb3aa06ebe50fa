//! Interprets plain YAML scalars by kubectl's rules: YAML 1.1 with Go's integers.
//!
//! The model is `resolve` in go.yaml.in/yaml/v2, which implements neither YAML 1.1 (no base 60,
//! `0o17` is 15) nor 1.2 (`yes` is true, `0644` is 420). There is one difference: kubectl converts
//! numbers to floats, but here a number keeps its digits. `1.10` stays `1.10`, and an integer of 23
//! digits stays unchanged.

/// The meaning of a scalar in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    /// A number, spelled as in JSON.
    Number(String),
    /// `.inf` or `.nan`, which JSON cannot express.
    NotFinite,
    /// The text itself.
    Text,
}

/// Interprets `plain`, an unquoted scalar without a tag.
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

/// Returns the JSON spelling of `plain`, if it is a number.
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

/// Parses `0x1f`, `0o17`, `0b101` and the octal `0644`, within 64 bits as in Go.
fn integer_of_other_base(sign: &str, unsigned: &str) -> Option<String> {
    let rest = unsigned.strip_prefix('0')?;
    let (base, digits) = match rest.as_bytes().first()? {
        b'x' | b'X' => (16, &rest[1..]),
        b'o' | b'O' => (8, &rest[1..]),
        b'b' | b'B' => (2, &rest[1..]),
        _ => (8, rest),
    };
    if digits.starts_with('+') {
        return None; // `from_str_radix` would accept it as a sign.
    }
    let magnitude = i128::from(u64::from_str_radix(digits, base).ok()?);
    let value = if sign.is_empty() {
        magnitude
    } else {
        -magnitude
    };
    (value >= i128::from(i64::MIN)).then(|| value.to_string())
}

/// Returns a decimal number with its digits. JSON needs no leading zero, and at least one digit on both
/// sides of the point.
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
    // A number outside the range of a float is text, because Go's ParseFloat fails.
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
