//! The oracle's rules, and the evidence that they apply to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{AddAssign, Range};

use crate::{Event, EventType, Line};

/// The existing objects: the UID and resource version of each name.
pub type State = BTreeMap<String, (String, u64)>;

/// The output of a watch, and the truth to judge it by.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// All committed events, in order.
    pub history: &'a [Event],
    /// The resource version of the initial state. Events up to it need not be printed.
    pub list_version: u64,
    /// How many lines printed the initial state.
    pub initial_lines: usize,
    /// All printed lines, in order.
    pub lines: &'a [Line],
    /// The lines on stderr, which announce gaps.
    pub messages: &'a [String],
    /// How many streams stayed silent although the server had events. An audit may find the events.
    pub stalls: usize,
    /// The restore of the server from a backup, if there was one.
    pub rollback: Option<Rollback>,
    /// The server's state at the end.
    pub final_state: &'a State,
}

/// A restore of the server from a backup.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// The indexes of the events that it has undone.
    pub undone: Range<usize>,
    /// The server's resource version before it. Later events use the versions up to it again. Some of
    /// them cannot be noticed: a watch compares only the objects that exist afterwards.
    pub version: u64,
}

/// The statistics of a judged watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events committed after the initial state.
    pub committed: usize,
    /// Events printed as the server sent them.
    pub delivered: usize,
    /// Events that were not printed, each in an announced gap.
    pub in_gaps: usize,
    /// Announced gaps.
    pub gaps: usize,
    /// Lines that replace lost events.
    pub synthetic: usize,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.committed += other.committed;
        self.delivered += other.delivered;
        self.in_gaps += other.in_gaps;
        self.gaps += other.gaps;
        self.synthetic += other.synthetic;
    }
}

impl Evidence<'_> {
    /// Checks all the rules.
    ///
    /// # Errors
    /// Describes the first violation.
    pub fn judge(&self) -> Result<Report, String> {
        let delivered = self.match_lines_with_history()?;
        self.check_objects()?;
        self.check_audits()?;
        let gaps: Vec<(u64, u64)> = self
            .messages
            .iter()
            .filter_map(|message| announced_gap(message))
            .collect();
        let mut report = Report {
            gaps: gaps.len(),
            synthetic: self.lines.iter().filter(|line| line.is_synthetic).count(),
            ..Report::default()
        };
        for (index, event) in self.history.iter().enumerate() {
            let rollback = self.rollback.as_ref();
            let rollback = rollback.filter(|rollback| index >= rollback.undone.start);
            let is_undone = rollback.is_some_and(|rollback| rollback.undone.contains(&index));
            if event.version <= self.list_version || is_undone {
                continue;
            }
            // After a rollback, a gap starts at an unknown older version.
            let is_excused = rollback.is_some_and(|rollback| {
                let until = gaps.iter().map(|(_, until)| *until).max();
                event.version <= rollback.version.max(until.unwrap_or(0))
            });
            if delivered.contains(&index) {
                report.delivered += 1;
            } else if event.is_in(&gaps) || is_excused {
                report.in_gaps += 1;
            } else {
                return Err(format!(
                    "{event:?} is missing, and in none of the gaps {gaps:?}"
                ));
            }
            report.committed += 1;
        }
        Ok(report)
    }

    /// Checks that each line from the server is a later event than the line before, and returns the
    /// indexes of these events in the history.
    fn match_lines_with_history(&self) -> Result<BTreeSet<usize>, String> {
        let mut delivered = BTreeSet::new();
        let mut next = 0;
        let lines = self.lines.iter().enumerate().skip(self.initial_lines);
        for (number, line) in lines.filter(|(_, line)| !line.is_synthetic) {
            let rest = &self.history[next..];
            let Some(skipped) = rest.iter().position(|event| *event == line.event) else {
                return Err(format!(
                    "line {number}, {:?}, is not in the remaining history",
                    line.event
                ));
            };
            next += skipped + 1;
            delivered.insert(next - 1);
        }
        Ok(delivered)
    }

    /// Checks that versions increase, that only known objects are deleted, and that the lines lead to
    /// the server's state.
    fn check_objects(&self) -> Result<(), String> {
        let mut newest = BTreeMap::new();
        let mut state = State::new();
        for (number, line) in self.lines.iter().enumerate() {
            let event = &line.event;
            // Of an unseen deletion, only the object's last known version is known.
            let may_repeat = line.is_synthetic && event.event_type == EventType::Deleted;
            let may_go_back = line.is_synthetic && self.rollback.is_some();
            if let Some(previous) = newest.insert(&event.uid, event.version)
                && !may_go_back
                && (event.version < previous || (event.version == previous && !may_repeat))
            {
                return Err(format!("line {number}, {event:?}, goes back in time"));
            }
            if event.event_type == EventType::Deleted {
                // Until a rollback is noticed, other changes reuse the versions of undone ones.
                let is_known = state.get(&event.name).map(|(uid, _)| uid) == Some(&event.uid);
                if is_known {
                    state.remove(&event.name);
                } else if self.rollback.is_none() {
                    return Err(format!(
                        "line {number}, {event:?}, deletes an unknown object"
                    ));
                }
            } else {
                let known = (event.uid.clone(), event.version);
                state.insert(event.name.clone(), known);
            }
        }
        if state == *self.final_state {
            Ok(())
        } else {
            Err(format!(
                "the lines lead to the state {state:?}, but the server has {:?}",
                self.final_state
            ))
        }
    }

    /// Checks that no audit finds a difference unless an event was dropped as out of order, a
    /// stream stayed silent, or the server was restored from a backup.
    fn check_audits(&self) -> Result<(), String> {
        let count = |words| {
            let messages = self.messages.iter();
            messages.filter(|text| text.contains(words)).count()
        };
        let causes = count("dropped an event") + self.stalls + usize::from(self.rollback.is_some());
        if count("resynced after missing or out-of-order events") > causes {
            return Err("an audit found a difference without a cause".to_owned());
        }
        Ok(())
    }
}

