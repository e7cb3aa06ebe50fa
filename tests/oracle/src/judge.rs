//! The four rules, and the evidence for them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use crate::{Change, Event, Line};

/// The objects that there are: by name, with UID and version.
pub type State = BTreeMap<String, (String, u64)>;

/// A watch and what it watched.
#[derive(Debug)]
pub struct Trial<'a> {
    /// Everything that was committed, in order.
    pub history: &'a [Event],
    /// The version of the initial state: nothing up to it need be seen.
    pub listed: u64,
    /// How many lines the initial state had.
    pub initial: usize,
    /// All lines, in order.
    pub lines: &'a [Line],
    /// What was said of gaps beside them, line by line.
    pub notes: &'a [String],
    /// The server's state at the end.
    pub state: &'a State,
}

/// What there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events behind the initial state.
    pub committed: usize,
    /// Events that came as the server sent them.
    pub delivered: usize,
    /// Events that did not, each in an announced gap.
    pub in_gaps: usize,
    /// The gaps.
    pub gaps: usize,
    /// Lines that stand in for lost events.
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

impl Trial<'_> {
    /// Judges by all the rules.
    ///
    /// # Errors
    /// The first rule that is broken, and by what.
    pub fn judge(&self) -> Result<Report, String> {
        let delivered = self.follow_history()?;
        self.follow_objects()?;
        self.doubt_audits()?;
        let gaps: Vec<(u64, u64)> = self
            .notes
            .iter()
            .filter_map(|note| announced_gap(note))
            .collect();
        let mut report = Report {
            gaps: gaps.len(),
            synthetic: self.lines.iter().filter(|line| line.is_synthetic).count(),
            ..Report::default()
        };
        for (place, event) in self.history.iter().enumerate() {
            match () {
                () if event.version <= self.listed => continue,
                () if delivered.contains(&place) => report.delivered += 1,
                () if event.is_in(&gaps) => report.in_gaps += 1,
                () => return Err(format!("{event:?} is missing, and in none of {gaps:?}")),
            }
            report.committed += 1;
        }
        Ok(report)
    }

    /// Each line of the server is an event behind the one before; the places of those that came.
    fn follow_history(&self) -> Result<BTreeSet<usize>, String> {
        let mut delivered = BTreeSet::new();
        let mut next = 0;
        let lines = self.lines.iter().enumerate().skip(self.initial);
        for (number, line) in lines.filter(|(_, line)| !line.is_synthetic) {
            let rest = &self.history[next..];
            let Some(skipped) = rest.iter().position(|event| *event == line.event) else {
                return Err(format!(
                    "line {number}, {:?}, is not in the rest of the history",
                    line.event
                ));
            };
            next += skipped + 1;
            delivered.insert(next - 1);
        }
        Ok(delivered)
    }

    /// Versions rise, what is deleted was known, and all leads to the server's state.
    fn follow_objects(&self) -> Result<(), String> {
        let mut newest = BTreeMap::new();
        let mut state = State::new();
        for (number, line) in self.lines.iter().enumerate() {
            let event = &line.event;
            // All that is known of an object that went unseen is its last version.
            let may_stay = line.is_synthetic && event.change == Change::Deleted;
            if let Some(before) = newest.insert(&event.uid, event.version)
                && (event.version < before || (event.version == before && !may_stay))
            {
                return Err(format!("line {number}, {event:?}, is back in time"));
            }
            if event.change == Change::Deleted {
                let known = state.remove(&event.name).map(|(uid, _)| uid);
                if known.as_ref() != Some(&event.uid) {
                    return Err(format!("line {number}, {event:?}, is of an unknown object"));
                }
            } else {
                let known = (event.uid.clone(), event.version);
                state.insert(event.name.clone(), known);
            }
        }
        if state == *self.state {
            Ok(())
        } else {
            Err(format!("another state: {state:?} for {:?}", self.state))
        }
    }

    /// An audit finds nothing, unless an event came out of order before it.
    fn doubt_audits(&self) -> Result<(), String> {
        let count = |words| {
            let notes = self.notes.iter();
            notes.filter(|note| note.contains(words)).count()
        };
        if count("resynced after an audit") > count("dropped an event") {
            return Err("an audit found a difference where there was none".to_owned());
        }
        Ok(())
    }
}

