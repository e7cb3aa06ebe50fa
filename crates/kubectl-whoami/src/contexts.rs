//! `--all-contexts`: who one is in every context of the kubeconfig.
//!
//! The contexts are asked side by side, each for as long as [`WhoamiArgs::time_for_each`] says, so
//! that those that do not answer cost their own time and nobody else's. What they share is in
//! [`Contexts`]: one reading of the kubeconfig, one run of an exec plugin.

use std::io;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::connection::Contexts;
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::{write, write_coloured};
use kubectl_plugin::stderr;
use kubectl_plugin::stderr::progress::Progress;
use kubectl_plugin::text::terminal;

use crate::args::WhoamiArgs;
use crate::columns::{Cell, columns};
use crate::document::Document;
use crate::format::Format;
use crate::list::List;
use crate::remaining;
use crate::report::{NO_END, Report};

/// How many are asked at once: each may need a process for its exec plugin, and a few files.
const AT_ONCE: usize = 32;

/// Asks in all contexts, and prints the answers in the order of the names.
///
/// # Errors
/// When somebody is not known in one of them: the worst of what came up.
pub(crate) async fn whoami(arguments: &WhoamiArgs) -> Result<(), Error> {
    let format = Format::parse(arguments)?;
    if let Format::Review(_) | Format::Subjects(_) = format {
        return Err(Error::usage(
            "--all-contexts is printed by -o json, yaml, jsonpath or name",
        ));
    }
    let lasting = arguments.fail_if_expires_within()?;
    let time = arguments.time_for_each()?;
    // The time is for a context as a whole.
    let mut connection = arguments.connection.clone();
    connection.request_timeout = None;
    let contexts = Contexts::read(&connection)?;
    let names = contexts.names();
    if names.is_empty() {
        return Err(Error::usage("the kubeconfig has no context"));
    }
    let reports = ask_all(&contexts, &names, arguments.offline, time).await;
    let written = match format {
        Format::Document(output) => {
            output.write_struct(&reports.iter().map(Document::whole).collect::<List<_>>())
        }
        Format::Name => write(user_names(&reports).as_bytes()),
        _ => write_coloured(&table(&reports, terminal::is_coloured(&io::stdout()))),
    };
    verdict(&names, reports, lasting).and(written)
}

async fn ask_all(
    contexts: &Contexts,
    names: &[&str],
    is_offline: bool,
    time: Option<Duration>,
) -> Vec<Report> {
    let progress = Progress::start();
    let say = |count: usize| {
        progress.show(&format!(
            "{count} of {} contexts have answered",
            names.len()
        ));
    };
    say(0);
    let asked = names
        .iter()
        .enumerate()
        .map(async |(place, name)| (place, ask(contexts, name, is_offline, time).await));
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    let mut reports = Vec::with_capacity(names.len());
    while let Some(report) = answers.next().await {
        reports.push(report);
        say(reports.len());
    }
    reports.sort_unstable_by_key(|(place, _)| *place);
    reports.into_iter().map(|(_, report)| report).collect()
}

async fn ask(contexts: &Contexts, name: &str, is_offline: bool, time: Option<Duration>) -> Report {
    let server = match ApiServer::of_context(contexts, name) {
        Ok(server) => server,
        Err(error) => return Report::unprepared(name, error),
    };
    let report = Report::of(&server, is_offline);
    let Some(time) = time else {
        return report.await;
    };
    if let Ok(report) = tokio::time::timeout(time, report).await {
        return report;
    }
    let line = format!("Unable to connect to the server: no answer within {time:?}");
    let error = Error::connection(line).hinted("--request-timeout says how long to wait");
    Report::failed(&server, error).await
}

fn table(reports: &[Report], is_coloured: bool) -> String {
    let rows = reports.iter().map(|report| {
        let identity = report.identity.as_ref();
        let credential = &report.login.used;
        let remaining = report.remaining();
        let colour = remaining.and_then(remaining::colour);
        [
            Cell::from(report.target.context.as_deref().unwrap_or_default()),
            report.target.server.as_str().into(),
            user(report).into(),
            identity
                .map_or_else(String::new, |identity| identity.user.groups.join(","))
                .into(),
            credential.description().into(),
            Cell::from(remaining.map_or_else(String::new, remaining::from_now))
                .coloured(colour.filter(|_| is_coloured)),
            reachable(report).into(),
        ]
    });
    columns(
        [
            "CONTEXT",
            "SERVER",
            "USER",
            "GROUPS",
            "CREDENTIAL",
            "EXPIRES",
            "REACHABLE",
        ],
        rows,
    )
}

fn user(report: &Report) -> String {
    match (&report.identity, report.local_user()) {
        (Some(identity), _) => identity.user.shown_name().to_owned(),
        (None, Some(local)) if !local.username.is_empty() => {
            format!("{} (unverified)", local.username)
        }
        (None, _) => "unknown".to_owned(),
    }
}

/// Whether there was an answer of any kind.
fn reachable(report: &Report) -> &'static str {
    match report.failure.as_ref().map(Error::kind) {
        Some(Kind::Refused(_) | Kind::Protocol(_)) => "yes",
        Some(_) => "no",
        None if report.identity.is_some() => "yes",
        None => "not asked",
    }
}

/// The names that are known, a line each.
fn user_names(reports: &[Report]) -> String {
    let names = reports.iter().filter_map(Report::username);
    let lines = names.flat_map(|name| [terminal::printable(name, ""), "\n".into()]);
    lines.collect()
}

/// Says of each context what went wrong there, and what is to be made of all.
fn verdict(names: &[&str], reports: Vec<Report>, lasting: Option<Duration>) -> Result<(), Error> {
    let (mut refused, mut expiring, mut failed) = (0, 0, 0);
    let count = names.len();
    for (name, report) in names.iter().zip(reports) {
        let has_end = report.failure.is_some() || report.remaining().is_some();
        if lasting.is_some() && !has_end {
            stderr::say(&format!("context {name:?}: {NO_END}"));
        }
        let Err(error) = report.verdict(lasting.filter(|_| has_end)) else {
            continue;
        };
        stderr::say(&format!("context {name:?}: {error}"));
        if let Some(hint) = error.hint() {
            stderr::say(&format!("hint: {hint}"));
        }
        match error.kind() {
            Kind::Expiring(_) => expiring += 1,
            Kind::Refused(status) if status.code != 401 => refused += 1,
            _ => failed += 1,
        }
    }
    let of_all = |some: usize| format!("{some} of {count} contexts");
    match (failed, refused, expiring) {
        (1.., _, _) => Err(Error::connection(format!(
            "error: could not log in to or reach the server in {}",
            of_all(failed)
        ))),
        (0, 1.., _) => Err(Kind::Unmet(format!(
            "the server refused to say who it is in {}",
            of_all(refused)
        ))
        .into()),
        (0, 0, 1..) => Err(Kind::Expiring(format!(
            "the credential lasts for less than --fail-if-expires-within in {}",
            of_all(expiring)
        ))
        .into()),
        (0, 0, 0) => Ok(()),
    }
}
