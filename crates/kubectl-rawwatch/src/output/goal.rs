//! `--for`: what a run waits for, in the grammar of `kubectl wait`
//! (`kubectl/pkg/cmd/wait/wait.go`).

use std::collections::HashMap;
use std::sync::Arc;

use kubectl_plugin::Error;
use kubectl_plugin::output::jsonpath::Template;
use serde_json::Value;

use super::object::object;
use crate::wire::event::{EventType, Line};

/// One `--for`.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// The initial state is out.
    Synced,
    /// There is an object.
    Create,
    /// There is none.
    Delete,
    /// Every object has this status condition.
    Status { name: String, value: String },
    /// Every object gives this text, or any when there is no value.
    JsonPath {
        template: Arc<Template>,
        value: Option<String>,
    },
}

/// All that must hold at the same time.
#[derive(Debug)]
pub(crate) struct Goal(Vec<Condition>);

/// How far the objects of one path are.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    is_synced: bool,
    /// Whether an object, by namespace and name, meets what is asked of it.
    objects: HashMap<(String, String), bool>,
    /// How many do not.
    unmet: usize,
}

impl Goal {
    /// Returns the goal of these conditions; `None` without any.
    pub(crate) fn of(conditions: &[Condition]) -> Option<Self> {
        (!conditions.is_empty()).then(|| Self(conditions.to_vec()))
    }

    /// Whether it is all so now.
    pub(crate) fn is_met(&self, progress: &Progress) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::Synced => progress.is_synced,
            Condition::Create => !progress.objects.is_empty(),
            Condition::Delete => progress.is_synced && progress.objects.is_empty(),
            Condition::Status { .. } | Condition::JsonPath { .. } => {
                progress.is_synced && !progress.objects.is_empty() && progress.unmet == 0
            }
        })
    }

    fn is_met_by(&self, object: &Value) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::Synced | Condition::Create | Condition::Delete => true,
            Condition::Status { name, value } => has_status(object, name, value),
            Condition::JsonPath { template, value } => {
                template.render(object).is_ok_and(|text| match value {
                    Some(value) => text == value.as_bytes(),
                    None => !text.is_empty(),
                })
            }
        })
    }
}

impl Progress {
    /// The initial state is known.
    pub(crate) fn sync(&mut self) {
        self.is_synced = true;
    }

    /// Takes in what happened to an object.
    pub(crate) fn note(&mut self, goal: &Goal, line: &Line<'_>) -> Result<(), Error> {
        let key = (line.head.namespace.to_owned(), line.head.name.to_owned());
        let before = if line.change == EventType::Deleted {
            self.objects.remove(&key)
        } else {
            let object: Value = serde_json::from_str(object(line.text)?.get()).unwrap_or_default();
            let is_met = goal.is_met_by(&object);
            self.unmet += usize::from(!is_met);
            self.objects.insert(key, is_met)
        };
        self.unmet -= usize::from(before == Some(false));
        Ok(())
    }
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
            ("condition", Some(rest)) => {
                let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
                Ok(Self::Status {
                    name: name.to_owned(),
                    value: value.to_owned(),
                })
            }
            ("jsonpath", Some(rest)) => Self::json_path(rest),
            (kind, _) => Err(Error::usage(format!("unrecognized condition: {flag:?}"))
                .hinted(
                    "--for takes create, delete, condition=NAME[=VALUE], jsonpath='{…}'[=VALUE] or synced",
                )
                .suggesting(kind, &["create", "delete", "condition", "jsonpath", "synced"])),
        }
    }

    fn json_path(text: &str) -> Result<Self, Error> {
        // The `=` before the value is the first one behind the braces.
        let end = text.rfind('}').map_or(0, |brace| brace + 1);
        let (path, value) = match text[end..].find('=') {
            Some(sign) => (&text[..end + sign], Some(&text[end + sign + 1..])),
            None => (text, None),
        };
        if path.is_empty() || value == Some("") {
            return Err(Error::usage(format!(
                "jsonpath wait condition must have a path, and a value behind its `=`: {text:?}"
            )));
        }
        // kubectl takes a path without its braces too.
        let braced = if path.starts_with('{') {
            path.to_owned()
        } else {
            format!("{{.{}}}", path.trim_start_matches('.'))
        };
        Ok(Self::JsonPath {
            template: Template::parse(&braced)
                .map(Arc::new)
                .map_err(|error| Error::usage(error.to_string()))?,
            value: value.map(|value| value.trim_matches(['\'', '"']).to_owned()),
        })
    }
}

