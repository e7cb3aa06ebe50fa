//! `--for`: the conditions that end a run, in the grammar of `kubectl wait`
//! (`kubectl/pkg/cmd/wait/wait.go`).
//!
//! * here: the progress of a path towards all conditions
//! * `condition`: one `--for`; `comparison`: its operator and value; `quantity`: amounts

mod comparison;
mod condition;
mod quantity;

use std::collections::HashMap;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use serde_json::Value;

pub(crate) use condition::Condition;
use condition::Verdict;

use super::object::object;
use crate::wire::event::{EventType, Line};

/// The maximum number of objects in the report about a goal that was not met.
const MAX_OBJECTS: usize = 10;

/// The conditions that must be met at the same time.
#[derive(Debug)]
pub(crate) struct Goal {
    conditions: Vec<Condition>,
    /// The number of objects that must exist.
    at_least: usize,
}

/// The objects that a path names, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The plural name of the resource.
    pub(crate) resource: String,
    /// The name in a path to a single object.
    pub(crate) name: Option<String>,
    /// Whether the path has a namespace.
    pub(crate) has_namespace: bool,
    /// Whether values may be credentials, and are not shown.
    pub(crate) is_secret: bool,
}

/// The progress of one path towards the goal.
#[derive(Debug, Default)]
pub(crate) struct GoalProgress {
    is_synced: bool,
    /// By namespace and name, the reason why an object does not meet the conditions.
    objects: HashMap<(String, String), Option<String>>,
    /// The number of objects that do not meet the conditions.
    unmet: usize,
    /// Whether the note about a path that starts at the event was shown.
    has_note: bool,
}

impl Goal {
    /// Creates the goal. Returns `None` if there are no conditions.
    pub(crate) fn new(conditions: &[Condition], at_least: Option<usize>) -> Option<Self> {
        (!conditions.is_empty()).then(|| Self {
            conditions: conditions.to_vec(),
            at_least: at_least.unwrap_or(1),
        })
    }

    /// Reports whether the goal needs objects to exist, so that waiting for their type makes sense.
    pub(crate) fn awaits_objects(&self) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.any(|condition| !matches!(condition, Condition::Delete))
    }

    /// Reports whether all conditions are met.
    pub(crate) fn is_met(&self, progress: &GoalProgress) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Synced => progress.is_synced,
            Condition::Create => progress.objects.len() >= self.at_least,
            Condition::Delete => progress.is_synced && progress.objects.is_empty(),
            Condition::Status { .. } | Condition::JsonPath { .. } => {
                progress.is_synced && progress.objects.len() >= self.at_least && progress.unmet == 0
            }
        })
    }

    /// Returns the reason why an object does not meet the conditions.
    fn unmet_by(&self, object: &Value, identity: &str) -> Result<Option<String>, Error> {
        for condition in &self.conditions {
            match condition.check(object) {
                Verdict::Met => {}
                Verdict::Unmet(reason) => return Ok(Some(reason)),
                Verdict::Senseless(reason) => {
                    let message = format!("cannot check --for on {identity}: {reason}");
                    return Err(Error::from(Kind::Unmet(message))
                        .with_hint("use a path that leads to one field of the object"));
                }
            }
        }
        Ok(None)
    }

    /// Returns a line for each reason why the goal is not met.
    pub(crate) fn shortfall(&self, progress: &GoalProgress, subject: &Subject) -> Vec<String> {
        if self.is_met(progress) {
            return Vec::new();
        }
        let awaits_deletion = !self.awaits_objects();
        let unmet = |reason: &Option<String>| awaits_deletion || reason.is_some();
        let mut objects: Vec<_> = progress.objects.iter().collect();
        objects.retain(|(_, reason)| unmet(reason));
        objects.sort();
        let lines = objects.iter().take(MAX_OBJECTS).map(|(key, reason)| {
            let reason = match reason {
                _ if awaits_deletion => "still exists",
                Some(_) if subject.is_secret => "does not meet the condition",
                Some(reason) => reason,
                None => "",
            };
            format!("{}: {reason}", subject.of_object(&key.0, &key.1))
        });
        let mut lines: Vec<String> = lines.collect();
        if objects.len() > MAX_OBJECTS {
            lines.push(format!("and {} more", objects.len() - MAX_OBJECTS));
        }
        let count = progress.objects.len();
        if !progress.is_synced {
            lines.push("the list of existing objects is not complete".to_owned());
        } else if !awaits_deletion && count == 0 {
            lines.push("no such object was seen".to_owned());
        } else if !awaits_deletion && count < self.at_least {
            lines.push(format!(
                "{count} of at least {} objects exist",
                self.at_least
            ));
        }
        lines
    }
}

impl Subject {
    /// Returns the resource and the name in a path to a single object.
    pub(crate) fn single(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(format!("{}/{name}", self.resource))
    }

    /// Returns the resource and the name, as in kubectl's messages.
    fn of_object(&self, namespace: &str, name: &str) -> String {
        let Self { resource, .. } = self;
        if self.has_namespace || namespace.is_empty() {
            format!("{resource}/{name}")
        } else {
            format!("{resource}/{name} in namespace {namespace}")
        }
    }
}

impl GoalProgress {
    /// Records that the initial state is complete.
    pub(crate) fn sync(&mut self) {
        self.is_synced = true;
    }

