//! The results of a measurement: a table of medians, and the limits that apply.
//!
//! MB are 10^6 bytes.

use std::fmt;
use std::fmt::{Display, Formatter};
use std::time::Duration;

use crate::measure::usage::Usage;

/// The results of one measurement.
pub(super) struct Report {
    pub(super) title: String,
    /// The plugin and its rivals, if any were compared.
    pub(super) programs: Vec<Costs>,
    pub(super) limits: Vec<Limit>,
}

/// The medians of a program's runs.
pub(super) struct Costs {
    pub(super) name: &'static str,
    /// In milliseconds.
    pub(super) wall: f64,
    /// In milliseconds.
    pub(super) cpu: f64,
    /// In MB.
    pub(super) peak_memory: f64,
}

/// A measured value and its limit.
pub(super) struct Limit {
    pub(super) name: String,
    pub(super) measured: f64,
    pub(super) at_most: f64,
    pub(super) unit: &'static str,
    /// The value does not depend on the load of the machine.
    pub(super) is_steady: bool,
}

impl Report {
    /// Returns the names of the exceeded limits, without `is_strict` only of steady values.
    pub(super) fn exceeded(&self, is_strict: bool) -> impl Iterator<Item = String> {
        self.limits
            .iter()
            .filter(move |limit| limit.is_exceeded() && (is_strict || limit.is_steady))
            .map(|limit| limit.name.clone())
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
                name,
                measured,
                at_most,
                unit,
                ..
            } = limit;
            let verdict = if limit.is_exceeded() { "OVER" } else { "ok" };
            writeln!(
                formatter,
                "{verdict:6}{name:26}{measured:5.2}{unit} of at most {at_most}{unit}"
            )?;
        }
        writeln!(formatter)
    }
}

impl Report {
    /// Writes the costs of each program, and the ratio of the plugin's costs to them.
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
pub(super) fn millions(count: u64) -> f64 {
    count as f64 / 1e6
}