/// Whether a status condition has a value and is about the present generation.
fn has_status(object: &Value, name: &str, value: &str) -> bool {
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
        return false;
    };
    let observed = condition["observedGeneration"]
        .as_i64()
        .or(status["observedGeneration"].as_i64());
    let generation = object["metadata"]["generation"].as_i64();
    let is_old = observed
        .zip(generation)
        .is_some_and(|(observed, generation)| observed < generation);
    !is_old && same(&condition["status"], value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::event::ObjectIdentity;

    fn goal(flags: &[&str]) -> Goal {
        let conditions: Result<Vec<_>, _> =
            flags.iter().map(|flag| Condition::parse(flag)).collect();
        Goal::of(&conditions.unwrap()).unwrap()
    }

    fn note(progress: &mut Progress, goal: &Goal, change: EventType, name: &str, object: &Value) {
        let text = format!("{{\"type\":\"{change}\",\"object\":{object}}}\n");
        let line = Line {
            change,
            head: ObjectIdentity {
                name,
                ..ObjectIdentity::default()
            },
            text: text.as_bytes(),
            mark: "",
        };
        progress.note(goal, &line).unwrap();
    }

    #[test]
    fn creation_deletion_and_the_initial_state_are_waited_for() {
        let (created, deleted, synced) = (goal(&["create"]), goal(&["delete"]), goal(&["synced"]));
        let mut progress = Progress::default();
        let all =
            |progress: &Progress| [&created, &deleted, &synced].map(|goal| goal.is_met(progress));
        assert_eq!(all(&progress), [false, false, false]);
        progress.sync();
        assert_eq!(all(&progress), [false, true, true]);
        note(&mut progress, &created, EventType::Added, "a", &json!({}));
        assert_eq!(all(&progress), [true, false, true]);
        note(&mut progress, &created, EventType::Deleted, "a", &json!({}));
        assert_eq!(all(&progress), [false, true, true]);
    }

    #[test]
    fn every_object_must_meet_a_condition() {
        let goal = goal(&["condition=Ready", "jsonpath={.spec.x}=5"]);
        let object = |status: &str, x| json!({"spec": {"x": x}, "status": {"conditions": [{"type": "ready", "status": status}]}});
        let mut progress = Progress::default();
        progress.sync();
        assert!(!goal.is_met(&progress));
        note(
            &mut progress,
            &goal,
            EventType::Added,
            "a",
            &object("True", 5),
        );
        assert!(goal.is_met(&progress));
        note(
            &mut progress,
            &goal,
            EventType::Added,
            "b",
            &object("False", 5),
        );
        assert!(!goal.is_met(&progress));
        note(
            &mut progress,
            &goal,
            EventType::Modified,
            "b",
            &object("True", 4),
        );
        assert!(!goal.is_met(&progress));
        note(
            &mut progress,
            &goal,
            EventType::Modified,
            "b",
            &object("true", 5),
        );
        assert!(goal.is_met(&progress));
        note(
            &mut progress,
            &goal,
            EventType::Modified,
            "b",
            &object("False", 5),
        );
        note(
            &mut progress,
            &goal,
            EventType::Deleted,
            "b",
            &object("False", 5),
        );
        assert!(goal.is_met(&progress));
    }

    #[test]
    fn a_status_of_an_older_generation_does_not_count() {
        let object = |observed| {
            json!({"metadata": {"generation": 3}, "status": {
                "observedGeneration": observed,
                "conditions": [{"type": "Ready", "status": "Unknown"}],
            }})
        };
        assert!(has_status(&object(3), "Ready", "unknown"));
        assert!(!has_status(&object(2), "Ready", "Unknown"));
        assert!(!has_status(&json!({}), "Ready", "true"));
    }

    #[test]
    fn the_grammar_is_kubectls() {
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
        ] {
            assert_eq!(Condition::parse(flag).unwrap_err().exit_code(), 2, "{flag}");
        }
    }
}
