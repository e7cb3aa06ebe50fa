//! Runs the command: one patch to one object.

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::Output;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::{Error, stderr};

use crate::apply::{Effect, Policy, apply, check_policy};
use crate::args::PatchArgs;
use crate::body::PatchType;
use crate::collection::patch_several;
use crate::diff;
use crate::hints;
use crate::report::{report_success, say_outcome};
use crate::request::PatchRequest;
use crate::source;

/// Runs the command.
pub(crate) async fn patch(arguments: PatchArgs) -> Result<(), Error> {
    let output = arguments.output.parse()?;
    if arguments.collection.is_used() {
        return patch_several(&arguments, &output).await;
    }
    if let Some(flag) = arguments.collection.unused_flag() {
        return Err(
            Error::usage(format!("{flag} is for several objects")).with_hint(format!(
                "remove {flag}, or use --all, -l or --field-selector"
            )),
        );
    }
    let path = match arguments.path()? {
        path if arguments.verbatim => RawPath::verbatim(path)?,
        path => path.parse()?,
    };
    let patch = source::read(&arguments)?;
    let original = arguments.curl.then(|| patch.clone());
    let server = ApiServer::connect(&arguments.connection)?
        .with_headers_shown(arguments.include)
        .with_stdin_in_use(source::reads_stdin(&arguments));
    let mut request = PatchRequest::new(&arguments, server.path(path)?, patch)?;
    diff::check_flags(&arguments, &request)?;
    check_policy(&arguments.outcome, &request)?;
    if let Some(warning) = &request.warning {
        stderr::warn(warning);
    }
    if let Some(original) = original {
        return print_curl(&arguments, request, &original, &server);
    }
    let policy = Policy::new(&arguments.outcome);
    if arguments.diff.diff {
        return show_diff(&arguments, &mut request, &policy, &server).await;
    }
    match apply(&mut request, &policy, &server).await {
        Ok(applied) => {
            report_success(&request, &applied, &server, &output)?;
            if arguments.outcome.fail_if_unchanged && applied.effect == Effect::Unchanged {
                return Err(Kind::Unmet("the patch changed nothing".to_owned()).into());
            }
        }
        Err(error) => return Err(report_refusal(error, &request, &policy, &server, &output).await),
    }
    match arguments.failing_warnings(&server) {
        Some(count) => Err(Kind::Warnings { count }.into()),
        None => Ok(()),
    }
}

/// Shows what the patch would change. With `--interactive`, also applies it if the user agrees.
async fn show_diff(
    arguments: &PatchArgs,
    request: &mut PatchRequest,
    policy: &Policy,
    server: &ApiServer,
) -> Result<(), Error> {
    let shown = if arguments.diff.interactive {
        diff::ask_and_apply(arguments, request, policy, server).await
    } else {
        let shown = diff::diff(arguments, request, policy, server).await;
        shown.map(|()| None)
    };
    match shown {
        Ok(applied) => {
            if let Some(applied) = applied {
                say_outcome(request, &applied);
            }
            Ok(())
        }
        Err(error) => {
            let error = hints::add(error, request, policy, server).await;
            Err(error.into_refused_check())
        }
    }
}

/// Prints the curl command for the patch. Sends nothing.
fn print_curl(
    arguments: &PatchArgs,
    mut request: PatchRequest,
    original: &[u8],
    server: &ApiServer,
) -> Result<(), Error> {
    if arguments.outcome.reads_first() {
        return Err(Error::usage(
            "--curl prints one request, but --exactly-once and --fail-if-unchanged send several",
        )
        .with_hint("remove --curl, or remove the other flag"));
    }
    if let Some(resource_version) = &arguments.outcome.if_resource_version {
        if request.patch_type == PatchType::Apply {
            return Err(Error::usage(
                "--curl does not support --if-resource-version with --type apply: this combination reads the object first",
            )
            .with_hint(
                "remove --if-resource-version, and put the object's metadata.uid and \
                 metadata.resourceVersion into the patch",
            ));
        }
        request.guard(resource_version, None)?;
    }
    let request = request.to_api_request();
    let source = source::for_curl(arguments).filter(|_| request.body == original);
    server.print_curl(request, source.as_ref(), &arguments.connection)
}

/// Writes the Status of a refusal in the output format, and adds a hint to the error. Returns any other
/// error unchanged.
async fn report_refusal(
    error: Error,
    request: &PatchRequest,
    policy: &Policy,
    server: &ApiServer,
    output: &Output,
) -> Error {
    let Kind::Refused(status) = error.kind() else {
        return error;
    };
    if let Err(not_written) = output.write_refusal(status) {
        stderr::say(&not_written.to_string());
    }
    hints::add(error, request, policy, server).await
}
