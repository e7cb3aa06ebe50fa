//! Plays random schedules of faults, and checks the output.
//!
//! A simulated server commits changes, and everything that can go wrong does: streams break, stall,
//! repeat events and end early; lists lose their snapshot; requests are refused. In the end, the
//! [`oracle`](::oracle) compares the output with the committed changes.

use std::collections::BTreeMap;

use ::oracle::{Evidence, Report, State, settings};

use super::*;

/// The number of changes in a schedule.
const COMMITS: u64 = 120;
const PAGE: usize = 3;

#[test]
fn the_output_of_every_schedule_matches_the_commits() {
    let seeds = settings::seeds(200);
    let ends: Vec<Option<Report>> = seeds.clone().map(play).collect();
    let mut total = Report::default();
    let judged = ends.iter().flatten();
    let count = judged.map(|report| total += *report).count();
    eprintln!(
        "seeds {seeds:?} in virtual time: {count} consistent, {} gave up by design; {total:?}",
        ends.len() - count
    );
    assert!((ends.len() - count) * 10 < ends.len() + 10);
}

/// A committed change: its version, its type, and a `name` with the number of its incarnation.
type Committed = (u64, EventType, (String, u32));

struct World {
    history: Vec<Committed>,
    version: u64,
    /// Older versions can no longer be watched or listed.
    horizon: u64,
    incarnations: BTreeMap<String, u32>,
    rng: Rng,
}

/// An open stream, as the server sees it.
struct Served {
    /// The number of changes that were sent, or need not be sent.
    sent: usize,
    stalls: bool,
}

