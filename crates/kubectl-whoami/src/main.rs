//! `kubectl whoami`: who the API server thinks you are, by which credential, until when; and how
//! it knows.
//!
//! # Layout
//! * `args`: the command line, nothing else; `completion` is what a shell offers there.
//! * `identity`: what a server can say of a user, and by which of its answers it was said (`Source`).
//! * `ladder`: asks one server, one question after the other, until an answer names the user.
//! * `question`: how each of them is asked.
//! * `credential`: what was presented to the server, and which part of it counted.
//! * `report`: all of that about one connection. It never fails: that it does not know, and why, is
//!   part of it. `explanation` says what a bare `Unauthorized` may be about.
//! * `contexts`: the same about all contexts, side by side (`--all-contexts`).
//! * `access`: what may be done, instead of who one is (`--can`).
//! * `format`: a report as `-o` has it; `document` is the JSON form, `table` the one for people, with
//!   `remaining` time in words. Several answers are `columns` or a `list`.

mod access;
mod args;
mod columns;
mod completion;
mod contexts;
mod credential;
mod document;
mod explanation;
mod format;
mod identity;
mod ladder;
mod list;
mod question;
mod remaining;
mod report;
mod table;

use std::process::ExitCode;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;

use args::WhoamiArgs;
use format::Format;
use report::Report;

fn main() -> ExitCode {
    kubectl_plugin::command::run(whoami)
}

async fn whoami(arguments: WhoamiArgs) -> Result<(), Error> {
    arguments.check()?;
    if arguments.can().next().is_some() {
        return access::check(&arguments).await;
    }
    if arguments.all_contexts {
        return contexts::whoami(&arguments).await;
    }
    let format = Format::parse(&arguments)?;
    let limit = arguments.fail_if_expires_within()?;
    let server = ApiServer::connect(&arguments.connection)?;
    let report = Report::of(&server, arguments.offline).await;
    let written = format.write(&report);
    report.verdict(limit).and(written)
}
