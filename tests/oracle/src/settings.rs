//! How much is played: by default what a run of the test suite can afford.

use std::env;
use std::ops::Range;

/// The variable with the number of seeds.
pub const SEEDS: &str = "ORACLE_SEEDS";
/// The variable with the first of them.
pub const FIRST_SEED: &str = "ORACLE_FIRST_SEED";
/// The variable with the number of times that the API server is killed.
pub const KILLS: &str = "ORACLE_KILLS";

/// The seeds to play, as many as `usual` if nothing else is asked for.
///
/// # Panics
/// When a variable is no number.
pub fn seeds(usual: u64) -> Range<u64> {
    let first = number(FIRST_SEED).unwrap_or(0);
    first..first + number(SEEDS).unwrap_or(usual)
}

/// How often the API server is killed, `usual` times if nothing else is asked for.
///
/// # Panics
/// When the variable is no number.
pub fn kills(usual: u64) -> u64 {
    number(KILLS).unwrap_or(usual)
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{name}={text}: {error}"),
    }
}
