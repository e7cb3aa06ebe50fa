//! Random schedules against the truth.
//!
//! A server that exists only here commits changes, and everything goes wrong that can: streams
//! break, stall, double events and end early; lists lose their snapshot; requests are refused. In
//! the end the output must be consistent with what was committed:
//! * without its synthetic lines it is a part of the history, in order, and nothing comes twice;
//! * the versions of an object only rise;
//! * the state it leads to is the server's;
//! * every event that is missing lies in a gap that was announced.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// How many changes a schedule commits.
const COMMITS: u64 = 120;
const PAGE: usize = 3;

#[test]
fn the_output_of_every_schedule_is_consistent_with_what_was_committed() {
    // A number in ORACLE_SEEDS plays more of them.
    let seeds: u64 = std::env::var("ORACLE_SEEDS").map_or(200, |text| text.parse().unwrap());
    let ends: Vec<End> = (0..seeds).map(play).collect();
    let count = |wanted| ends.iter().filter(|end| **end == wanted).count();
    eprintln!(
        "{seeds} schedules: {} came to rest, {} gave up",
        count(End::Rest),
        count(End::GaveUp)
    );
    assert!(count(End::GaveUp) * 10 < ends.len());
}

/// How a schedule ended.
#[derive(PartialEq)]
enum End {
    /// Everything was delivered and judged.
    Rest,
    /// Three lines of garbage in a row, which are the end by design.
    GaveUp,
}

/// What was committed: a version, a change, and a `name` with the number of its incarnation.
type Committed = (u64, Change, (String, u32));

struct World {
    history: Vec<Committed>,
    version: u64,
    /// Older versions cannot be watched or listed any more.
    horizon: u64,
    incarnations: BTreeMap<String, u32>,
    chance: Chance,
}

/// An open stream, as the server sees it.
struct Served {
    /// How much of the history it sent, or need not send.
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
        (self.chance.next() * f64::from(below)) as u32
    }

    /// Whether something of this likelihood happens, in a hundred.
    fn happens(&mut self, percent: u32) -> bool {
        self.draw(100) < percent
    }

    /// The objects at a version: by name, with incarnation and version.
    fn state(&self, version: u64) -> BTreeMap<String, (u32, u64)> {
        let mut state = BTreeMap::new();
        for (at, change, (name, incarnation)) in &self.history {
            if *at > version {
                break;
            }
            match change {
                Change::Deleted => state.remove(name),
                _ => state.insert(name.clone(), (*incarnation, *at)),
            };
        }
        state
    }

    /// Commits one change, or several deletions at once.
    fn commit(&mut self) {
        self.version += 1 + u64::from(self.draw(3));
        let state = self.state(self.version);
        let name = format!("o{}", self.draw(9));
        if state.len() > 4 && self.happens(10) {
            for (name, (incarnation, _)) in state.into_iter().take(3) {
                self.history
                    .push((self.version, Change::Deleted, (name, incarnation)));
            }
            return;
        }
        let change = match state.get(&name) {
            None => Change::Added,
            Some(_) if self.happens(30) => Change::Deleted,
            Some(_) => Change::Modified,
        };
        let incarnation = self.incarnations.entry(name.clone()).or_default();
        *incarnation += u32::from(change == Change::Added);
        self.history
            .push((self.version, change, (name, *incarnation)));
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

    /// What a stream does next; nothing when it is silent.
    fn serve(&mut self, served: &mut Served) -> Option<Step> {
        match self.draw(60) {
            0 => return Some(Step::End(Closed::Clean)),
            1 => return Some(Step::End(Closed::Torn("reset".to_owned()))),
            2 => return Some(Step::Line("ga{rbage\n".to_owned())),
            3 => return Some(Step::Line(line("ERROR 500 InternalError"))),
            4 if served.sent > 0 => {
                // An event comes again.
                let (version, change, (name, incarnation)) = &self.history[served.sent - 1];
                return Some(Step::Line(event(*change, name, *incarnation, *version)));
            }
            _ => {}
        }
        if served.stalls {
            return None;
        }
        let Some((version, change, (name, incarnation))) = self.history.get(served.sent) else {
            return self
                .happens(30)
                .then(|| Step::Line(line(&format!("BOOKMARK {}", self.version))));
        };
        served.sent += 1;
        Some(Step::Line(event(*change, name, *incarnation, *version)))
    }
}

/// What a stream does.
enum Step {
    Line(String),
    End(Closed),
}

