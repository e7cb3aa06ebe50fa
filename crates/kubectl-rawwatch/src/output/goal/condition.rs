//! One `--for`: parses it, and checks objects.

use std::fmt::{self, Display, Formatter, Write as _};
use std::sync::Arc;

use kubectl_plugin::Error;
use kubectl_plugin::output::jsonpath::{Found, Template};
use serde_json::Value;

use super::comparison::Comparison;
use super::rollout;
use super::verdict::Verdict;

/// The maximum length of a value in a message, in characters.
const MAX_SHOWN: usize = 80;

/// One `--for`.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// All existing objects are printed.
    Synced,
    /// An object exists.
    Create,
    /// No object exists.
    Delete,
    /// The rollout of every object is complete.
    Rollout,
    /// Every object has this status condition.
    Status { name: String, value: String },
    /// The path leads to a value in every object, and the value passes the comparison.
    JsonPath {
        /// The path with its braces.
        path: String,
        template: Arc<Template>,
        comparison: Option<Comparison>,
    },
}

impl Condition {
    /// Parses a value of `--for`.
    pub(crate) fn parse(flag: &str) -> Result<Self, Error> {
        let (kind, rest) = match flag.split_once('=') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (flag, None),
        };
        match (kind.to_lowercase().as_str(), rest) {
            ("synced", None) => Ok(Self::Synced),
            ("create", None) => Ok(Self::Create),
            ("delete", None) => Ok(Self::Delete),
            ("rollout", None) => Ok(Self::Rollout),
            ("condition", Some(rest)) => {
                let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
                Ok(Self::Status {
                    name: name.to_owned(),
                    value: value.to_owned(),
                })
            }
            ("jsonpath", Some(rest)) => Self::json_path(rest),
            (kind, _) => Err(Error::usage(format!("unrecognized condition: {flag:?}"))
                .with_hint(
                    "use create, delete, rollout, synced, condition=NAME[=VALUE] or jsonpath='{…}'[=VALUE]",
                )
                .did_you_mean(
                    kind,
                    &["create", "delete", "condition", "jsonpath", "rollout", "synced"],
                )),
        }
    }

    /// Parses a value of `--fail-on`.
    pub(crate) fn parse_failure(flag: &str) -> Result<Self, Error> {
        match Self::parse(flag)? {
            Self::Synced | Self::Rollout => Err(Error::usage(format!(
                "--fail-on {flag} is not a failure"
            ))
            .with_hint("use create, delete, condition=NAME[=VALUE] or jsonpath='{…}'[=VALUE]")),
            condition => Ok(condition),
        }
    }

    fn json_path(text: &str) -> Result<Self, Error> {
        let (path, rest) = split_path(text.trim_start());
        let Some(closed) = closed_path(path) else {
            return Err(Error::usage(format!(
                "jsonpath wait condition must have a path: {text:?}"
            ))
            .with_hint("use a path, as in --for jsonpath='{.status.phase}'=Running"));
        };
        let template = Template::parse(&closed).map_err(|error| Error::usage(error.to_string()))?;
        let comparison = match rest.trim() {
            "" => None,
            _ => Some(Comparison::parse(rest)?),
        };
        Ok(Self::JsonPath {
            path: closed,
            template: Arc::new(template),
            comparison,
        })
    }

    /// Reports whether the condition is about the content of objects.
    pub(super) fn reads_objects(&self) -> bool {
        matches!(
            self,
            Self::Rollout | Self::Status { .. } | Self::JsonPath { .. }
        )
    }

    /// Checks an object.
    pub(super) fn check(&self, object: &Value) -> Verdict {
        match self {
            Self::Synced | Self::Create | Self::Delete => Verdict::Met(String::new()),
            Self::Rollout => rollout::check(object),
            Self::Status { name, value } => check_status(object, name, value),
            Self::JsonPath {
                path,
                template,
                comparison,
            } => match template.find(object) {
                Ok(found) => check_found(path, &found, comparison.as_ref()),
                Err(error) => Verdict::Unmet(error.to_string()),
            },
        }
    }

    /// Returns the path from the object, if the path given starts at the event and so cannot lead
    /// anywhere.
    pub(super) fn path_from_object(&self, object: &Value) -> Option<(&str, String)> {
        match self {
            Self::JsonPath { path, .. } if object.get("object").is_none() => {
                let rest = path.strip_prefix("{.object.")?;
                Some((path, format!("{{.{rest}")))
            }
            _ => None,
        }
    }
}

