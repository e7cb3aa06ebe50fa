//! Asks before many objects are patched.

use std::io;
use std::io::IsTerminal;

use kubectl_plugin::Error;
use kubectl_plugin::dialog::Terminal;
use kubectl_plugin::error::Kind;

/// The number of objects that are patched without a confirmation.
const MAX_UNASKED: usize = 10;

/// The hint of the error without a terminal.
const HINT: &str = "add --yes, or try the patch first with --dry-run";

/// Asks whether to patch `count` objects, which `source` describes. Nothing is asked if there are few.
pub(crate) async fn ask(count: usize, source: &str) -> Result<(), Error> {
    if count <= MAX_UNASKED {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Error::usage(format!(
            "{count} objects would be patched, which needs a confirmation, but stdin is not a \
             terminal; nothing was sent"
        ))
        .with_hint(HINT));
    }
    let terminal = Terminal::open(&format!("patching {count} objects"), HINT)?;
    let question = format!("Patch {count} objects of {source}?");
    if terminal.confirm(&question).await? {
        Ok(())
    } else {
        Err(Kind::NotConfirmed.into())
    }
}
