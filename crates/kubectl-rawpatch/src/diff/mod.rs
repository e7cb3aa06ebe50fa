//! Shows what a patch would change, and sends it if the user agrees.
//!
//! * here: `--diff` for one object, and the question of `--interactive`
//! * `flags`: refuses flags that contradict `--diff`, and flags that need it
//! * `comparison`: reads the object, and the result of a dry run, at one version
//! * `secrets`: masks the values of Secrets
//! * `unified`: writes the difference as a unified diff
//! * `external`: shows the difference with the program in `$KUBECTL_EXTERNAL_DIFF`

mod comparison;
mod external;
mod flags;
mod secrets;
mod unified;

use std::io;
use std::io::IsTerminal;
use std::process::Stdio;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::dialog::Terminal;
use kubectl_plugin::error::Kind;
use kubectl_plugin::text::terminal;
use kubectl_plugin::{Error, output, stderr};

use crate::apply::{Applied, Policy, apply};
use crate::args::PatchArgs;
use crate::request::PatchRequest;

pub(crate) use comparison::{Comparison, Shown};
use external::ExternalDiff;
pub(crate) use flags::check as check_flags;

/// A resource version that no stored object has, because etcd counts changes from 2. In an apply patch, it
/// allows only the creation of a missing object.
const NO_VERSION: &str = "1";

/// Shows what the patch would change. Stores nothing.
///
/// # Errors
/// [`Kind::Differs`] if the patch would change the object.
pub(crate) async fn diff(
    arguments: &PatchArgs,
    request: &PatchRequest,
    policy: &Policy,
    server: &ApiServer,
) -> Result<(), Error> {
    let comparison = Comparison::read(request, policy, Shown::new(arguments), server).await?;
    let differs = match ExternalDiff::from_environment() {
        Some(external) => external.run(&comparison, Stdio::inherit()).await?,
        None => show(&comparison)?,
    };
    fail_on_warnings(arguments, server)?;
    if differs {
        Err(Kind::Differs.into())
    } else {
        Ok(())
    }
}

/// Shows on the terminal what the patch would change, asks, and applies the patch to the version that was
/// shown. Returns `None` if there is nothing to change.
///
/// # Errors
/// [`Kind::NotConfirmed`] if the user does not agree.
pub(crate) async fn ask_and_apply(
    arguments: &PatchArgs,
    request: &mut PatchRequest,
    policy: &Policy,
    server: &ApiServer,
) -> Result<Option<Applied>, Error> {
    let mut terminal = Terminal::open(
        "--interactive",
        "run the command on a terminal, or use --diff without --interactive",
    )?;
    let comparison = Comparison::read(request, policy, Shown::new(arguments), server).await?;
    if !comparison.differs() {
        fail_on_warnings(arguments, server)?;
        stderr::say(&comparison.describe_equal());
        if arguments.outcome.fail_if_unchanged {
            return Err(Kind::Unmet("the patch changes nothing".to_owned()).into());
        }
        return Ok(None);
    }
    let policy = guarded(request, policy, &comparison)?;
    show_on(&mut terminal, &comparison).await?;
    fail_on_warnings(arguments, server)?;
    let question = format!("Apply this patch to {}?", comparison.object);
    if !terminal.confirm(&question).await? {
        return Err(Kind::NotConfirmed.into());
    }
    match apply(request, &policy, server).await {
        Err(error) if error.is_conflict() => Err(error.with_hint(
            "the object has changed since it was shown: run the command again to see the difference now",
        )),
        applied => applied.map(Some),
    }
}

/// Writes the difference to stdout. Returns whether there is one.
fn show(comparison: &Comparison) -> Result<bool, Error> {
    if terminal::is_coloured(&io::stdout()) {
        output::write_coloured(&comparison.unified(true))?;
    } else {
        output::write(comparison.unified(false).as_bytes())?;
    }
    let differs = comparison.differs();
    if !differs && (comparison.hides_managers || io::stderr().is_terminal()) {
        stderr::say(&comparison.describe_equal());
    }
    Ok(differs)
}

/// Shows the difference on the terminal.
async fn show_on(terminal: &mut Terminal, comparison: &Comparison) -> Result<(), Error> {
    if let Some(external) = ExternalDiff::from_environment() {
        external.run(comparison, terminal.to_stdio()?).await?;
        return Ok(());
    }
    if terminal.is_coloured() {
        return terminal.show(&comparison.unified(true));
    }
    terminal.show(&terminal::printable(&comparison.unified(false), "\n\t"))
}

/// Limits the patch to the version that is shown. Returns the policy for that.
fn guarded(
    request: &mut PatchRequest,
    policy: &Policy,
    comparison: &Comparison,
) -> Result<Policy, Error> {
    match &comparison.resource_version {
        Some(version) => {
            request.clone().guard(version, None)?;
            let mut policy = policy.clone();
            policy.if_resource_version = Some(version.clone());
            Ok(policy)
        }
        None if comparison.exists() => Err(Error::protocol(
            "the object has no resource version, so --interactive cannot limit the patch to the version \
             that it shows",
        )
        .with_hint("use --diff, and then send the patch without it")),
        None => {
            request.guard(NO_VERSION, None)?;
            let mut policy = policy.clone();
            // Reading the object again would replace the guard, and patch an object that was not shown.
            policy.reads_first = false;
            Ok(policy)
        }
    }
}

/// Fails with `--warnings-as-errors` if the server has sent a warning.
fn fail_on_warnings(arguments: &PatchArgs, server: &ApiServer) -> Result<(), Error> {
    match arguments.failing_warnings(server) {
        Some(count) => Err(Kind::CheckWarnings { count }.into()),
        None => Ok(()),
    }
}
