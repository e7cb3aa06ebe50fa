//! Runs the command: prints one report, the reports of all contexts, or the results of `--can`.

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::{Error, stderr};

use crate::args::WhoamiArgs;
use crate::report::Report;
use crate::report::format::Format;
use crate::{can, contexts};

/// Runs the command.
pub(crate) async fn whoami(arguments: WhoamiArgs) -> Result<(), Error> {
    arguments.check()?;
    if arguments.can().next().is_some() {
        return can::check(&arguments).await;
    }
    if arguments.can_list {
        return can::rules::list(&arguments).await;
    }
    if arguments.all_contexts {
        return contexts::whoami(&arguments).await;
    }
    let format = Format::parse(&arguments)?;
    let server = ApiServer::connect(&arguments.connection)?;
    let report = Report::gather(&server, arguments.offline).await;
    let written = format.write(&report);
    if let Some(note) = report.note() {
        stderr::say(&note);
    }
    report
        .into_result(arguments.fail_if_expires_within)
        .and(written)
}
