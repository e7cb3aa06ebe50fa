//! More trials of `kubectl rawwatch` than its tests play each time.
//!
//! The trials are tests (of the crate, and in `tests/rawwatch/oracle.rs`), which know from
//! variables how many there are to be; this runs one of them, and shows what it says.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use oracle::settings::{FIRST_SEED, KILLS, SEEDS};

/// A test that plays trials.
struct Play {
    /// The flag with the number of them.
    flag: &'static str,
    /// The variable that takes it.
    variable: &'static str,
    /// Where cargo finds the test.
    target: [&'static str; 2],
    test: &'static str,
}

const PLAYS: [Play; 3] = [
    Play {
        flag: "--seeds",
        variable: SEEDS,
        target: ["--bin", "kubectl-rawwatch"],
        test: "watcher::tests::oracle::every_schedules_output_is_consistent_with_what_was_committed",
    },
    Play {
        flag: "--real",
        variable: SEEDS,
        target: ["--test", "rawwatch"],
        test: "rawwatch::oracle::the_output_over_a_faulty_network_is_consistent",
    },
    Play {
        flag: "--kills",
        variable: KILLS,
        target: ["--test", "rawwatch"],
        test: "rawwatch::oracle::kills_under_200_writes_per_second_lose_and_reorder_nothing",
    },
];

pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let mut first_seed = 0;
    let mut wanted = Vec::new();
    while let Some(flag) = arguments.next() {
        let flag = flag.to_str().context("a flag that is no text")?;
        let value = arguments.next().context(format!("{flag} needs a number"))?;
        let value = value.to_str().and_then(|value| value.parse::<u64>().ok());
        let value = value.context(format!("{flag} needs a number"))?;
        if flag == "--first-seed" {
            first_seed = value;
        } else if let Some(play) = PLAYS.iter().find(|play| play.flag == flag) {
            wanted.push((play, value));
        } else {
            bail!("unknown flag {flag}");
        }
    }
    ensure!(
        !wanted.is_empty(),
        "nothing to play: give --seeds, --real or --kills"
    );
    for (play, count) in wanted {
        play.run(count, first_seed)?;
    }
    Ok(())
}

impl Play {
    fn run(&self, count: u64, first_seed: u64) -> Result<()> {
        let start = Instant::now();
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["test", "--quiet", "--package", "kubectl-rawwatch"])
            .args(self.target)
            .args(["--", "--exact", "--nocapture", self.test])
            .env(FIRST_SEED, first_seed.to_string())
            .env(self.variable, count.to_string())
            // What was played is said on stderr, and is shown as it comes.
            .stderr(Stdio::inherit())
            .output()
            .context("run cargo")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success() && said.contains("1 passed"),
            "{} {count}: {}\n{said}",
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
