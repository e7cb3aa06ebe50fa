//! The conditions that end a run: `--for`, `--for-any` and `--fail-on`, in the grammar of `kubectl
//! wait` (`kubectl/pkg/cmd/wait/wait.go`).
//!
//! * here: the conditions, and the progress of a path towards them
//! * `condition`: one condition; `comparison`: its operator and value; `quantity`: amounts;
//!   `rollout`: the end of a rollout; `verdict`: the result for one object

mod comparison;
mod condition;
mod quantity;
mod rollout;
mod verdict;

use std::collections::HashMap;
use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use serde_json::Value;

pub(crate) use condition::Condition;
pub(super) use condition::{closed_path, split_path};

use super::object::object;
use crate::wire::event::{EventType, Line};
use verdict::Verdict;

/// The maximum number of objects in a report.
const MAX_OBJECTS: usize = 10;

/// The conditions of a run.
#[derive(Debug)]
pub(crate) struct Goal {
    /// The conditions that must be met at the same time.
    all: Vec<Condition>,
    /// The alternatives: one of these conditions must be met.
    any: Vec<Condition>,
    /// The conditions that end the run as a failure.
    failures: Vec<Condition>,
    /// The time for which nothing must have changed.
    stable: Option<Duration>,
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
    /// Whether nothing has changed for as long as wanted.
    is_stable: bool,
    /// The objects that exist, by namespace and name.
    objects: HashMap<(String, String), Standing>,
    /// The number of objects that do not meet all conditions of `--for`.
    unmet: usize,
    /// The number of objects that meet a condition of `--for-any`.
    chosen: usize,
    /// Whether the note about a path that starts at the event was shown.
    has_note: bool,
}

/// The relation of an object to the conditions.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    /// The reason why the object does not meet all conditions of `--for`.
    unmet: Option<String>,
    /// The value with which the object meets a condition of `--for-any`, or the reasons why it meets
    /// none of them.
    any: Option<Result<String, String>>,
    /// The state of the rollout, as a sentence.
    rollout: Option<String>,
}

impl Standing {
    /// Returns the standing of an object that cannot be parsed.
    fn invalid() -> Self {
        let reason = "the object is not valid JSON".to_owned();
        Self {
            unmet: Some(reason.clone()),
            any: Some(Err(reason)),
            rollout: None,
        }
    }

    /// Reports whether the object meets a condition of `--for-any`.
    fn is_chosen(&self) -> bool {
        matches!(self.any, Some(Ok(_)))
    }

    /// Returns the reason why the object does not meet the goal.
    fn reason(&self) -> Option<&String> {
        let unmet_any = self.any.as_ref().and_then(|any| any.as_ref().err());
        self.unmet.as_ref().or(unmet_any)
    }
}

impl Goal {
    /// Creates the goal. Returns `None` if there are no conditions.
    pub(crate) fn new(
        all: &[Condition],
        any: &[Condition],
        failures: &[Condition],
        stable: Option<Duration>,
        at_least: Option<usize>,
    ) -> Option<Self> {
        let has_conditions = [all, any, failures].iter().any(|list| !list.is_empty());
        (has_conditions || stable.is_some()).then(|| Self {
            all: all.to_vec(),
            any: any.to_vec(),
            failures: failures.to_vec(),
            stable,
            at_least: at_least.unwrap_or(1),
        })
    }

