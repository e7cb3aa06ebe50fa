//! `--for`: the conditions that end a run, in the grammar of `kubectl wait`
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
    /// All existing objects are printed.
    Synced,
    /// An object exists.
    Create,
    /// No object exists.
    Delete,
    /// Every object has this status condition.
    Status { name: String, value: String },
    /// The template renders every object to this value, or to any text if there is no value.
    JsonPath {
        template: Arc<Template>,
        value: Option<String>,
    },
}

/// The conditions that must be met at the same time.
#[derive(Debug)]
pub(crate) struct Goal(Vec<Condition>);

/// The progress of one path towards the goal.
#[derive(Debug, Default)]
pub(crate) struct GoalProgress {
    is_synced: bool,
    /// Whether each object meets the conditions, by namespace and name.
    objects: HashMap<(String, String), bool>,
    /// The number of objects that do not meet the conditions.
    unmet: usize,
}

impl Goal {
    /// Creates the goal. Returns `None` if there are no conditions.
    pub(crate) fn from_conditions(conditions: &[Condition]) -> Option<Self> {
        (!conditions.is_empty()).then(|| Self(conditions.to_vec()))
    }

    /// Reports whether all conditions are met.
    pub(crate) fn is_met(&self, progress: &GoalProgress) -> bool {
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

impl GoalProgress {
    /// Records that the initial state is complete.
    pub(crate) fn sync(&mut self) {
        self.is_synced = true;
    }

    /// Updates the state of an object from an event.
    pub(crate) fn update(&mut self, goal: &Goal, line: &Line<'_>) -> Result<(), Error> {
        let key = (
            line.identity.namespace.to_owned(),
            line.identity.name.to_owned(),
        );
        let before = if line.event_type == EventType::Deleted {
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
                .with_hint(
                    "use create, delete, condition=NAME[=VALUE], jsonpath='{…}'[=VALUE] or synced",
                )
                .did_you_mean(
                    kind,
                    &["create", "delete", "condition", "jsonpath", "synced"],
                )),
        }
    }

    fn json_path(text: &str) -> Result<Self, Error> {
        // The value follows the first `=` after the braces.
        let end = text.rfind('}').map_or(0, |brace| brace + 1);
        let (path, value) = match text[end..].find('=') {
            Some(sign) => (&text[..end + sign], Some(&text[end + sign + 1..])),
            None => (text, None),
        };
        if path.is_empty() || value == Some("") {
            return Err(Error::usage(format!(
                "jsonpath wait condition must have a path, and a value after `=`: {text:?}"
            )));
        }
        // As in kubectl, a path may lack its braces.
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

/// Reports whether a status condition has this value and is not older than the object's generation.
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
        Goal::from_conditions(&conditions.unwrap()).unwrap()
    }

    fn update(
        progress: &mut GoalProgress,
        goal: &Goal,
        event_type: EventType,
        name: &str,
        object: &Value,
    ) {
        let text = format!("{{\"type\":\"{event_type}\",\"object\":{object}}}\n");
        let line = Line {
            event_type,
            identity: ObjectIdentity {
                name,
                ..ObjectIdentity::default()
            },
            text: text.as_bytes(),
            synthetic: "",
        };
        progress.update(goal, &line).unwrap();
    }

    #[test]
    fn create_delete_and_synced_follow_the_objects() {
        let (created, deleted, synced) = (goal(&["create"]), goal(&["delete"]), goal(&["synced"]));
        let mut progress = GoalProgress::default();
        let all = |progress: &GoalProgress| {
            [&created, &deleted, &synced].map(|goal| goal.is_met(progress))
        };
        assert_eq!(all(&progress), [false, false, false]);
        progress.sync();
        assert_eq!(all(&progress), [false, true, true]);
        update(&mut progress, &created, EventType::Added, "a", &json!({}));
        assert_eq!(all(&progress), [true, false, true]);
        update(&mut progress, &created, EventType::Deleted, "a", &json!({}));
        assert_eq!(all(&progress), [false, true, true]);
    }

    #[test]
    fn every_object_must_meet_a_condition() {
        let goal = goal(&["condition=Ready", "jsonpath={.spec.x}=5"]);
        let object = |status: &str, x| json!({"spec": {"x": x}, "status": {"conditions": [{"type": "ready", "status": status}]}});
        let mut progress = GoalProgress::default();
        progress.sync();
        assert!(!goal.is_met(&progress));
        update(
            &mut progress,
            &goal,
            EventType::Added,
            "a",
            &object("True", 5),
        );
        assert!(goal.is_met(&progress));
        update(
            &mut progress,
            &goal,
            EventType::Added,
            "b",
            &object("False", 5),
        );
        assert!(!goal.is_met(&progress));
        update(
            &mut progress,
            &goal,
            EventType::Modified,
            "b",
            &object("True", 4),
        );
        assert!(!goal.is_met(&progress));
        update(
            &mut progress,
            &goal,
            EventType::Modified,
            "b",
            &object("true", 5),
        );
        assert!(goal.is_met(&progress));
        update(
            &mut progress,
            &goal,
            EventType::Modified,
            "b",
            &object("False", 5),
        );
        update(
            &mut progress,
            &goal,
            EventType::Deleted,
            "b",
            &object("False", 5),
        );
        assert!(goal.is_met(&progress));
    }

    #[test]
    fn a_condition_of_an_older_generation_is_ignored() {
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
        ] {
            assert_eq!(Condition::parse(flag).unwrap_err().exit_code(), 2, "{flag}");
        }
    }
}
