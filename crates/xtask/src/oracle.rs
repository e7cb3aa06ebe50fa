//! `cargo xtask oracle`: plays more schedules of faults to `kubectl rawwatch` than a test run does.
//!
//! The schedules are played by tests, in the crate and in `tests/rawwatch/oracle.rs`. Environment
//! variables tell them how many to play.

use std::env;
use std::ffi::OsString;
use std::io;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use oracle::settings::{FIRST_SEED, KILLS, SEEDS};

/// A test that plays schedules.
struct Trial {
    /// The flag with the number of schedules.
    flag: &'static str,
    /// The variable that passes this number to the test.
    variable: &'static str,
    /// The flags with which cargo selects the test's target.
    target: [&'static str; 2],
    test: &'static str,
}

const TRIALS: [Trial; 3] = [
    Trial {
        flag: "--seeds",
        variable: SEEDS,
        target: ["--bin", "kubectl-rawwatch"],
        test: "watcher::tests::oracle::the_output_of_every_schedule_matches_the_commits",
    },
    Trial {
        flag: "--real",
        variable: SEEDS,
        target: ["--test", "rawwatch"],
        test: "oracle::the_output_over_a_faulty_network_is_consistent",
    },
    Trial {
        flag: "--kills",
        variable: KILLS,
        target: ["--test", "rawwatch"],
        test: "oracle::kills_under_200_writes_per_second_lose_and_reorder_nothing",
    },
];

/// Runs the trials that the flags ask for.
///
/// # Errors
/// If a flag is wrong, or a trial fails.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let mut first_seed = 0;
    let mut chosen = Vec::new();
    while let Some(flag) = arguments.next() {
        let flag = flag.to_str().context("a flag is not UTF-8")?;
        let value = arguments.next();
        let value = value
            .and_then(|value| value.to_str()?.parse::<u64>().ok())
            .with_context(|| format!("{flag} requires a number"))?;
        if flag == "--first-seed" {
            first_seed = value;
        } else if let Some(trial) = TRIALS.iter().find(|trial| trial.flag == flag) {
            chosen.push((trial, value));
        } else {
            bail!("unknown flag {flag}");
        }
    }
    ensure!(
        !chosen.is_empty(),
        "one of --seeds, --real and --kills is required"
    );
    for (trial, count) in chosen {
        trial.run(count, first_seed)?;
    }
    Ok(())
}

impl Trial {
    fn run(&self, count: u64, first_seed: u64) -> Result<()> {
        let start = Instant::now();
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["test", "--quiet", "--package", "kubectl-rawwatch"])
            .args(self.target)
            .args(["--", "--exact", "--nocapture", self.test])
            .env(FIRST_SEED, first_seed.to_string())
            .env(self.variable, count.to_string())
            // The test reports its progress there.
            .stderr(Stdio::inherit())
            .output()
            .context("run cargo")?;
        let report = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success() && report.contains("1 passed"),
            "{} {count}: {}\n{report}",
            self.flag,
            output.status
        );
        writeln!(
            io::stderr(),
            "{} {count}: {:.0?}",
            self.flag,
            start.elapsed()
        )?;
        Ok(())
    }
}