/// The gap that a note announces, if it does: nothing behind the first version, up to the second one, is sure.
pub fn announced_gap(note: &str) -> Option<(u64, u64)> {
    let (_, text) = note.split_once("resynced after")?;
    let (_, gap) = text.split_once('(')?;
    let (since, rest) = gap.split_once('→')?;
    let (until, _) = rest.split_once(')')?;
    Some((since.parse().ok()?, until.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event or a line, of `TYPE name@version`; in brackets it is synthetic.
    fn line(text: &str) -> Line {
        let is_synthetic = text.starts_with('[');
        let (word, rest) = text.trim_matches(['[', ']']).split_once(' ').unwrap();
        let (name, version) = rest.split_once('@').unwrap();
        Line {
            is_synthetic,
            event: Event {
                version: version.parse().unwrap(),
                change: Change::of(word).unwrap(),
                name: name.to_owned(),
                uid: name.to_owned(),
            },
        }
    }

    /// Judges these lines behind `ADDED a@1`, of which the list at version 10 has spoken.
    fn judge(lines: &[&str], notes: &[&str]) -> Result<Report, String> {
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
        let notes: Vec<String> = notes.iter().map(|&note| note.to_owned()).collect();
        Trial {
            history: &history,
            listed: 10,
            initial: 1,
            lines: &lines,
            notes: &notes,
            state: &State::from([("a".to_owned(), ("a".to_owned(), 14))]),
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
    fn is_refused(lines: &[&str], notes: &[&str], reason: &str) {
        let error = judge(lines, notes).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn all_events_in_order_are_consistent() {
        let report = judge(&ALL, &[]).unwrap();
        assert_eq!((report.committed, report.delivered), (4, 4));
    }

    #[test]
    fn a_gap_that_was_announced_excuses_what_is_missing_in_it() {
        let note = "rawwatch: /p: resynced after 410 (11→13): 0 added, 1 modified, 1 deleted; …";
        let lines = [
            "ADDED b@11",
            "[DELETED b@11]",
            "[MODIFIED a@12]",
            "MODIFIED a@14",
        ];
        let report = judge(&lines, &[note]).unwrap();
        assert_eq!((report.delivered, report.in_gaps, report.gaps), (2, 2, 1));
        is_refused(&lines, &[], "is missing, and in none of []");
        is_refused(
            &lines,
            &[&note.replace("11→13", "12→13")],
            "is missing, and in none of [(12, 13)]",
        );
    }

    #[test]
    fn lost_doubled_reordered_and_invented_events_are_found() {
        is_refused(&ALL[1..], &[], "unknown object");
        is_refused(&ALL[..3], &[], "another state");
        is_refused(&[ALL[0], ALL[2], ALL[3]], &[], "is missing");
        is_refused(
            &[ALL[0], ALL[0], ALL[1], ALL[2], ALL[3]],
            &[],
            "not in the rest",
        );
        is_refused(&[ALL[1], ALL[0], ALL[2], ALL[3]], &[], "not in the rest");
        is_refused(&["MODIFIED a@13"], &[], "not in the rest");
        is_refused(
            &[ALL[0], "[MODIFIED a@14]", "[MODIFIED a@12]"],
            &[],
            "back in time",
        );
        is_refused(
            &[ALL[0], "[MODIFIED a@14]", "[MODIFIED a@14]"],
            &[],
            "back in time",
        );
        is_refused(&[ALL[0], ALL[2], "[DELETED b@13]"], &[], "unknown object");
    }

    #[test]
    fn an_audit_must_have_a_cause() {
        let audit = "rawwatch: /p: resynced after an audit (14→14): 0 added, …";
        is_refused(&ALL, &[audit], "an audit found a difference");
        judge(&ALL, &["rawwatch: /p: dropped an event at 11, …", audit]).unwrap();
    }
}