/// Shows the condition as a value of `--for`.
impl Display for Condition {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synced => formatter.write_str("synced"),
            Self::Create => formatter.write_str("create"),
            Self::Delete => formatter.write_str("delete"),
            Self::Rollout => formatter.write_str("rollout"),
            Self::Status { name, value } if value == "true" => {
                write!(formatter, "condition={name}")
            }
            Self::Status { name, value } => write!(formatter, "condition={name}={value}"),
            Self::JsonPath {
                path, comparison, ..
            } => {
                write!(formatter, "jsonpath={path}")?;
                comparison
                    .iter()
                    .try_for_each(|comparison| write!(formatter, "{comparison}"))
            }
        }
    }
}

/// Returns a path with its braces. As in kubectl, it may lack them, and its first dot. Returns `None`
/// if it is empty.
pub(in crate::output) fn closed_path(path: &str) -> Option<String> {
    let inner = path.trim().trim_matches(['{', '}']).trim();
    let inner = inner.strip_prefix('.').unwrap_or(inner);
    if inner.is_empty() {
        return None;
    }
    Some(if path.starts_with('{') && !path.ends_with('}') {
        path.to_owned()
    } else if inner.starts_with(['@', '$']) {
        format!("{{{inner}}}")
    } else {
        format!("{{.{inner}}}")
    })
}

/// Splits the text after `jsonpath=` into the path and the rest, which begins with an operator.
/// Neither braces nor operators inside quotes or brackets end the path.
pub(in crate::output) fn split_path(text: &str) -> (&str, &str) {
    let in_braces = text.starts_with('{');
    let (mut quote, mut depth, mut is_escaped) = (None, 0_usize, false);
    for (index, character) in text.char_indices() {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match (character, quote) {
            ('\\', _) => is_escaped = true,
            ('\'' | '"', None) if in_braces || depth > 0 => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            ('[', None) => depth += 1,
            (']', None) => depth = depth.saturating_sub(1),
            ('}', None) if in_braces => return text.split_at(index + 1),
            ('=' | '!' | '<' | '>', None) if !in_braces && depth == 0 => {
                return text.split_at(index);
            }
            _ => {}
        }
    }
    (text, "")
}

/// Checks the values that a path leads to. kubectl refuses more than one value, too.
fn check_found(path: &str, found: &[Found], comparison: Option<&Comparison>) -> Verdict {
    let value = match found {
        [] => return Verdict::Unmet(format!("{path} is missing")),
        [value] => value,
        _ => {
            return Verdict::Senseless(
                "given jsonpath expression matches more than one value".to_owned(),
            );
        }
    };
    let Some(comparison) = comparison else {
        return Verdict::Met(format!("{path} exists"));
    };
    match comparison.holds_for(value) {
        Ok(true) => Verdict::Met(format!("{path} is {}", shown(value))),
        Ok(false) => Verdict::Unmet(format!(
            "{path} is {}, {}",
            shown(value),
            comparison.failure()
        )),
        Err(reason) => Verdict::Senseless(reason),
    }
}

