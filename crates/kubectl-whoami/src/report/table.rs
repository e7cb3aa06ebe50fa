//! Renders a report as a table: names in the first column, one value per line.

use std::fmt::Write as _;

use jiff::SignedDuration;
use kubectl_plugin::text::{terminal, utc};

use crate::credential::{CredentialKind, SentCredential};
use crate::identity::{Identity, UserInfo};
use crate::remaining;
use crate::report::Report;

/// The first column of the values.
const COLUMN: usize = 15;

/// Renders the whole report.
pub(crate) fn render(report: &Report, is_coloured: bool) -> String {
    let mut table = Table {
        text: String::new(),
        is_coloured,
    };
    table.identity(report);
    table.text.push('\n');
    table.context(report);
    table.text.push('\n');
    table.credential(report);
    table.text
}

struct Table {
    text: String,
    is_coloured: bool,
}

impl Table {
    fn identity(&mut self, report: &Report) {
        match (&report.identity, report.local_user()) {
            (Some(identity), _) => self.user(&identity.user),
            (None, Some(local)) if !local.username.is_empty() => {
                self.row("Username", &format!("{} (unverified)", local.username));
                let groups = local
                    .groups
                    .iter()
                    .map(|name| format!("{name} (unverified)"));
                self.rows("Groups", groups);
            }
            (None, _) => self.row("Username", "unknown"),
        }
        let why = match (&report.identity, &report.failure) {
            (Some(_), _) => "",
            (None, Some(_)) => ": the server did not confirm the identity",
            (None, None) => ": the server was not asked",
        };
        self.row("Source", &format!("{}{why}", report.source()));
        if let Some(Identity { user, .. }) = &report.impersonator {
            let groups = user.groups.join(", ");
            let groups = if groups.is_empty() {
                groups
            } else {
                format!(" ({groups})")
            };
            self.row("Impersonator", &format!("{}{groups}", user.shown_name()));
        } else if report.impersonates && report.identity.is_some() {
            self.row("Impersonator", "unknown");
        }
    }

    fn user(&mut self, user: &UserInfo) {
        self.row("Username", user.shown_name());
        self.some("UID", Some(&user.uid).filter(|uid| !uid.is_empty()));
        self.rows("Groups", user.groups.iter());
        let extra = user.extra.iter();
        self.rows(
            "Extra",
            extra.map(|(key, values)| format!("{key}: {}", values.join(", "))),
        );
    }

    fn context(&mut self, report: &Report) {
        let target = &report.target;
        self.some("Context", target.context.as_ref());
        self.some("Cluster", target.cluster.as_ref());
        self.row("Server", &target.server);
        self.row("Namespace", &target.namespace);
    }

    fn credential(&mut self, report: &Report) {
        let authentication = &report.authentication;
        let used = &authentication.used;
        self.row("Credential", &used.description());
        self.some("Subject", used.subject.as_ref());
        self.some("Issuer", used.issuer.as_ref());
        self.rows("Audience", used.audiences.iter());
        let of_server = match &used.accepted_instead {
            _ if used.confirmed => " (accepted by the server)".to_owned(),
            Some(id) => format!(", but the server accepted {id}"),
            None => String::new(),
        };
        if let Some(fingerprint) = &used.fingerprint {
            self.row("Fingerprint", &format!("SHA256 {fingerprint}{of_server}"));
        }
        if let Some(id) = &used.id {
            self.row("ID", &format!("{id}{of_server}"));
        }
        if let Some(not_before) = used.not_before {
            self.row("Not before", &utc::minute(not_before.as_second()));
        }
        if used.kind != CredentialKind::None {
            let expiry = self.expiry(used, report.remaining());
            // Not `row`, which would escape the colours.
            let _ = writeln!(self.text, "{:COLUMN$}{expiry}", "Expires:");
        }
        let name = if authentication.is_used_known {
            "Not used"
        } else {
            "Also sent"
        };
        let others = authentication.others.iter().map(|other| {
            let what = other.description();
            match other.validity_problem(report.now) {
                Some(problem) => format!("{what}, which {problem}"),
                None => what,
            }
        });
        self.rows(name, others);
    }

    fn expiry(&self, used: &SentCredential, remaining: Option<SignedDuration>) -> String {
        let (Some(expires), Some(remaining)) = (used.expires, remaining) else {
            return "unknown".to_owned();
        };
        let date = utc::minute(expires.as_second());
        let text = format!("{}, at {date}", remaining::from_now(remaining));
        match remaining::colour(remaining).filter(|_| self.is_coloured) {
            Some(colour) => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
            None => text,
        }
    }

    fn some(&mut self, name: &str, value: Option<&String>) {
        self.rows(name, value.into_iter());
    }

    fn row(&mut self, name: &str, value: &str) {
        self.rows(name, [value].into_iter());
    }

    /// Writes the values of one name, each on one line and without control characters.
    fn rows(&mut self, name: &str, values: impl Iterator<Item = impl AsRef<str>>) {
        let mut label = format!("{name}:");
        for value in values {
            let value = terminal::printable(value.as_ref(), "");
            let _ = writeln!(self.text, "{label:COLUMN$}{value}");
            label.clear();
        }
    }
}