    /// Updates the state of an object from an event. Returns a note for the user, if the event is
    /// the first to call for one.
    pub(crate) fn update(&mut self, goal: &Goal, line: &Line<'_>) -> Result<Option<String>, Error> {
        let key = (
            line.identity.namespace.to_owned(),
            line.identity.name.to_owned(),
        );
        if line.event_type == EventType::Deleted {
            let before = self.objects.remove(&key);
            self.unmet -= usize::from(matches!(before, Some(Some(_))));
            return Ok(None);
        }
        let parsed = object(line.text).ok();
        let parsed = parsed.and_then(|object| serde_json::from_str(object.get()).ok());
        let (reason, note) = match parsed {
            Some(object) => (
                goal.unmet_by(&object, line.identity.name)?,
                self.take_note(goal, &object),
            ),
            None => (Some("the object is not valid JSON".to_owned()), None),
        };
        self.unmet += usize::from(reason.is_some());
        let before = self.objects.insert(key, reason);
        self.unmet -= usize::from(matches!(before, Some(Some(_))));
        Ok(note)
    }

    /// Returns a note about a path that starts at the event, once.
    fn take_note(&mut self, goal: &Goal, object: &Value) -> Option<String> {
        if self.has_note {
            return None;
        }
        let mut conditions = goal.conditions.iter();
        let (given, path) = conditions.find_map(|condition| condition.path_from_object(object))?;
        self.has_note = true;
        Some(format!(
            "rawwatch: --for jsonpath starts at the object: use {path} instead of {given}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::event::ObjectIdentity;

    fn goal(flags: &[&str]) -> Goal {
        let conditions: Result<Vec<_>, _> =
            flags.iter().map(|flag| Condition::parse(flag)).collect();
        Goal::new(&conditions.unwrap(), None).unwrap()
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
        for (event_type, name, object, is_met) in [
            (EventType::Added, "a", object("True", 5), true),
            (EventType::Added, "b", object("False", 5), false),
            (EventType::Modified, "b", object("True", 4), false),
            (EventType::Modified, "b", object("true", 5), true),
            (EventType::Modified, "b", object("False", 5), false),
            (EventType::Deleted, "b", object("False", 5), true),
        ] {
            update(&mut progress, &goal, event_type, name, &object);
            assert_eq!(goal.is_met(&progress), is_met, "{event_type} {object}");
        }
    }

    const PODS: Subject = Subject {
        resource: String::new(),
        name: None,
        has_namespace: true,
        is_secret: false,
    };

    #[test]
    fn a_report_shows_the_last_values_of_some_objects() {
        let goal = goal(&["jsonpath={.x}=1"]);
        let mut progress = GoalProgress::default();
        assert_eq!(
            goal.shortfall(&progress, &PODS),
            ["the list of existing objects is not complete"]
        );
        progress.sync();
        assert_eq!(
            goal.shortfall(&progress, &PODS),
            ["no such object was seen"]
        );
        for number in 0..13 {
            let (name, object) = (format!("{number:02}"), json!({"x": number}));
            update(&mut progress, &goal, EventType::Added, &name, &object);
        }
        let lines = goal.shortfall(&progress, &PODS);
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0], r#"/00: {.x} is "0", not "1""#);
        assert_eq!(lines[1], r#"/02: {.x} is "2", not "1""#);
        assert_eq!(lines[10], "and 2 more");
        let secret = Subject {
            is_secret: true,
            ..PODS
        };
        let lines = goal.shortfall(&progress, &secret);
        assert_eq!(lines[0], "/00: does not meet the condition");
    }

    #[test]
    fn a_report_about_a_deletion_shows_the_objects_that_exist() {
        let goal = goal(&["delete"]);
        let mut progress = GoalProgress::default();
        progress.sync();
        update(&mut progress, &goal, EventType::Added, "a", &json!({}));
        assert_eq!(goal.shortfall(&progress, &PODS), ["/a: still exists"]);
    }

    #[test]
    fn as_many_objects_as_wanted_must_exist() {
        let conditions = [Condition::parse("jsonpath={.x}").unwrap()];
        let goal = Goal::new(&conditions, Some(2)).unwrap();
        let mut progress = GoalProgress::default();
        progress.sync();
        update(
            &mut progress,
            &goal,
            EventType::Added,
            "a",
            &json!({"x": 1}),
        );
        assert!(!goal.is_met(&progress));
        assert_eq!(
            goal.shortfall(&progress, &PODS),
            ["1 of at least 2 objects exist"]
        );
        update(
            &mut progress,
            &goal,
            EventType::Added,
            "b",
            &json!({"x": 1}),
        );
        assert!(goal.is_met(&progress));
    }

    #[test]
    fn a_path_from_the_event_gets_a_note_once() {
        let goal = goal(&["jsonpath={.object.status.phase}=Running"]);
        let mut progress = GoalProgress::default();
        let (first, second) = (json!({"status": {}}), json!({"object": {}}));
        let note = progress.take_note(&goal, &second);
        assert_eq!(note, None);
        assert_eq!(
            progress.take_note(&goal, &first).unwrap(),
            "rawwatch: --for jsonpath starts at the object: use {.status.phase} \
             instead of {.object.status.phase}"
        );
        assert_eq!(progress.take_note(&goal, &first), None);
    }
}
