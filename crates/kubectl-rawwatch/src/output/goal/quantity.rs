//! Kubernetes quantities, such as `3`, `100m`, `1.5` and `1Gi`
//! (`apimachinery/pkg/api/resource/quantity.go`).

/// A quantity in units of 10⁻⁹, the smallest that Kubernetes knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quantity(i128);

impl Quantity {
    /// Parses a number with an optional suffix. Returns `None` for any other text, and for a number
    /// beyond 10²⁹.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_number = |byte: u8| byte.is_ascii_digit() || b"+-.".contains(&byte);
        let end = text.bytes().position(|byte| !is_number(byte));
        let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        let (binary, exponent) = scale(suffix)?;
        let exponent = exponent + 9 - i32::try_from(fraction.len()).ok()?;
        let mantissa = mantissa.checked_mul(binary)?;
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        if exponent >= 0 {
            mantissa.checked_mul(power?).map(Self)
        } else {
            // Like Kubernetes, rounds up.
            let Some(power) = power else {
                return Some(Self(i128::from(mantissa > 0)));
            };
            let rounded_up = i128::from(mantissa.rem_euclid(power) > 0);
            Some(Self(mantissa.div_euclid(power) + rounded_up))
        }
    }
}

/// Returns the factor and the power of ten of a suffix.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [(&str, i32); 10] = [
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("", 0),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ];
    if let Some(power) = BINARY.iter().position(|known| *known == suffix) {
        return Some((1 << (10 * (power + 1)), 0));
    }
    if let Some((_, exponent)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some((1, *exponent));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-100..=100).contains(&exponent).then_some((1, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_quantities_may_be_spelled_differently() {
        for (left, right) in [
            ("1", "1000m"),
            ("1", "1.0"),
            ("1", "+1"),
            ("-1", "-1000m"),
            (".5", "500m"),
            ("5.", "5"),
            ("1Gi", "1024Mi"),
            ("1Gi", "1073741824"),
            ("1.5Gi", "1536Mi"),
            ("1k", "1e3"),
            ("1E", "1E18"),
            ("2E3", "2000"),
            ("1m", "1e-3"),
            ("1u", "1000n"),
            ("0.1n", "1n"),
            ("0", "-0.1n"),
        ] {
            assert_eq!(
                Quantity::parse(left),
                Quantity::parse(right),
                "{left} {right}"
            );
            assert!(Quantity::parse(left).is_some(), "{left}");
        }
    }

    #[test]
    fn quantities_are_ordered_exactly() {
        let ascending = [
            "-1Gi",
            "-1",
            "0",
            "1n",
            "99m",
            "100m",
            "0.5",
            "1",
            "1000",
            "1Ki",
            "9007199254740992",
            "9007199254740993",
            "1E",
            "1Ei",
        ];
        let quantities = ascending.map(|text| Quantity::parse(text).unwrap());
        assert!(quantities.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn other_texts_are_not_quantities() {
        for text in [
            "", "-", ".", "m", "Ready", "1 Gi", "1gi", "1K", "0x1", "1.2.3", "1-2", "1e", "1e1.5",
            "1e999", "--1", "True", "1Gib",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
