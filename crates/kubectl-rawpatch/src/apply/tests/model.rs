//! A model of an API server with one object, another writer, and a network that fails, in virtual time.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use fastrand::Rng;
use http::{Method, Response, StatusCode};
use kube_core::Status;
use kube_core::response::StatusDetails;
use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::error::{Kind, UnknownOutcome};
use kubectl_plugin::request::{ApiRequest, RawPath};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::super::comparison::{sets_a_field, users_part};
use super::super::requests::Requests;
use crate::body::PatchType;
use crate::evaluate::evaluate;
use crate::live_object::LiveObject;

/// The writer of a version of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// The patch under test.
    Patch,
    Other,
}

/// A version of the object.
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) writer: Writer,
    pub(super) manager: String,
    /// The object, or `None` after its deletion.
    pub(super) object: Option<Value>,
}

/// A PATCH that the server still works on.
struct Pending {
    time: Instant,
    request: ApiRequest,
}

/// A write of the other writer.
pub(super) struct OtherWrite {
    pub(super) time: Instant,
    pub(super) manager: &'static str,
    /// A merge patch or a JSON patch; null deletes the object.
    pub(super) patch: Value,
}

/// The chances of faults, in percent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    pub(super) of_patch: u8,
    pub(super) of_read: u8,
    /// Whether the user may not read the object.
    pub(super) forbids_read: bool,
    /// Whether the user may not list or watch the object.
    pub(super) forbids_watch: bool,
    /// Whether the server has forgotten its history.
    pub(super) is_compacted: bool,
}

pub(super) struct Model {
    pub(super) versions: RefCell<Vec<Version>>,
    pending: RefCell<Vec<Pending>>,
    others: RefCell<Vec<OtherWrite>>,
    rng: RefCell<Rng>,
    faults: Faults,
    start: Instant,
    /// The number of patches that may have reached the server.
    pub(super) sent: Cell<usize>,
    /// Whether one of them had no effect on the object when it was processed.
    pub(super) was_no_op: Cell<bool>,
}

impl Model {
    pub(super) fn new(object: Value, others: Vec<OtherWrite>, faults: Faults, rng: Rng) -> Self {
        let model = Self {
            versions: RefCell::default(),
            pending: RefCell::default(),
            others: RefCell::new(others),
            rng: RefCell::new(rng),
            faults,
            start: Instant::now(),
            sent: Cell::default(),
            was_no_op: Cell::default(),
        };
        model.store(Writer::Other, Some(object), "creator", "Update");
        model
    }

    fn chance(&self, percent: u8) -> bool {
        self.rng.borrow_mut().u8(..100) < percent
    }

