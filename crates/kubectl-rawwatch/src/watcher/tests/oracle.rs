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
    /// The number of streams that never send an event.
    stalls: usize,
    rollback: Option<Rollback>,
    /// The number of watches that are refused next, because the server is down.
    refusals: u32,
    rng: Rng,
}

/// A restore of the server from a backup.
struct Rollback {
    /// The number of changes in the backup.
    kept: usize,
    undone: Vec<Committed>,
    /// The server's version before the restore.
    version: u64,
}

/// An open stream, as the server sees it.
struct Served {
    /// The version after which it starts. The server may be at an older one.
    from: u64,
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
        let (undone, kept) = match &self.rollback {
            Some(rollback) => (rollback.undone.as_slice(), rollback.kept),
            None => (&[][..], 0),
        };
        let (before, after) = self.history.split_at(kept);
        let all = before.iter().chain(undone).chain(after);
        all.map(event).collect()
    }

    /// Restores the server from a backup that is at most as old as a version.
    fn restore(&mut self, oldest: u64) {
        let lost_versions = u64::from(self.draw(40));
        let backup = self.version.saturating_sub(lost_versions).max(oldest);
        let kept = self.history.partition_point(|(at, ..)| *at <= backup);
        let undone = self.history.split_off(kept);
        self.rollback = Some(Rollback {
            kept,
            undone,
            version: self.version,
        });
        self.version = backup;
        self.horizon = self.horizon.min(backup);
        self.refusals = 1 + self.draw(3);
    }

    /// Reports whether a change at a version was undone. A watch cannot tell changes of an object at
    /// the same version.
    fn was_undone(&self, version: u64) -> bool {
        let rollback = self.rollback.iter();
        rollback
            .flat_map(|rollback| &rollback.undone)
            .any(|(at, ..)| *at == version)
    }

    /// Commits one change, or several deletions at once.
    fn commit(&mut self) {
        self.version += 1 + u64::from(self.draw(3));
        while self.was_undone(self.version) {
            self.version += 1;
        }
        let state = self.state(self.version);
        let name = format!("o{}", self.draw(9));
        if state.len() > 4 && self.happens(10) {
            for (name, (incarnation, _)) in state.into_iter().take(3) {
                self.history
                    .push((self.version, EventType::Deleted, (name, incarnation)));
            }
            return;
        }
        let known = state.get(&name).map(|(incarnation, _)| *incarnation);
        let (event_type, incarnation) = match known {
            None => {
                let newest = self.incarnations.entry(name.clone()).or_default();
                *newest += 1;
                (EventType::Added, *newest)
            }
            Some(known) if self.happens(30) => (EventType::Deleted, known),
            Some(known) => (EventType::Modified, known),
        };
        let change = (self.version, event_type, (name, incarnation));
        self.history.push(change);
    }

    fn list(&mut self, token: &str, whole: bool) -> Result<String, Error> {
        if self.refusals > 0 || self.happens(10) {
            self.refusals = self.refusals.saturating_sub(1);
            return Err(unreachable_server());
        }
        let (snapshot, start) = match token.split_once('-') {
            Some((snapshot, start)) => (snapshot.parse().unwrap(), start.parse().unwrap()),
            None => (self.version, 0),
        };
        if snapshot < self.horizon || snapshot > self.version {
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
            // After a restore, a token may be of another state.
            .take(end.saturating_sub(start))
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

    /// Responds to a request beside the stream.
    fn answer(&mut self, request: &SideRequest) -> Result<String, Error> {
        let SideRequest::Audit { token, at } = request else {
            return if self.happens(10) {
                Err(refusal(500, "InternalError"))
            } else {
                Ok(page(&self.version.to_string(), "", &[]))
            };
        };
        let Some(at) = at else {
            return self.list(token, false);
        };
        match at.to_string().parse::<u64>() {
            Ok(at) if at <= self.version => self.list(&format!("{at}-0"), false),
            _ => Err(refusal(504, "Timeout")),
        }
    }

    fn open(&mut self, from: u64) -> Result<Served, Error> {
        if self.refusals > 0 {
            self.refusals -= 1;
            return Err(unreachable_server());
        }
        match self.draw(20) {
            0 => return Err(refusal(503, "ServiceUnavailable")),
            1 => return Err(refusal(429, "TooManyRequests")),
            2 => return Err(unreachable_server()),
            _ if from < self.horizon => return Err(refusal(410, "Expired")),
            _ => {}
        }
        let stalls = self.happens(5);
        self.stalls += usize::from(stalls);
        Ok(Served {
            from,
            sent: self
                .history
                .iter()
                .filter(|(version, ..)| *version <= from)
                .count(),
            stalls,
        })
    }

    /// Returns what a stream does next; `None` if it is silent.
    fn serve(&mut self, served: &mut Served) -> Option<Step> {
        if self.refusals > 0 {
            return Some(Step::End(Closed::Broken("killed".to_owned())));
        }
        let from = served.from;
        let rest = self.history.iter().skip(served.sent);
        served.sent += rest.take_while(|(version, ..)| *version <= from).count();
        match self.draw(60) {
            0 => return Some(Step::End(Closed::Clean)),
            1 => return Some(Step::End(Closed::Broken("reset".to_owned()))),
            2 => return Some(Step::Line("ga{rbage\n".to_owned())),
            3 => return Some(Step::Line(line("ERROR 500 InternalError"))),
            4 if served.sent > 0 && self.history[served.sent - 1].0 > from => {
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
            return (self.version > from && self.happens(30))
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
    fn page(&mut self, _: &Page<'_>) -> Result<(), Error> {
        Ok(())
    }

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

    fn stable(&mut self, _is_stable: bool) {}

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
        stalls: 0,
        rollback: None,
        refusals: 0,
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
    // In a third of all schedules, the server is restored from a backup.
    let mut restores_at = seed.is_multiple_of(3).then(|| u64::from(world.draw(100)));
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
        if let Some((oldest, _)) = initial
            && restores_at == Some(commits)
            && has_begun(&watcher.demand())
        {
            restores_at = None;
            world.restore(oldest);
        }
        if let Some(request) = watcher.side_request()
            && world.happens(20)
        {
            let answered = match world.answer(&request) {
                Ok(page) => watcher.step(now, Input::SidePage(page.as_bytes()), &mut witness),
                Err(error) => watcher.step(now, Input::SideFailed(error), &mut witness),
            };
            answered.unwrap();
            continue;
        }
        let stepped = match watcher.demand() {
            Demand::List { token, whole, .. } => match world.list(&token, whole) {
                Ok(page) => watcher.step(now, Input::Page(page.as_bytes()), &mut witness),
                Err(error) if initial.is_none() && matches!(error.kind(), Kind::Connection(_)) => {
                    continue;
                }
                Err(error) => watcher.step(now, Input::Failed(error), &mut witness),
            },
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
                    if is_level && !watcher.is_checking() {
                        break;
                    }
                    now = now.max(until);
                    watcher.step(now, Input::Elapsed, &mut witness)
                }
                None if now >= until => watcher.step(now, Input::Elapsed, &mut witness),
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

/// Reports whether a stream, or a LIST with several pages, has begun. A restore then interrupts it.
fn has_begun(demand: &Demand) -> bool {
    match demand {
        Demand::Read { .. } => true,
        Demand::List { token, .. } => !token.is_empty(),
        _ => false,
    }
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
        stalls: world.stalls,
        rollback: world.rollback.as_ref().map(|rollback| ::oracle::Rollback {
            undone: rollback.kept..rollback.kept + rollback.undone.len(),
            version: rollback.version,
        }),
        final_state: &state,
    };
    evidence.judge()
}
