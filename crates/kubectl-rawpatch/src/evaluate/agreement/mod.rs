//! A property test: the evaluation agrees with a real API server, on random patches of an object that
//! changes with each of them.
//!
//! The object is a custom resource that accepts any JSON in `spec`, or a ConfigMap.
//! `EVALUATIONS=5000 FIRST_SEED=1` changes the number of patches and the first seed.

mod generator;

use std::thread;
use std::time::Duration;

use control_plane::ControlPlane;
use serde_json::{Value, json};
use support::{create, unique};

use super::reason::Reason;
use super::{FailedOperation, evaluate, is_idempotent};
use crate::body::PatchType;
use generator::Generator;

const GROUP: &str = "evaluate.example.com";

/// The API server's message for every failure inside a JSON patch.
const OPAQUE: &str = "the server rejected our request due to an error in our request";

/// The kind of object that is patched.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A custom resource.
    Any,
    ConfigMap,
}

impl Kind {
    /// The value under which the patches change something.
    fn root(self) -> &'static str {
        match self {
            Self::Any => "spec",
            Self::ConfigMap => "data",
        }
    }

    fn create(self) -> String {
        match self {
            Self::Any => create(
                &format!("/apis/{GROUP}/v1/namespaces/default/things"),
                &json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Thing", "metadata": {"name": unique("thing")}, "spec": {}}),
            ),
            Self::ConfigMap => create(
                "/api/v1/namespaces/default/configmaps",
                &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": unique("evaluate")}}),
            ),
        }
    }
}

/// Decodes an object as the server does: a ConfigMap holds texts, and omits what is empty. `None` if
/// the server refuses the object.
fn decoded(kind: Kind, object: &Value) -> Option<Value> {
    let mut object = object.as_object()?.clone();
    let value = object.remove(kind.root());
    let decoded = match (kind, value) {
        (Kind::Any, value @ Some(Value::Object(_))) => value,
        (Kind::Any, None) | (Kind::ConfigMap, None | Some(Value::Null)) => None,
        (Kind::ConfigMap, Some(Value::Object(mut members))) => {
            for (name, value) in &mut members {
                let is_key = |character: char| {
                    character.is_ascii_alphanumeric() || "-._".contains(character)
                };
                if name.is_empty()
                    || !name.chars().all(is_key)
                    || !(value.is_null() || value.is_string())
                {
                    return None;
                }
                if value.is_null() {
                    *value = "".into();
                }
            }
            (!members.is_empty()).then_some(Value::Object(members))
        }
        _ => return None,
    };
    if !object
        .keys()
        .all(|name| ["apiVersion", "kind", "metadata"].contains(&name.as_str()))
    {
        return None;
    }
    object.extend(decoded.map(|value| (kind.root().to_owned(), value)));
    for server_sets in ["managedFields", "resourceVersion", "generation"] {
        object
            .get_mut("metadata")?
            .as_object_mut()?
            .remove(server_sets);
    }
    Some(object.into())
}

/// The server's answer to a patch.
#[derive(Debug)]
enum Answer {
    Stored(Value),
    /// An operation failed.
    Failed,
    /// The server panicked, and closed the connection.
    Panicked,
    /// The patched object is invalid.
    Refused(String),
}

fn send(path: &str, patch_type: PatchType, patch: &str) -> Answer {
    let path = format!("{path}?fieldValidation=Strict");
    let body = Some((patch_type.media_type(), patch.as_bytes()));
    match ControlPlane::shared().request("PATCH", &path, body) {
        Ok((200, text)) => Answer::Stored(serde_json::from_str(&text).unwrap()),
        Ok((422, text)) if text.contains(OPAQUE) => Answer::Failed,
        Ok((code, text)) => Answer::Refused(format!("{code} {text}")),
        Err(_) => Answer::Panicked,
    }
}

/// The number of patches with each result.
#[derive(Debug, Default)]
struct Counts {
    changed: u32,
    unchanged: u32,
    failed: u32,
    panicked: u32,
    refused: u32,
}

/// Checks the evaluation of one patch, and returns the object after it.
fn check(seed: u64, kind: Kind, path: &str, object: Value, counts: &mut Counts) -> Value {
    let (patch_type, patch) = Generator::new(seed, kind, &object).patch();
    let evaluated = evaluate(patch_type, patch.as_bytes(), &object).unwrap();
    let answer = send(path, patch_type, &patch);
    let context = format!("seed {seed}: {patch}\non {object}\nevaluated {evaluated:?}");
    match (evaluated, answer) {
        (Ok(evaluated), Answer::Stored(stored)) => {
            let expected = decoded(kind, &evaluated);
            assert_eq!(decoded(kind, &stored), expected, "{context}");
            let is_unchanged = expected == decoded(kind, &object);
            let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
            // The server also stores an object whose 1 became 1.0, or whose -0 became 0.
            let is_stored = version(&stored) != version(&object);
            assert!(is_stored || is_unchanged, "{context}");
            check_idempotence(patch_type, &patch, &evaluated, &context);
            counts.changed += u32::from(!is_unchanged);
            counts.unchanged += u32::from(is_unchanged);
            return stored;
        }
        (Ok(evaluated), Answer::Refused(refusal)) => {
            assert_eq!(decoded(kind, &evaluated), None, "{refusal}: {context}");
            counts.refused += 1;
        }
        (Err(failed), Answer::Panicked) if may_panic(&failed) => counts.panicked += 1,
        (Err(_), Answer::Failed) => counts.failed += 1,
        (_, answer) => panic!("{answer:?}: {context}"),
    }
    object
}

/// Reports whether the server may panic instead of finding a difference, or the other way round. It
/// compares the members of an object in random order.
fn may_panic(failed: &FailedOperation) -> bool {
    matches!(
        failed.reason,
        Reason::Panics | Reason::Differs(_) | Reason::IsSpelledDifferently(_)
    )
}

/// Checks that applying an idempotent patch again changes nothing.
fn check_idempotence(patch_type: PatchType, patch: &str, once: &Value, context: &str) {
    if is_idempotent(&serde_json::from_str(patch).unwrap()) {
        let twice = evaluate(patch_type, patch.as_bytes(), once).unwrap();
        assert_eq!(twice.as_ref(), Ok(once), "twice: {context}");
    }
}

fn define_things() {
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("things.{GROUP}")},
            "spec": {
                "group": GROUP, "scope": "Namespaced",
                "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": any}}},
                }],
            },
        }),
    );
    let collection = format!("/apis/{GROUP}/v1/namespaces/default/things");
    for _ in 0..200 {
        if ControlPlane::shared()
            .request("GET", &collection, None)
            .unwrap()
            .0
            == 200
        {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("things.{GROUP} is not served");
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap())
}

#[test]
fn the_evaluation_agrees_with_the_api_server() {
    define_things();
    let count = number("EVALUATIONS").unwrap_or(600);
    let first = number("FIRST_SEED").unwrap_or(1);
    let mut counts = Counts::default();
    for kind in [Kind::Any, Kind::ConfigMap] {
        let path = kind.create();
        let mut object = support::read(&path);
        for seed in first..first + count / 2 {
            object = check(seed, kind, &path, object, &mut counts);
        }
    }
    println!("{counts:?}");
    let Counts {
        changed,
        unchanged,
        failed,
        ..
    } = counts;
    assert!(changed > 0 && unchanged > 0 && failed > 0, "{counts:?}");
}
