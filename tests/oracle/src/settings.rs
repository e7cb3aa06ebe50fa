//! The number of trials. The defaults keep the test suite fast.

use std::env;
use std::ops::Range;

/// The variable that holds the number of seeds.
pub const SEEDS: &str = "ORACLE_SEEDS";
/// The variable that holds the first seed.
pub const FIRST_SEED: &str = "ORACLE_FIRST_SEED";
/// The variable that holds how often the API server is killed.
pub const KILLS: &str = "ORACLE_KILLS";

/// Returns the seeds to run: as many as the variable says, or else `default`.
///
/// # Panics
/// Panics when a variable is not a number.
pub fn seeds(default: u64) -> Range<u64> {
    let first = number(FIRST_SEED).unwrap_or(0);
    first..first + number(SEEDS).unwrap_or(default)
}

/// Returns how often to kill the API server: as often as the variable says, or else `default` times.
///
/// # Panics
/// Panics when the variable is not a number.
pub fn kills(default: u64) -> u64 {
    number(KILLS).unwrap_or(default)
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{name}={text}: {error}"),
    }
}