    /// Reports whether the goal can be met. Failures alone end a run only as a failure.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.all.is_empty() || !self.any.is_empty() || self.stable.is_some()
    }

    /// Reports whether the goal needs objects to exist, so that waiting for their type makes sense.
    pub(crate) fn awaits_objects(&self) -> bool {
        let mut conditions = self.all.iter().chain(&self.any);
        conditions.any(|condition| !matches!(condition, Condition::Delete))
    }

    /// Reports whether the goal is met.
    pub(crate) fn is_met(&self, progress: &GoalProgress) -> bool {
        let count = progress.objects.len();
        let mut all = self.all.iter();
        let mut any = self.any.iter();
        self.is_awaited()
            && (self.stable.is_none() || (progress.is_stable && progress.is_synced))
            && all
                .all(|condition| self.is_condition_met(condition, progress, count - progress.unmet))
            && (self.any.is_empty()
                || any.any(|condition| self.is_condition_met(condition, progress, progress.chosen)))
    }

    /// Reports whether a condition is met. `meeting` is the number of objects that meet it, or
    /// another one of its kind.
    fn is_condition_met(
        &self,
        condition: &Condition,
        progress: &GoalProgress,
        meeting: usize,
    ) -> bool {
        let count = progress.objects.len();
        match condition {
            Condition::Synced => progress.is_synced,
            Condition::Create => count >= self.at_least,
            Condition::Delete => progress.is_synced && count == 0,
            Condition::Rollout | Condition::Status { .. } | Condition::JsonPath { .. } => {
                progress.is_synced && count >= self.at_least && meeting == count
            }
        }
    }

    /// Checks an object.
    fn standing(&self, object: &Value, subject: &str) -> Result<Standing, Error> {
        let mut standing = Standing::default();
        for condition in &self.all {
            let result = check(condition, object, "--for", subject)?;
            if matches!(condition, Condition::Rollout) {
                standing.rollout = Some(result.clone().unwrap_or_else(|sentence| sentence));
            }
            if let Err(reason) = result {
                standing.unmet = standing.unmet.or(Some(reason));
            }
        }
        let mut reasons = Vec::new();
        for condition in self
            .any
            .iter()
            .filter(|condition| condition.reads_objects())
        {
            match check(condition, object, "--for-any", subject)? {
                Ok(value) => {
                    standing.any = Some(Ok(value));
                    return Ok(standing);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        standing.any = (!reasons.is_empty()).then(|| Err(reasons.join("; ")));
        Ok(standing)
    }

    /// Returns the failure if an object meets a condition of `--fail-on`. `object` is `None`
    /// after its deletion.
    fn check_failures(
        &self,
        object: Option<&Value>,
        subject: &Subject,
        name: &str,
    ) -> Result<(), Error> {
        for condition in &self.failures {
            let value = match (condition, object) {
                (Condition::Delete, None) => "was deleted".to_owned(),
                (Condition::Create, Some(_)) => "exists".to_owned(),
                (Condition::Status { .. } | Condition::JsonPath { .. }, Some(object)) => {
                    match check(condition, object, "--fail-on", name)? {
                        Ok(value) => value,
                        Err(_) => continue,
                    }
                }
                _ => continue,
            };
            let value = if subject.is_secret { "" } else { &value };
            let message = format!("{name} meets --fail-on: {value}");
            return Err(Kind::Unmet(message.trim_end_matches(": ").to_owned()).into());
        }
        Ok(())
    }

    /// Fails if the only object of a rollout was deleted. A new one with its name is another rollout.
    fn check_rollout_of_deleted(&self, subject: &Subject, name: &str) -> Result<(), Error> {
        let is_awaited = self
            .all
            .iter()
            .any(|condition| matches!(condition, Condition::Rollout));
        if is_awaited && subject.name.is_some() {
            return Err(Kind::Unmet(format!("{name} has been deleted")).into());
        }
        Ok(())
    }

    /// Fails if the goal is a rollout, and the resource has none. `is_apps` says whether it belongs to
    /// the API group `apps`.
    pub(crate) fn check_resource(&self, resource: &str, is_apps: bool) -> Result<(), Error> {
        let mut conditions = self.all.iter().chain(&self.any);
        let is_awaited = conditions.any(|condition| matches!(condition, Condition::Rollout));
        if is_awaited && !(is_apps && rollout::RESOURCES.contains(&resource)) {
            return Err(
                Error::usage(format!("{resource} have no rollout")).with_hint(
                    "use --for rollout with deployments, statefulsets or daemonsets of apps/v1",
                ),
            );
        }
        Ok(())
    }

    /// Returns a sentence about the progress of all paths.
    pub(crate) fn sentence(&self, progress: &[GoalProgress]) -> String {
        let joined = |conditions: &[Condition], word| {
            let texts: Vec<String> = conditions.iter().map(Condition::to_string).collect();
            (!texts.is_empty()).then(|| texts.join(word))
        };
        let stable = self
            .stable
            .map(|stable| format!("no change for {stable:?}"));
        let wanted = [
            joined(&self.all, " and "),
            joined(&self.any, " or "),
            stable,
        ];
        let wanted: Vec<String> = wanted.into_iter().flatten().collect();
        let objects = progress.iter().flat_map(|path| path.objects.values());
        let total = objects.clone().count();
        let met = objects
            .filter(|standing| standing.reason().is_none())
            .count();
        format!(
            "waiting for {}: {met} of {total} objects",
            wanted.join(" and ")
        )
    }

    /// Returns a line for each reason why the goal is not met.
    pub(crate) fn shortfall(&self, progress: &GoalProgress, subject: &Subject) -> Vec<String> {
        if self.is_met(progress) {
            return Vec::new();
        }
        let awaits_deletion = !self.all.is_empty() && !self.awaits_objects();
        let objects = progress.objects.iter().filter_map(|(key, standing)| {
            let reason = match standing.reason() {
                _ if awaits_deletion => "still exists",
                Some(_) if subject.is_secret => "does not meet the condition",
                Some(reason) => reason,
                None => return None,
            };
            Some((key, reason))
        });
        let mut lines = report(objects, subject);
        let count = progress.objects.len();
        if !progress.is_synced {
            lines.push("the list of existing objects is not complete".to_owned());
        } else if self.awaits_objects() && count == 0 {
            lines.push("no such object was seen".to_owned());
        } else if !awaits_deletion && count < self.at_least {
            lines.push(format!(
                "{count} of at least {} objects exist",
                self.at_least
            ));
        }
        if let Some(stable) = self.stable.filter(|_| !progress.is_stable) {
            lines.push(format!(
                "{} changed, or could not be compared with the server, in the last {stable:?}",
                subject.of_all()
            ));
        }
        lines
    }

    /// Returns a line for each condition of `--for-any` that is met.
    pub(crate) fn met_by(&self, progress: &GoalProgress, subject: &Subject) -> Vec<String> {
        let objects = progress.objects.iter().filter_map(|(key, standing)| {
            let value = standing.any.as_ref()?.as_ref().ok()?;
            Some((
                key,
                if subject.is_secret {
                    "meets the condition"
                } else {
                    value
                },
            ))
        });
        let lines = report(objects, subject);
        let is_collection_met = |condition: &&Condition| {
            !condition.reads_objects() && self.is_condition_met(condition, progress, 0)
        };
        let of_collection = self.any.iter().filter(is_collection_met);
        let of_collection = of_collection.map(|condition| match condition {
            Condition::Synced => format!("{}: all existing objects are known", subject.resource),
            Condition::Delete => format!("{}: no object exists", subject.of_all()),
            _ => format!("{}: {} exist", subject.of_all(), progress.objects.len()),
        });
        of_collection.chain(lines).collect()
    }
}

/// Checks an object. Returns the value that meets a condition, or the reason why none does. Fails if
/// the condition makes no sense for the object.
fn check(
    condition: &Condition,
    object: &Value,
    flag: &str,
    subject: &str,
) -> Result<Result<String, String>, Error> {
    match condition.check(object) {
        Verdict::Met(value) => Ok(Ok(value)),
        Verdict::Unmet(reason) => Ok(Err(reason)),
        Verdict::Failed(reason) => Err(Kind::Unmet(reason).into()),
        Verdict::Senseless(reason) => {
            let message = format!("cannot check {flag} on {subject}: {reason}");
            Err(Error::from(Kind::Unmet(message))
                .with_hint("use a path that leads to one field of the object"))
        }
    }
}

/// Returns a line for each object, up to a maximum, in the order of their names.
fn report<'a>(
    objects: impl Iterator<Item = (&'a (String, String), &'a str)>,
    subject: &Subject,
) -> Vec<String> {
    let mut objects: Vec<_> = objects.collect();
    objects.sort_unstable();
    let shown = objects.iter().take(MAX_OBJECTS);
    let shown = shown
        .map(|((namespace, name), text)| format!("{}: {text}", subject.of_object(namespace, name)));
    let mut lines: Vec<String> = shown.collect();
    if objects.len() > MAX_OBJECTS {
        lines.push(format!("and {} more", objects.len() - MAX_OBJECTS));
    }
    lines
}

impl Subject {
    /// Returns the resource and the name in a path to a single object.
    pub(crate) fn single(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(format!("{}/{name}", self.resource))
    }

    /// Returns the resource, with the name in a path to a single object.
    fn of_all(&self) -> String {
        self.single().unwrap_or_else(|| self.resource.clone())
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

    /// Records whether nothing has changed for as long as wanted.
    pub(crate) fn set_stable(&mut self, is_stable: bool) {
        self.is_stable = is_stable;
    }

    /// Updates the state of an object from an event. Returns notes for the user: the state of a
    /// rollout, if it has changed, and the first note about a path. Fails if the object meets a
    /// condition of `--fail-on`.
    pub(crate) fn update(
        &mut self,
        goal: &Goal,
        line: &Line<'_>,
        subject: &Subject,
    ) -> Result<Vec<String>, Error> {
        let key = (
            line.identity.namespace.to_owned(),
            line.identity.name.to_owned(),
        );
        let name = subject.of_object(&key.0, &key.1);
        self.is_stable = false;
        let before = self.objects.remove(&key);
        if let Some(before) = &before {
            self.unmet -= usize::from(before.unmet.is_some());
            self.chosen -= usize::from(before.is_chosen());
        }
        if line.event_type == EventType::Deleted {
            goal.check_failures(None, subject, &name)?;
            goal.check_rollout_of_deleted(subject, &name)?;
            return Ok(Vec::new());
        }
        let parsed = object(line.text).ok();
        let parsed = parsed.and_then(|object| serde_json::from_str(object.get()).ok());
        let (standing, note) = match parsed {
            Some(object) => {
                goal.check_failures(Some(&object), subject, &name)?;
                (
                    goal.standing(&object, &name)?,
                    self.take_note(goal, &object),
                )
            }
            None => (Standing::invalid(), None),
        };
        let last = before.and_then(|before| before.rollout);
        let sentence = standing
            .rollout
            .clone()
            .filter(|now| Some(now) != last.as_ref());
        self.unmet += usize::from(standing.unmet.is_some());
        self.chosen += usize::from(standing.is_chosen());
        self.objects.insert(key, standing);
        Ok(sentence.into_iter().chain(note).collect())
    }

    /// Returns a note about a path that starts at the event, once.
    fn take_note(&mut self, goal: &Goal, object: &Value) -> Option<String> {
        if self.has_note {
            return None;
        }
        let conditions = [&goal.all, &goal.any, &goal.failures];
        let mut conditions = conditions.into_iter().flatten();
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
        Goal::new(&conditions.unwrap(), &[], &[], None, None).unwrap()
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
        progress.update(goal, &line, &PODS).unwrap();
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

    fn parse(flags: &[&str]) -> Vec<Condition> {
        let conditions = flags.iter().map(|flag| Condition::parse(flag).unwrap());
        conditions.collect()
    }

    #[test]
    fn each_object_must_meet_one_condition_of_any() {
        let any = parse(&["jsonpath={.x}=1", "jsonpath={.x}=2"]);
        let goal = Goal::new(&[], &any, &[], None, None).unwrap();
        let mut progress = GoalProgress::default();
        progress.sync();
        assert!(!goal.is_met(&progress));
        for (event_type, name, x, is_met) in [
            (EventType::Added, "a", 1, true),
            (EventType::Added, "b", 3, false),
            (EventType::Modified, "b", 2, true),
            (EventType::Modified, "a", 0, false),
            (EventType::Deleted, "a", 0, true),
        ] {
            update(&mut progress, &goal, event_type, name, &json!({"x": x}));
            assert_eq!(goal.is_met(&progress), is_met, "{event_type} {name}");
        }
        assert_eq!(goal.met_by(&progress, &PODS), [r#"/b: {.x} is "2""#]);
        update(
            &mut progress,
            &goal,
            EventType::Modified,
            "b",
            &json!({"x": 3}),
        );
        assert_eq!(
            goal.shortfall(&progress, &PODS),
            [r#"/b: {.x} is "3", not "1"; {.x} is "3", not "2""#]
        );
    }

    #[test]
    fn any_of_the_conditions_may_be_about_the_collection() {
        let any = parse(&["jsonpath={.x}=1", "delete"]);
        let goal = Goal::new(&parse(&["synced"]), &any, &[], None, None).unwrap();
        let mut progress = GoalProgress::default();
        update(
            &mut progress,
            &goal,
            EventType::Added,
            "a",
            &json!({"x": 1}),
        );
        assert!(!goal.is_met(&progress));
        progress.sync();
        assert!(goal.is_met(&progress));
        update(&mut progress, &goal, EventType::Modified, "a", &json!({}));
        assert!(!goal.is_met(&progress));
        update(&mut progress, &goal, EventType::Deleted, "a", &json!({}));
        assert!(goal.is_met(&progress));
        assert_eq!(goal.met_by(&progress, &PODS), [": no object exists"]);
    }

    #[test]
    fn a_change_ends_the_calm_before_it_can_end_the_run() {
        let stable = Some(Duration::from_secs(5));
        let goal = Goal::new(&parse(&["create"]), &[], &[], stable, None).unwrap();
        let alone = Goal::new(&[], &[], &[], stable, None).unwrap();
        let mut progress = GoalProgress::default();
        progress.sync();
        assert!(!alone.is_met(&progress));
        progress.set_stable(true);
        assert!(alone.is_met(&progress) && !goal.is_met(&progress));
        update(&mut progress, &goal, EventType::Added, "a", &json!({}));
        assert!(!alone.is_met(&progress) && !goal.is_met(&progress));
        let line = " changed, or could not be compared with the server, in the last 5s";
        assert_eq!(goal.shortfall(&progress, &PODS), [line]);
        progress.set_stable(true);
        assert!(goal.is_met(&progress));
    }

    #[test]
    fn the_first_object_that_meets_a_failure_ends_the_run() {
        let failure = |flag: &str, event_type: EventType, subject: &Subject| {
            let goal = Goal::new(&[], &[], &parse(&[flag]), None, None).unwrap();
            assert!(!goal.is_awaited() && !goal.is_met(&GoalProgress::default()));
            let text = format!(r#"{{"type":"{event_type}","object":{{"x":1}}}}"#);
            let identity = ObjectIdentity {
                name: "a",
                ..ObjectIdentity::default()
            };
            let line = Line {
                event_type,
                identity,
                text: text.as_bytes(),
                synthetic: "",
            };
            let failed = GoalProgress::default().update(&goal, &line, subject);
            failed.err().map(|error| error.to_string())
        };
        for (flag, event_type, expected) in [
            (
                "jsonpath={.x}=1",
                EventType::Added,
                Some(r#"error: /a meets --fail-on: {.x} is "1""#),
            ),
            ("jsonpath={.x}=2", EventType::Modified, None),
            ("jsonpath={.x}=1", EventType::Deleted, None),
            ("condition=Failed", EventType::Modified, None),
            (
                "create",
                EventType::Modified,
                Some("error: /a meets --fail-on: exists"),
            ),
            ("delete", EventType::Modified, None),
            (
                "delete",
                EventType::Deleted,
                Some("error: /a meets --fail-on: was deleted"),
            ),
        ] {
            assert_eq!(
                failure(flag, event_type, &PODS).as_deref(),
                expected,
                "{flag}"
            );
        }
        let secret = Subject {
            is_secret: true,
            ..PODS
        };
        assert_eq!(
            failure("jsonpath={.x}=1", EventType::Added, &secret).unwrap(),
            "error: /a meets --fail-on"
        );
    }

    #[test]
    fn the_progress_names_the_conditions_and_counts_the_objects() {
        let all = parse(&["condition=Ready", "jsonpath=.x>=2"]);
        let any = parse(&["condition=A=False", "delete"]);
        let goal = Goal::new(&all, &any, &[], Some(Duration::from_secs(5)), None).unwrap();
        let counted = Goal::new(&parse(&["jsonpath={.x}"]), &[], &[], None, None).unwrap();
        let mut progress = GoalProgress::default();
        update(
            &mut progress,
            &counted,
            EventType::Added,
            "a",
            &json!({"x": 1}),
        );
        update(&mut progress, &counted, EventType::Added, "b", &json!({}));
        let paths = [progress, GoalProgress::default()];
        assert_eq!(
            counted.sentence(&paths),
            "waiting for jsonpath={.x}: 1 of 2 objects"
        );
        let conditions = "condition=Ready and jsonpath={.x}>=2 and condition=A=False or delete and no change for 5s";
        assert_eq!(
            goal.sentence(&[]),
            format!("waiting for {conditions}: 0 of 0 objects")
        );
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
        let goal = Goal::new(&conditions, &[], &[], None, Some(2)).unwrap();
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
