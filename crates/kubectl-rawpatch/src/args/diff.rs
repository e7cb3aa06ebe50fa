//! The flags that show what a patch would change.

use clap::Args;

/// The flags that show what a patch would change.
#[derive(Args)]
pub(crate) struct DiffArgs {
    /// Show what the patch would change; store nothing
    #[arg(long)]
    pub(crate) diff: bool,
    /// With --diff: ask on the terminal whether to send the patch
    #[arg(short, long, hide_short_help = true)]
    pub(crate) interactive: bool,
    /// With --diff: show the values of Secrets
    #[arg(long, hide_short_help = true)]
    pub(crate) show_secrets: bool,
}