    fn duration(&self, milliseconds: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.borrow_mut().u64(milliseconds))
    }

    pub(super) fn current(&self) -> (u64, Option<Value>) {
        let versions = self.versions.borrow();
        let last = versions.last().unwrap();
        (last.number, last.object.clone())
    }

    /// Does everything that is due.
    pub(super) fn advance(&self) {
        loop {
            let now = Instant::now();
            let due = |time: &Instant| *time <= now;
            let other = (self.others.borrow().iter().map(|other| other.time))
                .filter(due)
                .min();
            let patch = (self.pending.borrow().iter().map(|pending| pending.time))
                .filter(due)
                .min();
            if let Some(time) = patch
                && other.is_none_or(|other| time <= other)
            {
                let mut pending = self.pending.borrow_mut();
                let index = pending.iter().position(|pending| pending.time == time);
                let Pending { request, .. } = pending.remove(index.unwrap());
                drop(pending);
                let _ = self.process(&request);
            } else if let Some(time) = other {
                let mut others = self.others.borrow_mut();
                let index = others.iter().position(|other| other.time == time);
                let other = others.remove(index.unwrap());
                drop(others);
                self.write(&other);
            } else {
                return;
            }
        }
    }

    fn write(&self, other: &OtherWrite) {
        let (_, Some(current)) = self.current() else {
            return;
        };
        if other.patch.is_null() {
            self.store(Writer::Other, None, "", "");
            return;
        }
        let patch_type = if other.patch.is_array() {
            PatchType::Json
        } else {
            PatchType::Merge
        };
        let body = other.patch.to_string();
        if let Some(Ok(patched)) = evaluate(patch_type, body.as_bytes(), &current) {
            let patched = normalized(patched);
            if users_part(&patched) != users_part(&current) {
                self.store(Writer::Other, Some(patched), other.manager, "Update");
            }
        }
    }

    /// Stores a new version, and records its manager as the server does.
    fn store(&self, writer: Writer, object: Option<Value>, manager: &str, operation: &str) {
        let mut versions = self.versions.borrow_mut();
        let number = versions.last().map_or(10, |version| version.number + 3);
        let before = versions
            .last()
            .and_then(|version| version.object.clone())
            .unwrap_or_default();
        let object = object.map(|mut object| {
            let entries = before.pointer("/metadata/managedFields").cloned();
            let mut entries = entries.unwrap_or(json!([]));
            if sets_a_field(&users_part(&before), &users_part(&object)) {
                let list = entries.as_array_mut().unwrap();
                list.retain(|entry| entry["manager"] != manager || entry["operation"] != operation);
                list.push(json!({"manager": manager, "operation": operation, "time": self.now()}));
            }
            object["metadata"]["managedFields"] = entries;
            object["metadata"]["resourceVersion"] = number.to_string().into();
            object
        });
        versions.push(Version {
            number,
            writer,
            manager: manager.to_owned(),
            object,
        });
    }

    /// Returns the time of the server's clock, which has whole seconds.
    fn now(&self) -> String {
        let seconds = self.start.elapsed().as_secs();
        format!("2026-01-01T00:{:02}:{:02}Z", seconds / 60, seconds % 60)
    }

    /// Processes a PATCH, and returns the server's answer.
    fn process(&self, request: &ApiRequest) -> Result<Reply, Error> {
        let is_apply = patch_type(request) == PatchType::Apply;
        let is_dry_run = request.path.is_dry_run();
        let (number, current) = self.current();
        let Some(current) = current else {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            return match is_apply && body["metadata"]["uid"].is_null() {
                true if is_dry_run => Ok(reply(&normalized(body), StatusCode::CREATED)),
                true => {
                    self.store(
                        Writer::Patch,
                        Some(with_uid(normalized(body))),
                        MANAGER,
                        "Apply",
                    );
                    Ok(reply(&self.current().1.unwrap(), StatusCode::CREATED))
                }
                false if is_apply => Err(refusal(409, "Conflict")),
                false => Err(refusal(404, "NotFound")),
            };
        };
        let patched = result(request, &current)?;
        let version = patched.pointer("/metadata/resourceVersion").cloned();
        let version = version.and_then(|version| version.as_str().map(str::to_owned));
        if version.is_some_and(|version| version != number.to_string()) {
            return Err(refusal(409, "Conflict"));
        }
        let is_changed = users_part(&patched) != users_part(&current);
        if is_dry_run {
            return Ok(reply(&patched, StatusCode::OK));
        }
        if is_changed {
            let operation = if is_apply { "Apply" } else { "Update" };
            self.store(Writer::Patch, Some(patched), MANAGER, operation);
        } else {
            self.was_no_op.set(true);
        }
        Ok(reply(&self.current().1.unwrap(), StatusCode::OK))
    }

    /// Waits for a read to arrive, and fails it by chance.
    async fn read(&self) -> Result<(), Error> {
        sleep(self.duration(1..50)).await;
        self.advance();
        if !self.chance(self.faults.of_read) {
            return Ok(());
        }
        sleep(self.duration(1..3000)).await;
        Err(match self.rng.borrow_mut().u8(..3) {
            0 => Error::connection("refused"),
            1 => refusal(503, "ServiceUnavailable"),
            _ => refusal(429, "TooManyRequests"),
        })
    }
}

/// The field manager of the patch.
pub(super) const MANAGER: &str = "kubectl-rawpatch";

impl Requests for Model {
    async fn patch(&self, request: ApiRequest) -> Result<Reply, Error> {
        assert!(!request.path.is_dry_run());
        sleep(self.duration(1..50)).await;
        self.advance();
        if !self.chance(self.faults.of_patch) {
            self.sent.set(self.sent.get() + 1);
            return self.process(&request);
        }
        let fault = self.rng.borrow_mut().u8(..8);
        match fault {
            0 => return Err(Error::connection("refused")),
            1 => return Err(refusal(429, "TooManyRequests")),
            2 => return Err(refusal(401, "Unauthorized")),
            _ => self.sent.set(self.sent.get() + 1),
        }
        match fault {
            // The PATCH is lost.
            3 => {}
            // The response is lost.
            4 | 5 => drop(self.process(&request)),
            // The server still works on it.
            _ => {
                let time = Instant::now() + self.duration(1..60_000);
                self.pending.borrow_mut().push(Pending { time, request });
            }
        }
        sleep(self.duration(0..5000)).await;
        self.advance();
        Err(Kind::OutcomeUnknown(UnknownOutcome {
            event: "the connection was lost".to_owned(),
            seen: None,
            retry_after: u32::from(self.chance(20)),
        })
        .into())
    }

