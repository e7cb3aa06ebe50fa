//! Renders a report as a table of names and values.

use jiff::SignedDuration;
use kubectl_plugin::text::utc;

use crate::credential::{CredentialKind, SentCredential};
use crate::identity::{Identity, UserInfo};
use crate::remaining;
use crate::report::Report;
use crate::report::lines::Lines;

/// Renders the whole report.
pub(crate) fn render(report: &Report, is_coloured: bool) -> String {
    let mut table = Table {
        lines: Lines::default(),
        is_coloured,
    };
    table.identity(report);
    table.lines.blank();
    table.context(report);
    table.lines.blank();
    table.credential(report);
    table.lines.into_text()
}

struct Table {
    lines: Lines,
    is_coloured: bool,
}

impl Table {
    fn identity(&mut self, report: &Report) {
        match (&report.identity, report.local_user()) {
            (Some(identity), _) => self.user(&identity.user),
            (None, Some(local)) if !local.username.is_empty() => {
                self.lines
                    .row("Username", &format!("{} (unverified)", local.username));
                let groups = local
                    .groups
                    .iter()
                    .map(|name| format!("{name} (unverified)"));
                self.lines.rows("Groups", groups);
            }
            (None, _) => self.lines.row("Username", "unknown"),
        }
        let why = match (&report.identity, &report.failure) {
            (Some(_), _) => "",
            (None, _) if report.impersonator.is_some() => " (about the impersonator only)",
            (None, Some(_)) => ": the server did not confirm the identity",
            (None, None) => ": the server was not asked",
        };
        self.lines
            .row("Source", &format!("{}{why}", report.source()));
        if let Some(Identity { user, .. }) = &report.impersonator {
            let groups = user.groups.join(", ");
            let groups = if groups.is_empty() {
                groups
            } else {
                format!(" ({groups})")
            };
            self.lines
                .row("Impersonator", &format!("{}{groups}", user.shown_name()));
        } else if report.impersonates && report.identity.is_some() {
            self.lines.row("Impersonator", "unknown");
        }
    }

    fn user(&mut self, user: &UserInfo) {
        self.lines.row("Username", user.shown_name());
        self.lines
            .some("UID", Some(&user.uid).filter(|uid| !uid.is_empty()));
        self.lines.rows("Groups", user.groups.iter());
        let extra = user.extra.iter();
        self.lines.rows(
            "Extra",
            extra.map(|(key, values)| format!("{key}: {}", values.join(", "))),
        );
    }

    fn context(&mut self, report: &Report) {
        let target = &report.target;
        self.lines.some("Context", target.context.as_ref());
        self.lines.some("Cluster", target.cluster.as_ref());
        if let Some(user) = &target.user {
            let file = target.user_file.as_ref();
            let file = file.map_or_else(String::new, |file| format!(" in {file}"));
            self.lines.row("User", &format!("{user}{file}"));
        }
        self.lines.row("Server", &target.server);
        self.lines.row("Namespace", &target.namespace);
    }

    fn credential(&mut self, report: &Report) {
        let authentication = &report.authentication;
        let used = &authentication.used;
        self.lines.row("Credential", &used.description());
        self.claims(used);
        let of_server = match &used.accepted_instead {
            _ if used.confirmed => " (accepted by the server)".to_owned(),
            Some(id) => format!(", but the server accepted {id}"),
            None => String::new(),
        };
        if let Some(fingerprint) = &used.fingerprint {
            self.lines
                .row("Fingerprint", &format!("SHA256 {fingerprint}{of_server}"));
        }
        if let Some(id) = &used.id {
            self.lines.row("ID", &format!("{id}{of_server}"));
        }
        if let Some(not_before) = used.not_before {
            self.lines
                .row("Not before", &utc::minute(not_before.as_second()));
        }
        if used.kind != CredentialKind::None {
            let expiry = self.expiry(used, report.remaining());
            self.lines.coloured_row("Expires", &expiry);
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
        self.lines.rows(name, others);
    }

    /// Writes the contents of a certificate or token that describe its owner.
    fn claims(&mut self, used: &SentCredential) {
        self.lines.some("Subject", used.subject.as_ref());
        self.lines.some("Issuer", used.issuer.as_ref());
        self.lines.rows("Audience", used.audiences.iter());
        let email = used
            .email
            .as_ref()
            .map(|email| match used.is_email_verified {
                Some(true) => format!("{email} (verified)"),
                Some(false) => format!("{email} (not verified)"),
                None => email.clone(),
            });
        self.lines.some("Email", email.as_ref());
        self.lines.rows("Groups claim", used.groups.iter());
        self.lines.some("Access key", used.access_key_id.as_ref());
        self.lines.some("Region", used.region.as_ref());
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
}
