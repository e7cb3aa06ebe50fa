//! What is committed to etcd, as it is committed: the truth that a watch of the API server is held
//! against.
//!
//! etcd's own watch goes on while the API server is killed, and says what became of a write whose
//! reply was lost. Its JSON gateway serves it as a line of JSON a message
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

/// The flag of kube-apiserver by which it stores objects in a form that a [`History`] can read.
pub const READABLE_STORAGE: &str = "--storage-media-type=application/json";

/// One change of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// etcd's revision, which is the resource version.
    pub version: u64,
    /// `ADDED`, `MODIFIED` or `DELETED`, as a watch calls it.
    pub change: &'static str,
    /// The object's name.
    pub name: String,
    /// The object's UID.
    pub uid: String,
}

/// All changes below a key, from its start on.
#[derive(Clone)]
pub struct History(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    committed: Vec<Committed>,
    /// Why nothing more comes.
    end: Option<String>,
    /// The UIDs of the objects that there are, by name.
    uids: HashMap<String, String>,
}

impl History {
    /// Follows all keys that start with `prefix`, like `/registry/configmaps/default/`.
    pub(crate) fn follow(etcd: &Client, prefix: &str) -> Result<Self> {
        let mut end = prefix.as_bytes().to_vec();
        *end.last_mut().context("a prefix of no length")? += 1;
        let question = json!({"create_request": {
            "key": BASE64_STANDARD.encode(prefix),
            "range_end": BASE64_STANDARD.encode(end),
        }});
        let mut stream = etcd.stream("/v3/watch", &question.to_string())?;
        let mut line = String::new();
        stream.read_line(&mut line).context("read etcd's watch")?;
        let created: Value = serde_json::from_str(&line).context("read etcd's watch")?;
        ensure!(created["result"]["created"] == true, "etcd: {line}");

        let record = Arc::new(Mutex::new(Record::default()));
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            let end = stream.lines().try_for_each(|line| {
                let line = line.context("read etcd's watch")?;
                lock(&shared).take(&line).with_context(|| line.clone())
            });
            lock(&shared).end = Some(match end {
                Ok(()) => "etcd ended the watch".to_owned(),
                Err(error) => format!("{error:#}"),
            });
        });
        Ok(Self(record))
    }

    /// All changes so far.
    pub fn committed(&self) -> Vec<Committed> {
        lock(&self.0).committed.clone()
    }

    /// All changes, once this object is among them.
    ///
    /// # Errors
    /// When etcd ends the watch, or the object does not come in a minute.
    pub fn until(&self, name: &str) -> Result<Vec<Committed>> {
        let start = Instant::now();
        loop {
            let record = lock(&self.0);
            if record.committed.iter().any(|change| change.name == name) {
                return Ok(record.committed.clone());
            }
            if let Some(end) = &record.end {
                bail!("the history broke off: {end}");
            }
            drop(record);
            ensure!(start.elapsed() < Duration::from_mins(1), "no {name} came");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Record {
    /// Takes a message in. `PUT` is the type that the gateway leaves out.
    fn take(&mut self, message: &str) -> Result<()> {
        let message: Value = serde_json::from_str(message).context("read etcd's watch")?;
        let result = &message["result"];
        ensure!(result["canceled"] != true, "etcd cancelled the watch");
        for event in result["events"].as_array().into_iter().flatten() {
            let key_value = &event["kv"];
            let decode = |name: &str| -> Result<Vec<u8>> {
                let text = key_value[name].as_str().unwrap_or_default();
                BASE64_STANDARD.decode(text).context("decode base64")
            };
            let version = key_value["mod_revision"].as_str().unwrap_or_default();
            let key = String::from_utf8(decode("key")?).context("a key that is no text")?;
            let name = key.rsplit('/').next().unwrap_or_default().to_owned();
            let (change, uid) = if event["type"] == "DELETE" {
                let uid = self.uids.remove(&name);
                ("DELETED", uid.context("the end of an unknown object")?)
            } else {
                let object: Value = serde_json::from_slice(&decode("value")?)
                    .context("an object that is not stored as JSON")?;
                let uid = object["metadata"]["uid"].as_str().context("no UID")?;
                let before = self.uids.insert(name.clone(), uid.to_owned());
                let change = before.map_or("ADDED", |_| "MODIFIED");
                (change, uid.to_owned())
            };
            self.committed.push(Committed {
                version: version.parse().context("a revision that is no number")?,
                change,
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