    async fn look_up(&self, request: ApiRequest) -> Result<Reply, Error> {
        self.read().await?;
        if request.method == Method::PATCH {
            assert!(request.path.is_dry_run());
            return self.process(&request);
        }
        if request.path.parameter("resourceVersionMatch").is_some() {
            let version = request.path.parameter("resourceVersion");
            let versions = self.versions.borrow();
            let mut found = versions
                .iter()
                .filter(|found| Some(&*found.number.to_string()) == version.as_deref());
            return match found.next() {
                _ if self.faults.forbids_watch => Err(refusal(403, "Forbidden")),
                Some(Version { object, .. }) if !self.faults.is_compacted => {
                    let items: Vec<_> = object.iter().collect();
                    Ok(reply(&json!({"items": items}), StatusCode::OK))
                }
                _ => Err(refusal(410, "Expired")),
            };
        }
        if self.faults.forbids_read {
            return Err(refusal(403, "Forbidden"));
        }
        match self.current().1 {
            Some(object) => Ok(reply(&object, StatusCode::OK)),
            None => Err(refusal(404, "NotFound")),
        }
    }

    async fn first_event(&self, request: ApiRequest) -> Result<Option<Vec<u8>>, Error> {
        self.read().await?;
        if self.faults.forbids_watch {
            return Err(refusal(403, "Forbidden"));
        }
        if self.faults.is_compacted {
            return Ok(Some(br#"{"type":"ERROR","object":{"code":410}}"#.to_vec()));
        }
        let version = request.path.parameter("resourceVersion").unwrap();
        let version: u64 = version.parse().unwrap();
        let versions = self.versions.borrow();
        let index = versions.iter().position(|found| found.number > version);
        Ok(index.map(|index| {
            let (event_type, object) = match &versions[index].object {
                Some(object) => ("MODIFIED", object),
                None => ("DELETED", versions[index - 1].object.as_ref().unwrap()),
            };
            json!({"type": event_type, "object": object})
                .to_string()
                .into()
        }))
    }

    async fn read_metadata(&self, _path: &RawPath) -> Result<LiveObject, Error> {
        self.read().await?;
        let (number, object) = self.current();
        let object = object.ok_or_else(|| refusal(404, "NotFound"))?;
        Ok(LiveObject {
            resource_version: number.to_string(),
            uid: object["metadata"]["uid"].as_str().map(str::to_owned),
        })
    }
}

/// Returns what the server makes of `object`.
pub(super) fn result(request: &ApiRequest, object: &Value) -> Result<Value, Error> {
    let evaluated = match patch_type(request) {
        PatchType::Json => evaluate(PatchType::Json, &request.body, object),
        _ => evaluate(PatchType::Merge, &request.body, object),
    };
    match evaluated.unwrap() {
        Ok(patched) => Ok(normalized(patched)),
        Err(_) => Err(refusal(422, "Invalid")),
    }
}

fn patch_type(request: &ApiRequest) -> PatchType {
    let content_type = request.headers[http::header::CONTENT_TYPE].as_bytes();
    let types = [
        PatchType::Json,
        PatchType::Merge,
        PatchType::Strategic,
        PatchType::Apply,
    ];
    let mut types = types.into_iter();
    types
        .find(|patch_type| patch_type.media_type().as_bytes() == content_type)
        .unwrap()
}

/// Rewrites values and adds defaults, as the server does.
fn normalized(mut object: Value) -> Value {
    if let Some(Value::Object(data)) = object.get_mut("data") {
        for value in data.values_mut() {
            if value == "1000m" {
                *value = "1".into();
            }
        }
    }
    if let Some(Value::Array(items)) = object.pointer_mut("/spec/items") {
        for item in items {
            if let Value::Object(item) = item {
                item.entry("protocol").or_insert("TCP".into());
            }
        }
    }
    object
}

fn with_uid(mut object: Value) -> Value {
    object["metadata"]["uid"] = "u-2".into();
    object
}

fn reply(object: &Value, status: StatusCode) -> Reply {
    let mut reply = Response::new(object.to_string().into());
    *reply.status_mut() = status;
    reply
}

fn refusal(code: u16, reason: &str) -> Error {
    let mut status = Status::failure("refused", reason);
    status.code = code;
    let seconds = u32::from(code == 429);
    status.details = Some(StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        uid: String::new(),
        causes: Vec::new(),
        retry_after_seconds: seconds,
    });
    Kind::Refused(Box::new(status)).into()
}

/// Returns the object before the patch.
pub(super) fn object() -> Value {
    let items = json!([{"name": "a", "protocol": "TCP"}, {"name": "b", "protocol": "TCP"}]);
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), "v1".into());
    object.insert("kind".to_owned(), "ConfigMap".into());
    object.insert(
        "metadata".to_owned(),
        json!({"name": "c", "namespace": "default", "uid": "u-1"}),
    );
    object.insert("data".to_owned(), json!({"mode": "fast", "old": "x"}));
    object.insert("spec".to_owned(), json!({"items": items, "replicas": 1}));
    Value::Object(object)
}