/// Returns the gap that a message announces, if any: events after the first version, up to and
/// including the second, may be missing.
pub fn announced_gap(message: &str) -> Option<(u64, u64)> {
    let (_, text) = message.split_once("resynced after")?;
    let (_, gap) = text.split_once('(')?;
    let (since, rest) = gap.split_once('→')?;
    let (until, _) = rest.split_once(')')?;
    Some((since.parse().ok()?, until.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses `TYPE name@version`, or `[TYPE name@version]` for a synthetic line.
    fn line(text: &str) -> Line {
        let is_synthetic = text.starts_with('[');
        let (word, rest) = text.trim_matches(['[', ']']).split_once(' ').unwrap();
        let (name, version) = rest.split_once('@').unwrap();
        Line {
            is_synthetic,
            event: Event {
                version: version.parse().unwrap(),
                event_type: EventType::parse(word).unwrap(),
                name: name.to_owned(),
                uid: name.to_owned(),
            },
        }
    }

    /// Judges `ADDED a@1`, the initial state at version 10, followed by these lines.
    fn judge(lines: &[&str], messages: &[&str]) -> Result<Report, String> {
        let history = [
            "ADDED a@1",
            "ADDED b@11",
            "MODIFIED a@12",
            "DELETED b@13",
            "MODIFIED a@14",
        ];
        let history: Vec<Event> = history.iter().map(|text| line(text).event).collect();
        let all = ["ADDED a@1"].iter().chain(lines);
        let lines: Vec<Line> = all.map(|text| line(text)).collect();
        let messages: Vec<String> = messages.iter().map(|&text| text.to_owned()).collect();
        Evidence {
            history: &history,
            list_version: 10,
            initial_lines: 1,
            lines: &lines,
            messages: &messages,
            stalls: 0,
            rollback: None,
            final_state: &State::from([("a".to_owned(), ("a".to_owned(), 14))]),
        }
        .judge()
    }

    const ALL: [&str; 4] = [
        "ADDED b@11",
        "MODIFIED a@12",
        "DELETED b@13",
        "MODIFIED a@14",
    ];

    #[track_caller]
    fn assert_violation(lines: &[&str], messages: &[&str], violation: &str) {
        let error = judge(lines, messages).unwrap_err();
        assert!(error.contains(violation), "{error}");
    }

    #[test]
    fn a_complete_ordered_output_is_consistent() {
        let report = judge(&ALL, &[]).unwrap();
        assert_eq!((report.committed, report.delivered), (4, 4));
    }

    #[test]
    fn events_may_be_missing_only_in_announced_gaps() {
        let message =
            "rawwatch: /p: resynced after 410 Gone (11→13): 0 added, 1 modified, 1 deleted; …";
        let lines = [
            "ADDED b@11",
            "[DELETED b@11]",
            "[MODIFIED a@12]",
            "MODIFIED a@14",
        ];
        let report = judge(&lines, &[message]).unwrap();
        assert_eq!((report.delivered, report.in_gaps, report.gaps), (2, 2, 1));
        assert_violation(&lines, &[], "is missing, and in none of the gaps []");
        assert_violation(
            &lines,
            &[&message.replace("11→13", "12→13")],
            "is missing, and in none of the gaps [(12, 13)]",
        );
    }

    #[test]
    fn lost_duplicate_reordered_and_invented_events_are_found() {
        assert_violation(&ALL[1..], &[], "deletes an unknown object");
        assert_violation(&ALL[..3], &[], "lead to the state");
        assert_violation(&[ALL[0], ALL[2], ALL[3]], &[], "is missing");
        assert_violation(
            &[ALL[0], ALL[0], ALL[1], ALL[2], ALL[3]],
            &[],
            "not in the remaining history",
        );
        assert_violation(
            &[ALL[1], ALL[0], ALL[2], ALL[3]],
            &[],
            "not in the remaining history",
        );
        assert_violation(&["MODIFIED a@13"], &[], "not in the remaining history");
        assert_violation(
            &[ALL[0], "[MODIFIED a@14]", "[MODIFIED a@12]"],
            &[],
            "goes back in time",
        );
        assert_violation(
            &[ALL[0], "[MODIFIED a@14]", "[MODIFIED a@14]"],
            &[],
            "goes back in time",
        );
        assert_violation(
            &[ALL[0], ALL[2], "[DELETED b@13]"],
            &[],
            "deletes an unknown object",
        );
    }

    #[test]
    fn an_audit_may_find_only_events_dropped_as_out_of_order() {
        let audit =
            "rawwatch: /p: resynced after missing or out-of-order events (14→14): 0 added, …";
        assert_violation(&ALL, &[audit], "an audit found a difference");
        judge(&ALL, &["rawwatch: /p: dropped an event at 11, …", audit]).unwrap();
    }
}
