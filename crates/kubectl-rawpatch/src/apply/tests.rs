//! Random faults in virtual time: a patch is applied once at most, and every report about it is true.

mod model;

use std::env;
use std::time::Duration;

use clap::Parser;
use fastrand::Rng;
use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

use super::comparison::users_part;
use super::{Applied, Effect, Policy, apply};
use crate::args::PatchArgs;
use crate::request::PatchRequest;
use model::{Faults, MANAGER, Model, OtherWrite, Version, Writer, object, result};

const PATH: &str = "/api/v1/namespaces/default/configmaps/c";

/// The number of schedules, unless `$RAWPATCH_SCHEDULES` is set.
const SCHEDULES: u64 = 200;

/// The patches, with their types.
fn patches() -> Vec<(&'static str, Value)> {
    let json_patch = |operations: Value| ("json", operations);
    let items = "/spec/items";
    vec![
        ("merge", json!({"data": {"mode": "slow"}})),
        ("merge", json!({"data": {"cpu": "1000m"}})),
        ("merge", json!({"data": {"old": null}})),
        ("merge", json!({"data": {"mode": "fast"}})),
        ("merge", json!({"spec": {"items": [{"name": "z"}]}})),
        ("strategic", json!({"data": {"mode": "slow"}})),
        ("strategic", json!({"data": {"cpu": "1000m", "old": null}})),
        (
            "apply",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"mode": "slow"}}),
        ),
        json_patch(json!([{"op": "replace", "path": "/data/mode", "value": "slow"}])),
        json_patch(json!([{"op": "add", "path": format!("{items}/-"), "value": {"name": "n"}}])),
        json_patch(json!([{"op": "add", "path": format!("{items}/0"), "value": {"name": "n"}}])),
        json_patch(json!([{"op": "remove", "path": format!("{items}/0")}])),
        json_patch(json!([{"op": "remove", "path": "/data/old"}])),
        json_patch(json!([
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 2},
        ])),
        json_patch(json!([{"op": "move", "from": "/data/old", "path": "/data/new"}])),
        json_patch(
            json!([{"op": "copy", "from": format!("{items}/0"), "path": format!("{items}/-")}]),
        ),
    ]
}

/// The writes of the other writer. Some undo a patch, some do the same, and null deletes the object.
fn other_patches() -> Vec<Value> {
    vec![
        json!({"data": {"mode": "other"}}),
        json!({"data": {"mode": "fast"}}),
        json!({"data": {"mode": "slow"}}),
        json!({"data": {"cpu": null, "other": "y"}}),
        json!({"data": {"old": "x"}}),
        json!({"spec": {"replicas": 7}}),
        json!({"metadata": {"labels": {"l": "v"}}}),
        json!([{"op": "add", "path": "/spec/items/-", "value": {"name": "o"}}]),
        json!([{"op": "remove", "path": "/spec/items/1"}]),
        json!([{"op": "remove", "path": "/data/mode"}]),
        Value::Null,
    ]
}

/// One schedule: a patch, its policy, the other writer and the faults.
struct Schedule {
    request: PatchRequest,
    policy: Policy,
    is_guarded: bool,
    model: Model,
    start: Instant,
}

fn schedule(seed: u64) -> Schedule {
    let mut rng = Rng::with_seed(seed);
    let patches = patches();
    let (patch_type, patch) = &patches[rng.usize(..patches.len())];
    let text = patch.to_string();
    let arguments =
        PatchArgs::try_parse_from(["rawpatch", "--type", patch_type, "-p", &text, PATH]).unwrap();
    let request = PatchRequest::new(&arguments, PATH.parse().unwrap(), text.into_bytes()).unwrap();
    let start = Instant::now();
    let mut others = Vec::new();
    for _ in 0..rng.usize(..4) {
        let patches = other_patches();
        let is_early = rng.bool();
        let patch = patches[rng.usize(..patches.len())].clone();
        // Deletions are rare.
        if patch.is_null() && rng.bool() {
            continue;
        }
        let is_same_manager = rng.u8(..4) == 0;
        let milliseconds = if is_early { 300 } else { 70_000 };
        others.push(OtherWrite {
            time: start + Duration::from_millis(rng.u64(..milliseconds)),
            manager: if is_same_manager { MANAGER } else { "other" },
            patch,
        });
    }
    let faults = Faults {
        of_patch: [20, 60, 100][rng.usize(..3)],
        of_read: [0, 10, 60][rng.usize(..3)],
        forbids_read: rng.u8(..20) == 0,
        forbids_watch: rng.u8(..10) == 0,
        is_compacted: rng.u8(..20) == 0,
    };
    let mode = rng.u8(..4);
    let policy = Policy {
        if_resource_version: (mode == 1).then(|| "10".to_owned()),
        reads_first: mode >= 2,
        retry_for: Duration::from_secs([0, 30, 100][rng.usize(..3)]),
        verifies: rng.u8(..20) != 0,
        is_alone: false,
    };
    let model = Model::new(object(), others, faults, rng);
    Schedule {
        request,
        is_guarded: mode != 0,
        policy,
        model,
        start,
    }
}

