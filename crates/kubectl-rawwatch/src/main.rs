//! `kubectl rawwatch`: watches raw API paths, and never loses, doubles or tears an event without
//! saying so.
//!
//! # Layout
//! * `args`: the command line, nothing else; `completion` is what a shell offers there.
//! * `target`: a path and its selectors → the requests for it, without any I/O; `form` is what the
//!   server is asked to make of objects.
//! * `watcher`: the state machine of one collection, without I/O or a clock; its transitions are in
//!   `watcher::lists`, `streams` and `failures`. `listing` is a LIST under way (`page` reads one
//!   page), `cursor` its place in the history, `index` what the consumer has seen, `audit` the
//!   comparison of that with a LIST, `backoff` its pauses.
//! * `framer`, `event`, `json`: bytes → lines → the few words that are read of one; `version` and
//!   `uid` are two of them.
//! * `driver`: does what a watcher demands, by the `clock`.
//! * `printer`: the output of all watchers, in a `format` (`table` and `diff` are two); `goal` is what it is to
//!   come to. `resume` keeps how far the watchers are in a file, `signals` let them finish a line, and
//!   `reader` says when nobody reads on.
//! * `watch`: puts all of this together.

mod args;
mod audit;
mod backoff;
mod clock;
mod completion;
mod cursor;
mod diff;
mod driver;
mod event;
mod form;
mod format;
mod framer;
mod goal;
mod index;
mod json;
mod listing;
mod page;
mod printer;
mod reader;
mod resume;
mod signals;
mod table;
mod target;
mod uid;
mod version;
mod watch;
mod watcher;

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_plugin::command::run(watch::watch)
}