fn object(name: &str, incarnation: u32, version: u64) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","uid":"{name}-{incarnation}","resourceVersion":"{version}"}}}}"#
    )
}

fn event(change: Change, name: &str, incarnation: u32, version: u64) -> String {
    let object = object(name, incarnation, version);
    format!("{{\"type\":\"{change}\",\"object\":{object}}}\n")
}

/// What came out: a change, a name, an incarnation, a version, and whether it is synthetic.
#[derive(Default)]
struct Witness {
    lines: Vec<(Change, String, u32, u64, bool)>,
    gaps: Vec<(u64, u64)>,
    /// Events that came out of order; each of them may cost an audit, and nothing else may.
    out_of_order: usize,
    audits: usize,
}

impl Output for Witness {
    fn page(&mut self, _: &Page<'_>) {}

    fn again(&mut self, _: &[u8]) {}

    fn line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let head: serde_json::Value = serde_json::from_slice(line.text).unwrap();
        let metadata = &head["object"]["metadata"];
        let (name, incarnation) = metadata["uid"].as_str().unwrap().split_once('-').unwrap();
        self.lines.push((
            line.change,
            name.to_owned(),
            incarnation.parse().unwrap(),
            metadata["resourceVersion"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
            !line.mark.is_empty(),
        ));
        Ok(())
    }

    fn seed(&mut self, _line: &Line<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn synced(&mut self) {}

    fn bookmark(&mut self, _line: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn is_done(&self) -> bool {
        false
    }

    fn note(&mut self, text: &str) {
        self.out_of_order += usize::from(text.contains("dropped an event"));
        self.audits += usize::from(text.contains("resynced after an audit"));
        if let Some((_, gap)) = text
            .split_once("resynced after")
            .and_then(|(_, text)| text.split_once('('))
        {
            let (since, rest) = gap.split_once('→').unwrap();
            let version = rest.split(')').next().unwrap();
            self.gaps
                .push((since.parse().unwrap(), version.parse().unwrap()));
        }
    }

    fn trace(&mut self, _text: &str) {}
}

/// Plays the schedule of a seed to its end, and judges the output.
fn play(seed: u64) -> End {
    let mut world = World {
        history: Vec::new(),
        version: 10,
        horizon: 0,
        incarnations: BTreeMap::new(),
        chance: Chance(seed),
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
    // A schedule that does not come to rest is a failure too.
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
            return End::GaveUp;
        }
    }
    judge(seed, &world, &witness, initial.unwrap());
    End::Rest
}

fn judge(seed: u64, world: &World, witness: &Witness, (listed, initial): (u64, usize)) {
    assert!(
        witness.audits <= witness.out_of_order,
        "seed {seed}: an audit found a difference where there was none"
    );
    let mut place = 0;
    let mut delivered = BTreeSet::new();
    let mut newest: BTreeMap<(&str, u32), u64> = BTreeMap::new();
    let mut state = BTreeMap::new();
    for (number, (change, name, incarnation, version, is_synthetic)) in
        witness.lines.iter().enumerate()
    {
        let context =
            format!("seed {seed}, line {number}: {change} {name}-{incarnation}@{version}");
        if number >= initial && !is_synthetic {
            let same = |(at, what, (of, its)): &Committed| {
                at == version && what == change && of == name && its == incarnation
            };
            let found = world.history[place..].iter().position(same);
            place +=
                found.unwrap_or_else(|| panic!("{context}: not in the rest of the history")) + 1;
            delivered.insert(place - 1);
        }
        let is_stub = *is_synthetic && *change == Change::Deleted;
        let before = newest.insert((name, *incarnation), *version);
        assert!(
            before.is_none_or(|before| before < *version || is_stub),
            "{context}: back in time"
        );
        if *change == Change::Deleted {
            assert_eq!(
                state.remove(name).map(|(its, _)| its),
                Some(*incarnation),
                "{context}"
            );
        } else {
            state.insert(name.clone(), (*incarnation, *version));
        }
    }
    assert_eq!(
        state,
        world.state(world.version),
        "seed {seed}: another state"
    );
    for (number, (version, change, (name, _))) in world.history.iter().enumerate() {
        let is_announced = witness
            .gaps
            .iter()
            .any(|(since, until)| since < version && version <= until);
        assert!(
            *version <= listed || delivered.contains(&number) || is_announced,
            "seed {seed}: {change} {name}@{version} is missing, and in none of {:?}",
            witness.gaps
        );
    }
}
