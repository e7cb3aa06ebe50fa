//! What the help of all plugins has in common: for `-h` a screen of the plugin's own flags, for
//! `--help` a first screen with examples, and all flags behind it.

/// The order of the parts: `before_long_help` is the place of the examples, so that they are on the
/// first screen, and `after_long_help` that of the exit codes.
pub const HELP_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}{after-help}";

/// The end of the short help, which leaves the connection flags out.
pub const AFTER_SHORT_HELP: &str = "\
The connection flags are kubectl's (--context, --as, --token, -n, -v and more).
They, examples and exit codes are in the long form, `--help`.";