impl World {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and `below`"
    )]
    fn draw(&mut self, below: u32) -> u32 {
        (self.rng.next() * f64::from(below)) as u32
    }

    /// Decides by chance whether something with this likelihood happens, in percent.
    fn happens(&mut self, percent: u32) -> bool {
        self.draw(100) < percent
    }

    /// Returns the objects at a version: by name, with incarnation and version.
    fn state(&self, version: u64) -> BTreeMap<String, (u32, u64)> {
        let mut state = BTreeMap::new();
        for (at, event_type, (name, incarnation)) in &self.history {
            if *at > version {
                break;
            }
            match event_type {
                EventType::Deleted => state.remove(name),
                _ => state.insert(name.clone(), (*incarnation, *at)),
            };
        }
        state
    }

    /// Returns everything that was committed, in the judge's form.
    fn history(&self) -> Vec<::oracle::Event> {
        let event = |(version, event_type, (name, incarnation)): &Committed| ::oracle::Event {
            version: *version,
            event_type: ::oracle::EventType::parse(event_type.as_str()).unwrap(),
            name: name.clone(),
            uid: uid(name, *incarnation),
        };
        self.history.iter().map(event).collect()
    }

    /// Commits one change, or several deletions at once.
    fn commit(&mut self) {
        self.version += 1 + u64::from(self.draw(3));
        let state = self.state(self.version);
        let name = format!("o{}", self.draw(9));
        if state.len() > 4 && self.happens(10) {
            for (name, (incarnation, _)) in state.into_iter().take(3) {
                self.history
                    .push((self.version, EventType::Deleted, (name, incarnation)));
            }
            return;
        }
        let event_type = match state.get(&name) {
            None => EventType::Added,
            Some(_) if self.happens(30) => EventType::Deleted,
            Some(_) => EventType::Modified,
        };
        let incarnation = self.incarnations.entry(name.clone()).or_default();
        *incarnation += u32::from(event_type == EventType::Added);
        self.history
            .push((self.version, event_type, (name, *incarnation)));
    }

    fn list(&mut self, token: &str, whole: bool) -> Result<String, Error> {
        if self.happens(10) {
            return Err(unreachable_server());
        }
        let (snapshot, start) = match token.split_once('-') {
            Some((snapshot, start)) => (snapshot.parse().unwrap(), start.parse().unwrap()),
            None => (self.version, 0),
        };
        if snapshot < self.horizon {
            return Err(refusal(410, "Expired"));
        }
        let state = self.state(snapshot);
        let end = if whole {
            state.len()
        } else {
            (start + PAGE).min(state.len())
        };
        let items: Vec<String> = state
            .iter()
            .skip(start)
            .take(end - start)
            .map(|(name, (incarnation, version))| object(name, *incarnation, *version))
            .collect();
        let token = if end < state.len() {
            format!("{snapshot}-{end}")
        } else {
            String::new()
        };
        Ok(format!(
            r#"{{"kind":"FooList","apiVersion":"v1","metadata":{{"resourceVersion":"{snapshot}","continue":"{token}"}},"items":[{}]}}"#,
            items.join(",")
        ))
    }

    fn open(&mut self, from: u64) -> Result<Served, Error> {
        match self.draw(20) {
            0 => return Err(refusal(503, "ServiceUnavailable")),
            1 => return Err(refusal(429, "TooManyRequests")),
            2 => return Err(unreachable_server()),
            _ if from < self.horizon => return Err(refusal(410, "Expired")),
            _ => {}
        }
        Ok(Served {
            sent: self
                .history
                .iter()
                .filter(|(version, ..)| *version <= from)
                .count(),
            stalls: self.happens(5),
        })
    }

    /// Returns what a stream does next; `None` if it is silent.
    fn serve(&mut self, served: &mut Served) -> Option<Step> {
        match self.draw(60) {
            0 => return Some(Step::End(Closed::Clean)),
            1 => return Some(Step::End(Closed::Broken("reset".to_owned()))),
            2 => return Some(Step::Line("ga{rbage\n".to_owned())),
            3 => return Some(Step::Line(line("ERROR 500 InternalError"))),
            4 if served.sent > 0 => {
                // An event is repeated.
                let (version, event_type, (name, incarnation)) = &self.history[served.sent - 1];
                return Some(Step::Line(event(*event_type, name, *incarnation, *version)));
            }
            _ => {}
        }
        if served.stalls {
            return None;
        }
        let Some((version, event_type, (name, incarnation))) = self.history.get(served.sent) else {
            return self
                .happens(30)
                .then(|| Step::Line(line(&format!("BOOKMARK {}", self.version))));
        };
        served.sent += 1;
        Some(Step::Line(event(*event_type, name, *incarnation, *version)))
    }
}

/// An action of a stream.
enum Step {
    Line(String),
    End(Closed),
}

fn uid(name: &str, incarnation: u32) -> String {
    format!("{name}-{incarnation}")
}

