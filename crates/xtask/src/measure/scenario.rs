//! A task that a plugin and its rivals do, each in one process, and the measurement of it.

use std::fs;
use std::iter;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::measure::instructions;
use crate::measure::report::{Costs, Limit, Report, millions};
use crate::measure::usage::Usage;

/// The number of measured runs of each program. It is odd, so that one run is the median.
const RUNS: usize = 15;

/// The number of commands of a program: a warm-up, the measured runs, and a run to count
/// instructions.
pub(super) const COMMANDS: usize = RUNS + 2;

/// A task for a plugin and its rivals.
pub(super) struct Scenario {
    pub(super) title: &'static str,
    pub(super) plugin: Program,
    pub(super) rivals: Vec<Rival>,
    pub(super) limits: Limits,
}

/// A program and its command lines.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// [`COMMANDS`] command lines for the same task. Their lengths should differ: they shift the layout of
    /// memory, which CPU time depends on.
    pub(super) commands: Vec<Command>,
}

/// A program that the plugin is compared with.
pub(super) struct Rival {
    pub(super) program: Program,
    /// The maximum wall time of the plugin, as a fraction of the rival's.
    pub(super) wall_limit: f64,
}

/// The limits for one call of the plugin.
pub(super) struct Limits {
    /// The peak memory, in MB.
    pub(super) peak_memory: f64,
    /// The number of instructions, in millions.
    pub(super) instructions: f64,
    /// The size of the binary, in MB.
    pub(super) size: f64,
}

impl Scenario {
    /// Measures all programs, with interleaved runs. `folder` gets a temporary file.
    pub(super) fn measure(&self, folder: &Path) -> Result<Report> {
        let mut usages = vec![Vec::new(); self.programs().count()];
        for run in 0..=RUNS {
            for (program, usages) in self.programs().zip(&mut usages) {
                let usage = Usage::measure(&program.commands[run])?;
                if run > 0 {
                    usages.push(usage);
                }
            }
        }
        let plugin = &self.plugin.commands[RUNS + 1];
        let instructions = instructions::count(plugin, folder)?;
        let size = fs::metadata(plugin.get_program()).context("find the plugin's binary")?;
        Ok(self.report(&usages, instructions, size.len()))
    }

    /// Returns the plugin and its rivals.
    fn programs(&self) -> impl Iterator<Item = &Program> {
        let rivals = self.rivals.iter().map(|rival| &rival.program);
        iter::once(&self.plugin).chain(rivals)
    }

    /// Compares the measurements with the limits. `usages` has the runs of each program; `instructions` and
    /// `size`, in bytes, are the plugin's.
    fn report(&self, usages: &[Vec<Usage>], instructions: u64, size: u64) -> Report {
        let programs: Vec<_> = self
            .programs()
            .zip(usages)
            .map(|(program, usages)| Costs::new(program.name, usages))
            .collect();
        let (plugin, rivals) = (&programs[0], &programs[1..]);
        let mut limits = vec![
            Limit {
                name: "peak memory".to_owned(),
                measured: plugin.peak_memory,
                at_most: self.limits.peak_memory,
                unit: " MB",
                is_steady: false,
            },
            Limit {
                name: "instructions".to_owned(),
                measured: millions(instructions),
                at_most: self.limits.instructions,
                unit: " M",
                is_steady: true,
            },
            Limit {
                name: "size".to_owned(),
                measured: millions(size),
                at_most: self.limits.size,
                unit: " MB",
                is_steady: true,
            },
        ];
        for (rival, costs) in self.rivals.iter().zip(rivals) {
            limits.push(Limit {
                name: format!("wall time / {}", costs.name),
                measured: plugin.wall / costs.wall,
                at_most: rival.wall_limit,
                unit: "",
                is_steady: false,
            });
        }
        Report {
            title: format!(
                "{}: medians of {RUNS} runs; ratio: ours to theirs",
                self.title
            ),
            programs,
            limits,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        scenario.report(&usages, instructions, 6_000_000)
    }

    fn exceeded(report: &Report, is_strict: bool) -> Vec<String> {
        report.exceeded(is_strict).collect()
    }

    #[test]
    fn a_value_at_its_limit_does_not_exceed_it() {
        assert_eq!(exceeded(&report(5_500_000, 8), true), Vec::<String>::new());
    }

    #[test]
    fn times_fail_only_with_strict_but_instructions_always() {
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
