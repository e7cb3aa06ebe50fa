//! What was measured, as a table, and the limits it is held to.
//!
//! MB are 10^6 bytes.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::usage::Usage;
use super::{RUNS, Scenario};

/// The numbers of one measurement.
pub(super) struct Report {
    pub(super) title: String,
    /// The plugin comes first, if programs are compared by what they take.
    pub(super) programs: Vec<Costs>,
    pub(super) limits: Vec<Limit>,
}

/// What one run of a program takes: the medians.
pub(super) struct Costs {
    pub(super) name: &'static str,
    /// In milliseconds.
    pub(super) wall: f64,
    /// In milliseconds.
    pub(super) cpu: f64,
    /// In MB.
    pub(super) peak_memory: f64,
}

/// What a number may be.
pub(super) struct Limit {
    pub(super) what: String,
    pub(super) measured: f64,
    pub(super) at_most: f64,
    pub(super) unit: &'static str,
    /// Whether a busy machine comes to the same number.
    pub(super) is_steady: bool,
}

impl Report {
    /// `usages` are those of the plugin, then those of each rival; `instructions` and `size` (in
    /// bytes) are the plugin's.
    pub(super) fn new(
        scenario: &Scenario,
        usages: &[Vec<Usage>],
        instructions: u64,
        size: u64,
    ) -> Self {
        let programs: Vec<_> = scenario
            .programs()
            .zip(usages)
            .map(|(program, usages)| Costs::new(program.name, usages))
            .collect();
        let (plugin, rivals) = (&programs[0], &programs[1..]);
        let limit = |what: &str, measured, at_most, unit, is_steady| Limit {
            what: what.to_owned(),
            measured,
            at_most,
            unit,
            is_steady,
        };
        let given = &scenario.limits;
        let mut limits = vec![
            limit(
                "peak memory",
                plugin.peak_memory,
                given.peak_memory,
                " MB",
                false,
            ),
            limit(
                "instructions",
                millions(instructions),
                given.instructions,
                " M",
                true,
            ),
            limit("size", millions(size), given.size, " MB", true),
        ];
        for (rival, costs) in scenario.rivals.iter().zip(rivals) {
            let what = format!("wall time / {}", costs.name);
            limits.push(limit(
                &what,
                plugin.wall / costs.wall,
                rival.wall_limit,
                "",
                false,
            ));
        }
        Self {
            title: format!(
                "{}: medians of {RUNS} runs; ratio: ours to theirs",
                scenario.title
            ),
            programs,
            limits,
        }
    }

    /// What exceeds its limit; without `is_strict` only what is steady.
    pub(super) fn exceeded(&self, is_strict: bool) -> impl Iterator<Item = String> {
        self.limits
            .iter()
            .filter(move |limit| limit.is_exceeded() && (is_strict || limit.is_steady))
            .map(|limit| limit.what.clone())
    }
}

impl Costs {
    pub(super) fn new(name: &'static str, usages: &[Usage]) -> Self {
        Self {
            name,
            wall: milliseconds(median(usages.iter().map(|usage| usage.wall))),
            cpu: milliseconds(median(usages.iter().map(|usage| usage.cpu))),
            peak_memory: millions(median(usages.iter().map(|usage| usage.peak_memory))),
        }
    }
}

impl Limit {
    fn is_exceeded(&self) -> bool {
        self.measured > self.at_most
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n", self.title)?;
        if let Some(plugin) = self.programs.first() {
            self.write_table(plugin, formatter)?;
        }
        for limit in &self.limits {
            let Limit {
                what,
                measured,
                at_most,
                unit,
                ..
            } = limit;
            let verdict = if limit.is_exceeded() { "OVER" } else { "ok" };
            writeln!(
                formatter,
                "{verdict:6}{what:26}{measured:5.2}{unit} of at most {at_most}{unit}"
            )?;
        }
        writeln!(formatter)
    }
}

impl Report {
    /// What each program takes, and how the plugin's part of it is to theirs.
    fn write_table(&self, plugin: &Costs, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:16}", "")?;
        for heading in ["wall", "CPU", "memory"] {
            write!(formatter, "{heading:>12}{:>7}", "ratio")?;
        }
        writeln!(formatter)?;
        for costs in &self.programs {
            write!(formatter, "{:16}", costs.name)?;
            for (theirs, ours, unit) in [
                (costs.wall, plugin.wall, "ms"),
                (costs.cpu, plugin.cpu, "ms"),
                (costs.peak_memory, plugin.peak_memory, "MB"),
            ] {
                write!(formatter, "{theirs:>9.1} {unit}{:>7.2}", ours / theirs)?;
            }
            writeln!(formatter)?;
        }
        writeln!(formatter)
    }
}

fn median<T: Copy + Ord>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "two decimals are printed")]
fn millions(count: u64) -> f64 {
    count as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Program, Rival};
    use super::*;

    fn report(instructions: u64, rivals_wall: u64) -> Report {
        let program = |name| Program {
            name,
            commands: Vec::new(),
        };
        let scenario = Scenario {
            title: "a test",
            plugin: program("ours"),
            rivals: vec![Rival {
                program: program("theirs"),
                wall_limit: 0.5,
            }],
            limits: Limits {
                peak_memory: 8.0,
                instructions: 5.5,
                size: 6.0,
            },
        };
        let usage = |wall| Usage {
            wall: Duration::from_millis(wall),
            cpu: Duration::from_millis(1),
            peak_memory: 8_000_000,
        };
        let usages = [
            [900, 4, 1].map(usage).to_vec(),
            [rivals_wall; 3].map(usage).to_vec(),
        ];
        Report::new(&scenario, &usages, instructions, 6_000_000)
    }

    fn exceeded(report: &Report, is_strict: bool) -> Vec<String> {
        report.exceeded(is_strict).collect()
    }

    #[test]
    fn what_is_at_its_limit_does_not_exceed_it() {
        assert_eq!(exceeded(&report(5_500_000, 8), true), Vec::<String>::new());
    }

    #[test]
    fn times_count_only_when_strict_but_instructions_always() {
        let report = report(5_500_001, 7);
        assert_eq!(exceeded(&report, false), ["instructions"]);
        assert_eq!(
            exceeded(&report, true),
            ["instructions", "wall time / theirs"]
        );
        let text = report.to_string();
        assert!(
            text.contains("OVER  wall time / theirs         0.57 of at most 0.5"),
            "{text}"
        );
        assert!(
            text.contains("ok    size                       6.00 MB of at most 6 MB"),
            "{text}"
        );
    }
}