/// The report of a schedule, for the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Report {
    Applied,
    Confirmed,
    InEffect,
    NotApplied,
    Unknown,
}

async fn run(seed: u64) -> (&'static str, Report) {
    let Schedule {
        mut request,
        policy,
        is_guarded,
        model,
        start,
    } = schedule(seed);
    let outcome = apply(&mut request, &policy, &model).await;
    let end = Instant::now();
    assert!(
        end - start < Duration::from_mins(5),
        "it took {:?}",
        end - start
    );
    let applied_at_end = applications(&model);
    // The server finishes its work.
    sleep(Duration::from_secs(200)).await;
    model.advance();
    let applied = applications(&model);
    assert!(applied <= 1, "applied {applied} times");
    if !is_guarded {
        assert!(model.sent.get() <= 1, "sent {} times", model.sent.get());
    }
    let report = match outcome {
        Ok(applied) => judge_success(&applied, applied_at_end, &request, &model),
        Err(error) => judge_failure(&error, applied),
    };
    (if is_guarded { "guarded" } else { "unguarded" }, report)
}

/// Returns the number of versions that the patch made.
fn applications(model: &Model) -> usize {
    let versions = model.versions.borrow();
    let by_patch = versions
        .iter()
        .filter(|version| version.writer == Writer::Patch);
    by_patch.count()
}

fn judge_success(
    applied: &Applied,
    applications: usize,
    request: &PatchRequest,
    model: &Model,
) -> Report {
    match (applied.confirmed, applied.effect) {
        (_, Effect::Unchanged) => {
            assert_eq!(applications, 0, "no change was reported");
            assert!(model.was_no_op.get() || is_ever_in_effect(request, model));
            Report::Applied
        }
        (false, Effect::Changed) => {
            assert_eq!(applications, 1, "a change was reported");
            Report::Applied
        }
        (false, Effect::Unknown) => {
            assert!(applications == 1 || model.was_no_op.get());
            Report::Applied
        }
        (true, Effect::Changed) => {
            let is_confirmed = applications == 1 || is_made_by_namesake(request, model);
            assert!(is_confirmed, "the patch was confirmed");
            Report::Confirmed
        }
        (true, Effect::Unknown) => {
            assert!(
                is_ever_in_effect(request, model),
                "the report: the patch is in effect"
            );
            Report::InEffect
        }
    }
}

/// Reports whether the patch would have changed nothing in a version, or made a version of the one before.
fn is_ever_in_effect(request: &PatchRequest, model: &Model) -> bool {
    let versions = model.versions.borrow();
    versions
        .iter()
        .any(|version| turns(request, version, version))
        || versions
            .windows(2)
            .any(|pair| turns(request, &pair[0], &pair[1]))
}

/// Reports whether a writer with the same field manager made the same change as the patch. Nothing
/// distinguishes the two.
fn is_made_by_namesake(request: &PatchRequest, model: &Model) -> bool {
    let versions = model.versions.borrow();
    versions
        .windows(2)
        .any(|pair| pair[1].manager == MANAGER && turns(request, &pair[0], &pair[1]))
}

/// Reports whether the patch turns one version into the other.
fn turns(request: &PatchRequest, before: &Version, after: &Version) -> bool {
    let (Some(before), Some(after)) = (&before.object, &after.object) else {
        return false;
    };
    let unguarded = request.to_dry_run("--dry-run").unwrap();
    result(&unguarded, before).is_ok_and(|patched| users_part(&patched) == users_part(after))
}

fn judge_failure(error: &Error, applications: usize) -> Report {
    if let Kind::OutcomeUnknown(_) = error.kind() {
        return Report::Unknown;
    }
    assert_eq!(
        applications, 0,
        "it was applied, but the report is {error:?}"
    );
    Report::NotApplied
}

#[test]
fn under_random_faults_a_patch_is_applied_once_and_reports_are_true() {
    let schedules = env::var("RAWPATCH_SCHEDULES").map_or(SCHEDULES, |text| text.parse().unwrap());
    let first = env::var("RAWPATCH_FIRST_SEED").map_or(0, |text| text.parse().unwrap());
    let mut reports = std::collections::BTreeMap::new();
    for seed in first..first + schedules {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let report = std::panic::catch_unwind(|| runtime.block_on(run(seed)));
        let report = report.unwrap_or_else(|_| panic!("see above; RAWPATCH_FIRST_SEED={seed}"));
        *reports.entry(report).or_insert(0) += 1;
    }
    println!("{reports:?}");
}
