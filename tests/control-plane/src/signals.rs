//! The signals that a shell ignores in a command that runs in the background of a script.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT};
use signal_hook::flag::register_conditional_default;

/// Makes every program that this process starts from now on begin with the default actions of
/// SIGHUP, SIGINT and SIGQUIT. Call it before a program that gets a signal from a test.
///
/// `cargo test &` in a script ignores SIGINT and SIGQUIT, `nohup cargo test` ignores SIGHUP, and
/// programs inherit that. They do not inherit a handler. The handler here acts like the default.
///
/// # Panics
/// Panics if the system does not allow a handler.
pub fn restore_default_signals() {
    static RESTORED: Once = Once::new();
    RESTORED.call_once(|| {
        for signal in [SIGHUP, SIGINT, SIGQUIT] {
            register_conditional_default(signal, Arc::new(AtomicBool::new(true)))
                .expect("a handler can be installed");
        }
    });
}
