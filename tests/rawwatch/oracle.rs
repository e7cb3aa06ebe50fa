use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, History, JSON_STORAGE, User};
use fastrand::Rng;
use oracle::{Event, EventType, Evidence, Line, Report, State, settings};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::unique;

use super::faulty_proxy::{Access, FaultyProxy};
use super::plugin::*;

/// The number of trials that share an API server.
const BATCH: usize = 10;
/// The number of objects that exist before a trial.
const INITIAL: usize = 5;

#[test]
fn the_output_over_a_faulty_network_is_consistent() {
    let seeds: Vec<u64> = settings::seeds(10).collect();
    let mut total = Report::default();
    for (number, batch) in seeds.chunks(BATCH).enumerate() {
        let mut server = ControlPlane::builder().api_server_flag(JSON_STORAGE);
        if number % 2 == 1 {
            // Without the cache, etcd serves the streams, so compactions take effect.
            server = server.api_server_flag("--watch-cache=false");
        }
        total += run_trials(&server.start().unwrap(), batch);
    }
    eprintln!("seeds {seeds:?} against a real API server: {total:?}");
    assert!(total.delivered > 0, "{total:?}");
}

/// Runs a trial for each seed, all against one API server that is killed and compacted.
fn run_trials(server: &ControlPlane, seeds: &[u64]) -> Report {
    let trials: Vec<Trial> = seeds
        .iter()
        .map(|&seed| Trial::faulty(server, seed))
        .collect();
    let mut random = Rng::with_seed(seeds[0]);
    let mut kills = [true, false, true, false];
    random.shuffle(&mut kills);
    while_writing(trials, 1, Duration::from_millis(30), || {
        for is_kill in kills {
            thread::sleep(Duration::from_millis(random.u64(500..2500)));
            if is_kill {
                restart(server);
            } else {
                server.compact().unwrap();
            }
        }
    })
}

#[test]
fn kills_under_200_writes_per_second_lose_and_reorder_nothing() {
    let kills = settings::kills(5);
    let server = ControlPlane::builder()
        .api_server_flag(JSON_STORAGE)
        .start()
        .unwrap();
    let trial = Trial::direct(&server);
    let history = trial.history.clone();
    let mut rate = Rate::default();
    let report = while_writing(vec![trial], 4, Duration::from_millis(18), || {
        for _ in 0..kills {
            rate.measure(&history, Duration::from_millis(700));
            restart(&server);
        }
        rate.measure(&history, Duration::from_millis(700));
    });
    let rate = rate.per_second();
    eprintln!("{kills} kills of the API server under {rate:.0} writes a second: {report:?}");
    assert!(report.gaps > 0 && report.delivered > 0, "{report:?}");
}

/// The rate of writes while the server is up.
#[derive(Default)]
struct Rate {
    writes: usize,
    time: Duration,
}

impl Rate {
    /// Waits, and counts the writes in that time.
    fn measure(&mut self, history: &History, time: Duration) {
        let (start, before) = (Instant::now(), history.committed().len());
        thread::sleep(time);
        self.writes += history.committed().len() - before;
        self.time += start.elapsed();
    }

    #[expect(clippy::cast_precision_loss, reason = "no run commits 2^52 events")]
    fn per_second(&self) -> f64 {
        self.writes as f64 / self.time.as_secs_f64()
    }
}

/// Disturbs the server while writers change each trial's collection, and returns the total.
fn while_writing(
    trials: Vec<Trial<'_>>,
    writers: usize,
    pace: Duration,
    disturb: impl FnOnce() + Send,
) -> Report {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let disturbance = scope.spawn(disturb);
        let trials: Vec<_> = trials
            .into_iter()
            .map(|trial| scope.spawn(|| trial.run_and_judge(writers, pace, &is_over)))
            .collect();
        // The writers must end even after a panic in the disturbance.
        let disturbed = disturbance.join();
        is_over.store(true, Ordering::Relaxed);
        let reports: Vec<_> = trials.into_iter().map(ScopedJoinHandle::join).collect();
        disturbed.unwrap_or_else(|panic| resume_unwind(panic));
        let mut total = Report::default();
        for report in reports {
            total += report.unwrap_or_else(|panic| resume_unwind(panic));
        }
        total
    })
}

/// Kills the API server and starts it again.
fn restart(server: &ControlPlane) {
    server.api_server().kill().unwrap();
    server.api_server().start().unwrap();
}

/// A collection, its history, and a watch of it.
struct Trial<'a> {
    /// Identifies the trial in a failure.
    name: String,
    random: Rng,
    server: &'a ControlPlane,
    collection: String,
    history: History,
    /// The resource version of the last initial object.
    list_version: u64,
    run: Run,
    proxy: Option<FaultyProxy>,
}

impl<'a> Trial<'a> {
    /// Starts a trial whose network faults follow from a seed.
    fn faulty(server: &'a ControlPlane, seed: u64) -> Self {
        let access = [Access::Tunnel, Access::Plain][usize::from(seed % 2 == 1)];
        let proxy = FaultyProxy::start(server, access, seed);
        let mut flags = vec![format!("--server={}", proxy.url())];
        if seed % 4 < 2 {
            flags.push("--audit=1s".to_owned());
        }
        let name = format!("seed {seed} (cargo xtask oracle --real 1 --first-seed {seed})");
        let mut trial = Self::start(server, name, seed, &flags);
        trial.proxy = Some(proxy);
        trial
    }

