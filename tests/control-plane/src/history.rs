//! Records every change that etcd commits: the ground truth for a watch through the API server.
//!
//! etcd's own watch continues while the API server is down, and shows whether a write took effect
//! when its response was lost. etcd's JSON gateway sends each message as one line of JSON
//! (`api/etcdserverpb/rpc.proto`, `WatchResponse`).

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::client::Client;

/// The kube-apiserver flag that stores objects as JSON, which a [`History`] can read.
pub const JSON_STORAGE: &str = "--storage-media-type=application/json";

/// A committed change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// etcd's revision, which is the object's resource version.
    pub version: u64,
    /// The type of the watch event for this change: `ADDED`, `MODIFIED` or `DELETED`.
    pub event_type: &'static str,
    /// The object's name.
    pub name: String,
    /// The object's UID.
    pub uid: String,
}

/// All changes under a key prefix since the history was started.
#[derive(Clone)]
pub struct History(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    committed: Vec<Committed>,
    /// Why recording stopped.
    end: Option<String>,
    /// The UIDs of the existing objects, by name.
    uids: HashMap<String, String>,
}

impl History {
    /// Starts to record all keys that begin with `prefix`, like `/registry/configmaps/default/`.
    pub(crate) fn start(etcd: &Client, prefix: &str) -> Result<Self> {
        let mut end = prefix.as_bytes().to_vec();
        *end.last_mut().context("the key prefix is empty")? += 1;
        let request = json!({"create_request": {
            "key": BASE64_STANDARD.encode(prefix),
            "range_end": BASE64_STANDARD.encode(end),
        }});
        let mut stream = etcd.stream("/v3/watch", &request.to_string())?;
        let mut line = String::new();
        stream.read_line(&mut line).context("read etcd's watch")?;
        let created: Value = serde_json::from_str(&line).context("parse etcd's watch")?;
        ensure!(
            created["result"]["created"] == true,
            "etcd did not create the watch: {line}"
        );

        let record = Arc::new(Mutex::new(Record::default()));
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            let end = stream.lines().try_for_each(|line| {
                let line = line.context("read etcd's watch")?;
                lock(&shared).add(&line).with_context(|| line.clone())
            });
            lock(&shared).end = Some(match end {
                Ok(()) => "etcd ended the watch".to_owned(),
                Err(error) => format!("{error:#}"),
            });
        });
        Ok(Self(record))
    }

    /// Returns the changes so far.
    pub fn committed(&self) -> Vec<Committed> {
        lock(&self.0).committed.clone()
    }

    /// Waits for a change of the named object, and returns the changes so far.
    ///
    /// # Errors
    /// Fails when etcd ends the watch, or when no such change is committed within a minute.
    pub fn wait_for(&self, name: &str) -> Result<Vec<Committed>> {
        let start = Instant::now();
        loop {
            let record = lock(&self.0);
            if record.committed.iter().any(|change| change.name == name) {
                return Ok(record.committed.clone());
            }
            if let Some(end) = &record.end {
                bail!("recording etcd's changes stopped: {end}");
            }
            drop(record);
            ensure!(
                start.elapsed() < Duration::from_mins(1),
                "no change of {name} was committed within a minute"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Record {
    /// Adds the changes in a message of etcd's watch. The gateway omits the event type of a `PUT`.
    fn add(&mut self, message: &str) -> Result<()> {
        let message: Value = serde_json::from_str(message).context("parse etcd's watch")?;
        let result = &message["result"];
        ensure!(result["canceled"] != true, "etcd cancelled the watch");
        for event in result["events"].as_array().into_iter().flatten() {
            let key_value = &event["kv"];
            let decode = |name: &str| -> Result<Vec<u8>> {
                let text = key_value[name].as_str().unwrap_or_default();
                BASE64_STANDARD.decode(text).context("decode base64")
            };
            let version = key_value["mod_revision"].as_str().unwrap_or_default();
            let key = String::from_utf8(decode("key")?).context("a key is not UTF-8")?;
            let name = key.rsplit('/').next().unwrap_or_default().to_owned();
            let (event_type, uid) = if event["type"] == "DELETE" {
                let uid = self.uids.remove(&name);
                ("DELETED", uid.context("an unknown object was deleted")?)
            } else {
                let object: Value = serde_json::from_slice(&decode("value")?)
                    .context("an object is not stored as JSON")?;
                let uid = object["metadata"]["uid"]
                    .as_str()
                    .context("an object has no UID")?;
                let previous = self.uids.insert(name.clone(), uid.to_owned());
                let event_type = previous.map_or("ADDED", |_| "MODIFIED");
                (event_type, uid.to_owned())
            };
            self.committed.push(Committed {
                version: version.parse().context("a revision is not a number")?,
                event_type,
                name,
                uid,
            });
        }
        Ok(())
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
