//! Flags for patching the objects of a collection.

use clap::Args;
use kubectl_plugin::Error;

/// The default of `--max-in-flight`.
pub(crate) const MAX_IN_FLIGHT: usize = 16;

/// The flags for patching several objects.
#[derive(Args)]
pub(crate) struct CollectionArgs {
    /// Patch every object of the collection PATH
    #[arg(help_heading = "Collections", long)]
    pub(crate) all: bool,
    /// Patch the objects of PATH with matching labels
    #[arg(
        help_heading = "Collections",
        short = 'l',
        long,
        value_name = "SELECTOR"
    )]
    pub(crate) selector: Option<String>,
    /// Patch the objects of PATH with matching fields
    #[arg(
        help_heading = "Collections",
        long,
        value_name = "SELECTOR",
        hide_short_help = true
    )]
    pub(crate) field_selector: Option<String>,
    /// Patch the objects whose paths are in this file, one a line; - reads stdin
    ///
    /// Replaces PATH. Empty lines and lines that begin with # are ignored.
    #[arg(
        help_heading = "Collections",
        long,
        value_name = "FILE",
        hide_short_help = true
    )]
    pub(crate) paths_from: Option<String>,
    /// Patch more than 10 objects without asking
    #[arg(help_heading = "Collections", short = 'y', long)]
    pub(crate) yes: bool,
    /// Number of requests at the same time [default: 16]
    #[arg(
        help_heading = "Collections",
        long,
        value_name = "N",
        value_parser = |text: &str| parse_count("--max-in-flight", text),
        hide_short_help = true
    )]
    pub(crate) max_in_flight: Option<usize>,
    /// Stop after this many failures [default: no limit, but stop if the first 20 objects fail]
    #[arg(
        help_heading = "Collections",
        long,
        value_name = "N",
        value_parser = |text: &str| parse_count("--max-failures", text),
        hide_short_help = true
    )]
    pub(crate) max_failures: Option<usize>,
    /// Write the paths that need another try to this file, for --paths-from
    #[arg(
        help_heading = "Collections",
        long,
        value_name = "FILE",
        hide_short_help = true
    )]
    pub(crate) failed_to: Option<String>,
    /// Fail for each object that has changed since it was listed
    #[arg(help_heading = "Collections", long, hide_short_help = true)]
    pub(crate) if_unchanged_since_list: bool,
}

impl CollectionArgs {
    /// Reports whether several objects are patched.
    pub(crate) fn is_used(&self) -> bool {
        self.paths_from.is_some() || self.lists()
    }

    /// Reports whether the objects come from a list of a collection.
    pub(crate) fn lists(&self) -> bool {
        self.all || self.label_selector().is_some() || self.fields().is_some()
    }

    /// Returns the value of `--selector`. As in kubectl, an empty selector counts as absent.
    pub(crate) fn label_selector(&self) -> Option<&str> {
        without_empty(self.selector.as_deref())
    }

    /// Returns the value of `--field-selector`.
    pub(crate) fn fields(&self) -> Option<&str> {
        without_empty(self.field_selector.as_deref())
    }

    /// Returns the first flag that only applies to several objects, although none are chosen.
    pub(crate) fn unused_flag(&self) -> Option<&'static str> {
        let flags = [
            ("--max-in-flight", self.max_in_flight.is_some()),
            ("--max-failures", self.max_failures.is_some()),
            ("--failed-to", self.failed_to.is_some()),
            ("--if-unchanged-since-list", self.if_unchanged_since_list),
        ];
        let given = flags.iter().find(|(_, is_given)| *is_given);
        given.map(|(flag, _)| *flag).filter(|_| !self.is_used())
    }
}

fn without_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Parses the value of `flag`, a positive number.
fn parse_count(flag: &str, text: &str) -> Result<usize, Error> {
    match text.parse() {
        Ok(count @ 1..) => Ok(count),
        _ => Err(Error::usage(format!(
            "invalid value {text:?} for {flag}: must be a positive number"
        ))),
    }
}