    /// Starts a trial without a proxy.
    fn direct(server: &'a ControlPlane) -> Self {
        Self::start(server, "direct".to_owned(), 0, &[])
    }

    fn start(server: &'a ControlPlane, name: String, seed: u64, flags: &[String]) -> Self {
        let namespace = unique("oracle");
        let metadata = json!({"metadata": {"name": namespace}});
        server.create("/api/v1/namespaces", &metadata).unwrap();
        let history = server.history(&format!("/registry/configmaps/{namespace}/"));
        let collection = format!("/api/v1/namespaces/{namespace}/configmaps");
        let mut list_version = 0;
        for number in 0..INITIAL {
            let object = json!({"metadata": {"name": format!("initial-{number}")}});
            let created = server.create(&collection, &object).unwrap();
            let version = created["metadata"]["resourceVersion"].as_str().unwrap();
            list_version = version.parse().unwrap();
        }
        let kubeconfig = if flags.iter().any(|flag| flag.starts_with("--server=http:")) {
            // The proxy authenticates instead.
            server.kubeconfig(&User::Anonymous)
        } else {
            server.kubeconfig(&User::Admin)
        };
        let run = Run::start(
            command(&kubeconfig.unwrap())
                .arg(&collection)
                // Even the first request may fail.
                .args(["-v", "1", "--retry-for=5m"])
                .args(flags),
        );
        Self {
            name,
            random: Rng::with_seed(seed),
            server,
            collection,
            history: history.unwrap(),
            list_version,
            run,
            proxy: None,
        }
    }

    /// Writes at a given pace from several threads until `is_over`, then judges the output.
    fn run_and_judge(mut self, writers: usize, pace: Duration, is_over: &AtomicBool) -> Report {
        let mut lines: Vec<Line> = (0..INITIAL).map(|_| self.line()).collect();
        thread::scope(|scope| {
            for number in 0..writers {
                let writer = Writer {
                    server: self.server,
                    collection: &self.collection,
                    name_prefix: format!("w{number}"),
                    random: self.random.fork(),
                };
                scope.spawn(|| writer.write(pace, is_over));
            }
        });
        if let Some(proxy) = &self.proxy {
            proxy.stop_random_faults();
        }
        let last = json!({"metadata": {"name": "last"}});
        self.server.create(&self.collection, &last).unwrap();
        while lines.last().is_none_or(|line| line.event.name != "last") {
            lines.push(self.line());
        }
        let history = events(&self.history, "last");
        let state = self.state();
        // The message about a resync comes after its lines, so only the end of the run guarantees it.
        self.run.signal(Signal::TERM);
        let outcome = self.run.wait();
        assert_eq!(outcome.signal, Some(15), "{}", self.name);
        let messages: Vec<String> = outcome.stderr.lines().map(str::to_owned).collect();
        let evidence = Evidence {
            history: &history,
            list_version: self.list_version,
            initial_lines: INITIAL,
            lines: &lines,
            messages: &messages,
            stalls: 0,
            rollback: None,
            final_state: &state,
        };
        let report = evidence.judge();
        report.unwrap_or_else(|error| panic!("{}: {error}\n{messages:#?}", self.name))
    }

    /// Waits for the next line.
    fn line(&mut self) -> Line {
        let line = self.run.line();
        Line::parse(line.as_bytes()).unwrap_or_else(|| panic!("{}: {line:?}", self.name))
    }

    /// Returns the server's state, from a LIST.
    fn state(&self) -> State {
        let (status, list) = self.server.request("GET", &self.collection, None).unwrap();
        assert_eq!(status, 200, "{list}");
        let list: Value = serde_json::from_str(&list).unwrap();
        let objects = list["items"].as_array().unwrap().iter();
        objects
            .map(|object| {
                let text = |name: &str| object["metadata"][name].as_str().unwrap().to_owned();
                let version = text("resourceVersion").parse().unwrap();
                (text("name"), (text("uid"), version))
            })
            .collect()
    }
}

/// Waits for an object in a history, and returns the history in the oracle's types.
pub(crate) fn events(history: &History, last: &str) -> Vec<Event> {
    let committed = history.wait_for(last).unwrap().into_iter();
    committed
        .map(|committed| Event {
            version: committed.version,
            event_type: EventType::parse(committed.event_type).unwrap(),
            name: committed.name,
            uid: committed.uid,
        })
        .collect()
}

/// A thread that creates, changes and deletes objects at random.
struct Writer<'a> {
    server: &'a ControlPlane,
    collection: &'a str,
    name_prefix: String,
    random: Rng,
}

impl Writer<'_> {
    fn write(mut self, pace: Duration, is_over: &AtomicBool) {
        let (server, mut next) = (self.server, Instant::now());
        for number in 0_u64.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("{}-{}", self.name_prefix, self.random.u8(..9));
            let path = format!("{}/{name}", self.collection);
            let reply = if self.random.u8(..100) < 25 {
                server.request("DELETE", &path, None)
            } else {
                let padding = "x".repeat(self.random.usize(..3000));
                let body = json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
                    "data": {"key": number.to_string(), "padding": padding},
                })
                .to_string();
                let apply = format!("{path}?fieldManager=writer&force=true");
                let body = Some(("application/apply-patch+yaml", body.as_bytes()));
                server.request("PATCH", &apply, body)
            };
            // While the server is down, a write may or may not be committed. The history tells.
            if let Ok((status, text)) = reply {
                assert!(
                    matches!(status, 200 | 201 | 404 | 429 | 500..),
                    "{status} {text}"
                );
            }
            next = (next + pace).max(Instant::now());
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}
