//! `--for jsonpath='{…}'OPERATOR VALUE`: compares a field with a value.

use std::fmt::{self, Display, Formatter};

use kubectl_plugin::Error;
use kubectl_plugin::output::jsonpath::{Found, Operator};

use super::quantity::Quantity;

/// An operator and the value on its right.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    operator: Operator,
    value: String,
}

/// The spellings of operators. If one begins with another, it comes first.
const OPERATORS: [(&str, Operator); 7] = [
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
];

impl Comparison {
    /// Parses the text after the path, such as `=Running` or ` >= 3`.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim_start();
        let found = OPERATORS
            .into_iter()
            .find_map(|(spelling, operator)| Some((operator, text.strip_prefix(spelling)?)));
        let Some((operator, rest)) = found else {
            return Err(Error::usage(format!("unexpected {text:?} after the path"))
                .with_hint("put one of = != > >= < <= between the path and the value"));
        };
        // As in kubectl, only a quoted value can be blank.
        let value = rest.trim_matches(['\'', '"']);
        if value.is_empty() {
            return Err(Error::usage(
                "jsonpath wait has to have a value after equal sign, \
                 like --for=jsonpath='{.status.readyReplicas}'=3",
            ));
        }
        if rest.starts_with('=') || (rest.starts_with(['<', '>']) && ends_in_quantity(rest)) {
            let spelling = format!("{}{}", &text[..text.len() - rest.len()], &rest[..1]);
            return Err(
                Error::usage(format!("unknown operator `{spelling}`")).with_hint(
                    "use one of = != > >= < <=; put a value that begins with one in quotes",
                ),
            );
        }
        let value = value.trim().trim_matches(['\'', '"']).to_owned();
        if operator.is_ordering() && Quantity::parse(&value).is_none() {
            return Err(Error::usage(format!(
                "{value:?} cannot be compared with {}: it is not a number or a quantity",
                spelling(operator)
            ))
            .with_hint("use a number, such as 3, or a quantity, such as 100m or 1Gi"));
        }
        Ok(Self { operator, value })
    }

    /// Compares a value on the left. Returns kubectl's reason if it cannot be compared.
    pub(super) fn holds_for(&self, left: &Found) -> Result<bool, String> {
        let (text, is_number) = match left {
            Found::Nested => {
                return Err(
                    "jsonpath leads to a nested object or list which is not supported".to_owned(),
                );
            }
            // Go prints a null like this.
            Found::Null => ("<nil>", false),
            Found::Number(text) => (text.as_str(), true),
            Found::Text(text) => (text.trim(), false),
        };
        let quantities = || Some((Quantity::parse(text)?, Quantity::parse(&self.value)?));
        if !self.operator.is_ordering() {
            let is_equal = text == self.value.trim()
                || (is_number && quantities().is_some_and(|(left, right)| left == right));
            return Ok(is_equal == (self.operator == Operator::Equal));
        }
        let Some((left, right)) = quantities() else {
            return Err(format!(
                "jsonpath leads to a value that cannot be compared with {}: \
                 it is not a number or a quantity",
                spelling(self.operator)
            ));
        };
        Ok(self.operator.holds(left.cmp(&right)))
    }

    /// Returns the comparison in words, such as `not "Running"`, for a value that fails it.
    pub(super) fn failure(&self) -> String {
        match self.operator {
            Operator::Equal => format!("not {:?}", self.value),
            operator => format!("not {} {:?}", spelling(operator), self.value),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", spelling(self.operator), self.value)
    }
}

/// Reports whether a comparison like `=>3` is probably a misspelled `>=3`.
fn ends_in_quantity(text: &str) -> bool {
    Quantity::parse(text[1..].trim()).is_some()
}

/// Returns the spelling of an operator in messages.
fn spelling(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Found {
        Found::Text(text.to_owned())
    }

    fn number(text: &str) -> Found {
        Found::Number(text.to_owned())
    }

    #[track_caller]
    fn holds(left: &Found, comparison: &str) -> bool {
        let comparison = Comparison::parse(comparison).unwrap();
        comparison.holds_for(left).unwrap()
    }

    #[test]
    fn equality_compares_texts_and_numbers() {
        for (left, comparison) in [
            (text("Running"), "=Running"),
            (text("Running"), "==Running"),
            (text("Running"), " = 'Running'"),
            (text(" a b "), "=a b "),
            (text(""), "=' '"),
            (text("a=b"), "=a=b"),
            (text(">5"), "='>5'"),
            (text("Running"), "!=Pending"),
            (text("1.0"), "!=1"),
            (number("1"), "=1.0"),
            (number("1"), " != 0"),
            (number("1e+06"), "=1000000"),
            (Found::Null, "=<nil>"),
        ] {
            assert!(holds(&left, comparison), "{left:?} {comparison}");
        }
        assert!(!holds(&text("1Gi"), "=1024Mi"));
        assert!(!holds(&number("0"), "!=0"));
    }

    #[test]
    fn amounts_are_compared_as_quantities() {
        for (left, comparison) in [
            (number("10"), ">9"),
            (number("1"), ">=1"),
            (number("1"), " >= 1"),
            (number("-2"), "<-1"),
            (number("0.5"), "<1"),
            (text("1Gi"), ">1000Mi"),
            (text("100m"), "<=0.1"),
        ] {
            assert!(holds(&left, comparison), "{left:?} {comparison}");
        }
        assert!(!holds(&number("9"), ">=10"));
        let at_least_one = Comparison::parse(">=1").unwrap();
        assert!(at_least_one.holds_for(&text("Running")).is_err());
        assert!(at_least_one.holds_for(&Found::Nested).is_err());
    }

    #[test]
    fn a_comparison_that_makes_no_sense_is_refused() {
        for wrong in [
            "x", "~1", "=", "==", "=''", "=\"\"", ">", ">=", ">x", "<True", ">''", "===1", "!==1",
            "=>1", "=<1", "=< 1", "><1", "!", "! =1",
        ] {
            let error = Comparison::parse(wrong).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong}");
        }
    }
}