/// Shows a value in a message, cut to a bounded length.
fn shown(value: &Found) -> String {
    let text = match value {
        Found::Null => return "null".to_owned(),
        Found::Nested => return "not a single value".to_owned(),
        Found::Number(text) | Found::Text(text) => text,
    };
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Checks that a status condition has this value and is not older than the object's generation.
fn check_status(object: &Value, name: &str, value: &str) -> Verdict {
    let same = |field: &Value, text: &str| {
        field
            .as_str()
            .is_some_and(|field| field.to_lowercase() == text.to_lowercase())
    };
    let status = &object["status"];
    let conditions = status["conditions"].as_array();
    let Some(condition) = conditions
        .into_iter()
        .flatten()
        .find(|condition| same(&condition["type"], name))
    else {
        return Verdict::Unmet(format!("has no condition {name}"));
    };
    let mut last = format!(
        "condition {} is {}",
        condition["type"].as_str().unwrap_or(name),
        condition["status"].as_str().unwrap_or("missing")
    );
    if let Some(reason) = condition["reason"].as_str().filter(|text| !text.is_empty()) {
        let _ = write!(last, " ({reason})");
    }
    let observed = condition["observedGeneration"]
        .as_i64()
        .or(status["observedGeneration"].as_i64());
    let generation = object["metadata"]["generation"].as_i64();
    match observed.zip(generation) {
        Some((observed, generation)) if observed < generation => Verdict::Unmet(format!(
            "{last}, but for the older generation {observed}: the object is at {generation}"
        )),
        _ if same(&condition["status"], value) => Verdict::Met(last),
        _ => Verdict::Unmet(last),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_of_an_older_generation_is_ignored() {
        let object = |observed| {
            json!({"metadata": {"generation": 3}, "status": {
                "observedGeneration": observed,
                "conditions": [{"type": "Ready", "status": "Unknown"}],
            }})
        };
        assert_eq!(
            check_status(&object(3), "Ready", "unknown"),
            Verdict::Met("condition Ready is Unknown".to_owned())
        );
        assert_eq!(
            check_status(&object(2), "ready", "Unknown"),
            Verdict::Unmet(
                "condition Ready is Unknown, but for the older generation 2: the object is at 3"
                    .to_owned()
            )
        );
        assert_eq!(
            check_status(&json!({}), "Ready", "true"),
            Verdict::Unmet("has no condition Ready".to_owned())
        );
    }

    #[track_caller]
    fn check(flag: &str, object: &Value) -> Verdict {
        Condition::parse(flag).unwrap().check(object)
    }

    #[test]
    fn a_path_is_written_with_or_without_braces_and_spaces() {
        let object = json!({"a": {"b": 1, "c.d": "x"}, "l": [{"n": "x", "v": "{y}"}]});
        for flag in [
            "jsonpath={.a.b}=1",
            "jsonpath={a.b}=1",
            "jsonpath=.a.b=1",
            "jsonpath=a.b=1",
            "jsonpath={ .a.b } = 1",
            "jsonpath=.a.b >= 1",
            "jsonpath={@.a.b}=1",
            "jsonpath={..b}=1",
            "jsonpath={.a}",
            r"jsonpath=.a.c\.d=x",
            r"jsonpath={.a.c\.d}!=y",
            r#"jsonpath={.l[?(@.n=="x")].v}={y}"#,
            r#"jsonpath=.l[?(@.n=="x")].v={y}"#,
            r#"jsonpath={.l[?(@.n!="}")].v}={y}"#,
        ] {
            assert!(matches!(check(flag, &object), Verdict::Met(_)), "{flag}");
        }
    }

    #[test]
    fn the_last_value_is_the_reason_why_a_condition_is_not_met() {
        let object = json!({"a": {"b": 1}, "t": "x".repeat(100), "l": [1, 2], "n": null});
        for (flag, reason) in [
            ("jsonpath={.a.b}=2", r#"{.a.b} is "1", not "2""#.to_owned()),
            ("jsonpath={.a.b}>1", r#"{.a.b} is "1", not > "1""#.to_owned()),
            ("jsonpath={.c}!=2", "{.c} is missing".to_owned()),
            ("jsonpath={.c}", "{.c} is missing".to_owned()),
            (
                "jsonpath={.t}=y",
                format!(r#"{{.t}} is "{}"…, not "y""#, "x".repeat(80)),
            ),
            (
                "jsonpath={.n[?(@.x)]}",
                r#"error executing jsonpath "{.n[?(@.x)]}": <nil> is not array or slice and cannot be filtered"#
                    .to_owned(),
            ),
        ] {
            assert_eq!(check(flag, &object), Verdict::Unmet(reason), "{flag}");
        }
        for flag in ["jsonpath={.a}=x", "jsonpath={.l[*]}=1", "jsonpath={.t}>1"] {
            let verdict = check(flag, &object);
            assert!(
                matches!(verdict, Verdict::Senseless(_)),
                "{flag} {verdict:?}"
            );
        }
    }

    #[test]
    fn conditions_are_parsed_like_kubectl_wait() {
        for flag in [
            "condition=Ready",
            "condition=Ready=False",
            "jsonpath={.a}",
            "jsonpath='{.a}'=b",
            "jsonpath={.a[?(@.b==\"c\")].d}=e=f",
            "jsonpath=.status.phase=Running",
            "Delete",
        ] {
            assert!(
                Condition::parse(flag.replace('\'', "").as_str()).is_ok(),
                "{flag}"
            );
        }
        for flag in [
            "bogus",
            "condition",
            "create=x",
            "jsonpath={.a}=",
            "jsonpath={.a",
            "jsonpath=",
            "jsonpath={}",
            "jsonpath={.a}=''",
            "jsonpath={.a}x",
            "jsonpath={.a}x=1",
            "jsonpath={.a}{.b}",
            "jsonpath={range .a[*]}{.b}{end}",
            "jsonpath={.a}>=x",
            "jsonpath={.a}=>1",
        ] {
            assert_eq!(Condition::parse(flag).unwrap_err().exit_code(), 2, "{flag}");
        }
    }
}
