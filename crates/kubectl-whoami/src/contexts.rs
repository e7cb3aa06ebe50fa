//! `--all-contexts`: a report for every context of the kubeconfig.
//!
//! The servers are asked at the same time, each with the timeout [`WhoamiArgs::context_timeout`],
//! so a server that does not answer does not delay the others. [`Contexts`] reads the kubeconfig
//! once, and runs an exec plugin once for all contexts that share it.

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
use crate::remaining;
use crate::report::columns::{Cell, Layout, columns};
use crate::report::document::Document;
use crate::report::format::Format;
use crate::report::list::List;
use crate::report::{NO_EXPIRY_NOTE, Report};

/// The maximum number of contexts that are asked at the same time. Each may need a process for its
/// exec plugin, and a few files.
const MAX_CONCURRENT: usize = 32;

/// The number of columns that a narrow terminal shows: all that tell whether a login works.
const FIRST_COLUMNS: usize = 5;

/// Asks the servers of all contexts, and prints the reports in the order of the names.
///
/// # Errors
/// The worst failure among the contexts.
pub(crate) async fn whoami(arguments: &WhoamiArgs) -> Result<(), Error> {
    let format = Format::parse(arguments)?;
    if let Format::Review(_) | Format::Subjects(_) = format {
        return Err(
            Error::usage("this -o format cannot be used with --all-contexts")
                .with_hint("use -o json, yaml, jsonpath=TEMPLATE or name"),
        );
    }
    let min_validity = arguments.fail_if_expires_within;
    let time = arguments.context_timeout()?;
    // The timeout applies to a context as a whole, not to each request.
    let mut connection = arguments.connection.clone();
    connection.request_timeout = None;
    let contexts = Contexts::read(&connection)?;
    contexts.notes().iter().for_each(|note| stderr::say(note));
    let names = contexts.names()?;
    let reports = ask_all(&contexts, &names, arguments.offline, time).await;
    let written = match format {
        Format::Document(output) => {
            output.write_struct(&reports.iter().map(Document::whole).collect::<List<_>>())
        }
        Format::Name => write(user_names(&reports).as_bytes()),
        Format::Wide => write_coloured(&table(&reports, Layout::Whole)),
        _ => write_coloured(&table(&reports, Layout::Fitted(FIRST_COLUMNS))),
    };
    overall_result(&names, reports, min_validity).and(written)
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
        .map(async |(index, name)| (index, ask(contexts, name, is_offline, time).await));
    let mut answers = stream::iter(asked).buffer_unordered(MAX_CONCURRENT);
    let mut reports = Vec::with_capacity(names.len());
    while let Some(report) = answers.next().await {
        reports.push(report);
        say(reports.len());
    }
    reports.sort_unstable_by_key(|(index, _)| *index);
    reports.into_iter().map(|(_, report)| report).collect()
}

async fn ask(contexts: &Contexts, name: &str, is_offline: bool, time: Option<Duration>) -> Report {
    let server = match ApiServer::for_context(contexts, name) {
        Ok(server) => server,
        Err(error) => return Report::unprepared(name, error),
    };
    let report = Report::gather(&server, is_offline);
    let Some(time) = time else {
        return report.await;
    };
    if let Ok(report) = tokio::time::timeout(time, report).await {
        return report;
    }
    let line = format!("Unable to connect to the server: no response within {time:?}");
    let error = Error::connection(line).with_hint("raise the limit, as in --request-timeout=30s");
    Report::failed(&server, error).await
}

fn table(reports: &[Report], layout: Layout) -> String {
    let is_coloured = terminal::is_coloured(&io::stdout());
    let rows = reports.iter().map(|report| {
        let credential = &report.authentication.used;
        let remaining = report.remaining();
        let colour = remaining.and_then(remaining::colour);
        [
            Cell::from(report.target.context.as_deref().unwrap_or_default()),
            user(report).into(),
            credential.description().into(),
            Cell::from(remaining.map_or_else(String::new, remaining::from_now))
                .coloured(colour.filter(|_| is_coloured)),
            reachable(report).into(),
            report.target.server.as_str().into(),
            groups(report, layout).into(),
        ]
    });
    columns(
        [
            "CONTEXT",
            "USER",
            "CREDENTIAL",
            "EXPIRES",
            "REACHABLE",
            "SERVER",
            "GROUPS",
        ],
        rows,
        layout,
    )
}

/// Returns the groups. There may be a thousand, so only [`Layout::Whole`] shows them all.
fn groups(report: &Report, layout: Layout) -> String {
    let identity = report.identity.as_ref();
    let groups = identity.map_or(&[] as &[String], |identity| &identity.user.groups);
    match groups {
        [first, second, _, _, ..] if layout != Layout::Whole => {
            format!("{first},{second},+{}", groups.len() - 2)
        }
        groups => groups.join(","),
    }
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

/// Returns the cell that shows whether there was a response of any kind.
fn reachable(report: &Report) -> &'static str {
    match report.failure.as_ref().map(Error::kind) {
        Some(Kind::Refused(_) | Kind::Protocol(_)) => "yes",
        Some(Kind::Anonymous(_)) => "anonymously",
        Some(_) => "no",
        None if report.identity.is_some() => "yes",
        None => "not asked",
    }
}

/// Returns the known user names, one per line.
fn user_names(reports: &[Report]) -> String {
    let names = reports.iter().filter_map(Report::username);
    let lines = names.flat_map(|name| [terminal::printable(name, ""), "\n".into()]);
    lines.collect()
}

/// Prints the failure of each context. Returns the outcome of the whole command.
fn overall_result(
    names: &[&str],
    reports: Vec<Report>,
    min_validity: Option<Duration>,
) -> Result<(), Error> {
    let (mut refused, mut expiring, mut failed) = (0, 0, 0);
    let count = names.len();
    for (name, report) in names.iter().zip(reports) {
        if let Some(note) = report.note() {
            stderr::say(&format!("context {name:?}: {note}"));
        }
        let never_expires = report.never_expires();
        if min_validity.is_some() && never_expires {
            stderr::say(&format!("context {name:?}: {NO_EXPIRY_NOTE}"));
        }
        let Err(error) = report.into_result(min_validity.filter(|_| !never_expires)) else {
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
            "error: connection or authentication failed in {}",
            of_all(failed)
        ))),
        (0, 1.., _) => Err(Kind::Unmet(format!(
            "the server did not reveal your identity in {}",
            of_all(refused)
        ))
        .into()),
        (0, 0, 1..) => Err(Kind::Expiring(format!(
            "the credential expires too soon for --fail-if-expires-within in {}",
            of_all(expiring)
        ))
        .into()),
        (0, 0, 0) => Ok(()),
    }
}