fn object(name: &str, incarnation: u32, version: u64) -> String {
    let uid = uid(name, incarnation);
    format!(r#"{{"metadata":{{"name":"{name}","uid":"{uid}","resourceVersion":"{version}"}}}}"#)
}

fn event(event_type: EventType, name: &str, incarnation: u32, version: u64) -> String {
    let object = object(name, incarnation, version);
    format!("{{\"type\":\"{event_type}\",\"object\":{object}}}\n")
}

/// A recorder of the output.
#[derive(Default)]
struct Witness {
    lines: Vec<::oracle::Line>,
    notes: Vec<String>,
}

impl EventSink for Witness {
    fn page(&mut self, _: &Page<'_>) {}

    fn duplicate(&mut self, _: &[u8]) {}

    fn line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let seen = ::oracle::Line::parse(line.text).unwrap();
        self.lines.push(::oracle::Line {
            // The printer inserts the mark into the line.
            is_synthetic: !line.synthetic.is_empty(),
            ..seen
        });
        Ok(())
    }

    fn existing(&mut self, _line: &Line<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn synced(&mut self) {}

    fn bookmark(&mut self, _line: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn is_done(&self) -> bool {
        false
    }

    fn message(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn trace(&mut self, _text: &str) {}
}

/// Plays the schedule of a seed to its end, and checks the output. Returns `None` if three invalid
/// lines came in a row, which end a run by design.
fn play(seed: u64) -> Option<Report> {
    let mut world = World {
        history: Vec::new(),
        version: 10,
        horizon: 0,
        incarnations: BTreeMap::new(),
        rng: Rng(seed),
    };
    (0..8).for_each(|_| world.commit());
    let options = Options {
        audit: seed.is_multiple_of(2).then_some(Duration::from_millis(500)),
        ..options()
    };
    let mut watcher = Watcher::new(options, seed);
    let mut witness = Witness::default();
    let mut served: Option<Served> = None;
    let mut now = Duration::ZERO;
    let mut initial = None;
    let mut commits = 0;
    // A schedule that does not come to rest is a failure, too.
    for _ in 0..20_000 {
        if commits < COMMITS && world.happens(40) {
            world.commit();
            commits += 1;
            if world.happens(4) {
                world.horizon = world.version;
            }
        }
        now += Duration::from_millis(5);
        let stepped = match watcher.demand() {
            Demand::List { token, whole, .. } => match world.list(&token, whole) {
                Ok(page) => watcher.step(now, Input::Page(page.as_bytes()), &mut witness),
                Err(error) if initial.is_none() && matches!(error.kind(), Kind::Connection(_)) => {
                    continue;
                }
                Err(error) => watcher.step(now, Input::Failed(error), &mut witness),
            },
            Demand::Audit { token } => match world.list(&token, false) {
                Ok(page) => watcher.step(now, Input::Page(page.as_bytes()), &mut witness),
                Err(error) => watcher.step(now, Input::Failed(error), &mut witness),
            },
            Demand::Probe => {
                let page = page(&world.version.to_string(), "", &[]);
                watcher.step(now, Input::Page(page.as_bytes()), &mut witness)
            }
            Demand::Watch { from, .. } => {
                let from = from.to_string().parse().unwrap();
                initial.get_or_insert((from, witness.lines.len()));
                match world.open(from) {
                    Ok(stream) => {
                        served = Some(stream);
                        watcher.step(now, Input::Opened, &mut witness)
                    }
                    Err(error) => watcher.step(now, Input::Failed(error), &mut witness),
                }
            }
            Demand::Read { until } => match world.serve(served.as_mut().unwrap()) {
                Some(Step::Line(line)) => {
                    watcher.step(now, Input::Line(line.as_bytes()), &mut witness)
                }
                Some(Step::End(closed)) => watcher.step(now, Input::Closed(closed), &mut witness),
                None if commits == COMMITS => {
                    let is_level = served
                        .as_ref()
                        .is_some_and(|served| !served.stalls && served.sent == world.history.len());
                    if is_level {
                        break;
                    }
                    now = now.max(until);
                    watcher.step(now, Input::Elapsed, &mut witness)
                }
                None => continue,
            },
            Demand::Wait { until } => {
                now = now.max(until);
                watcher.step(now, Input::Elapsed, &mut witness)
            }
        };
        if let Err(Stop::Failed(error)) = stepped {
            assert_eq!(error.exit_code(), 6, "seed {seed}: {error}");
            return None;
        }
    }
    let report = check_output(&world, &witness, initial.unwrap());
    Some(report.unwrap_or_else(|error| {
        panic!("seed {seed} (cargo xtask oracle --seeds 1 --first-seed {seed}): {error}")
    }))
}

fn check_output(
    world: &World,
    witness: &Witness,
    (list_version, initial_lines): (u64, usize),
) -> Result<Report, String> {
    let state = world.state(world.version).into_iter();
    let state: State = state
        .map(|(name, (incarnation, version))| {
            let known = (uid(&name, incarnation), version);
            (name, known)
        })
        .collect();
    let evidence = Evidence {
        history: &world.history(),
        list_version,
        initial_lines,
        lines: &witness.lines,
        messages: &witness.notes,
        final_state: &state,
    };
    evidence.judge()
}
