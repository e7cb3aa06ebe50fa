//! The report for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use kubectl_plugin::utc;

use crate::credential::{Kind, Presented};
use crate::remaining;
use crate::report::Report;

/// A line a value, the names in a column of their own.
pub(crate) fn of(report: &Report) -> String {
    let mut table = Table::default();
    let used = &report.login.used;
    match &report.identity {
        Some(identity) => {
            table.row("Username", &identity.user.username);
            table.row("UID", &identity.user.uid);
            table.rows("Groups", identity.user.groups.iter().map(String::as_str));
            for (key, values) in &identity.user.extra {
                table.row("Extra", &format!("{key}: {}", values.join(", ")));
            }
        }
        None => {
            table.row(
                "Username",
                &format!("{} (unverified)", used.local_user.username),
            );
        }
    }
    table.row("Source", &report.source().to_string());
    table.row(
        "Context",
        report.target.context.as_deref().unwrap_or_default(),
    );
    table.row("Server", &report.target.server);
    table.row("Namespace", &report.target.namespace);
    table.row("Credential", kind(used));
    if let Some(expires) = used.expires {
        table.row("Expires", &expiry(expires, report.now));
    }
    table.0
}

#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, name: &str, value: &str) {
        self.rows(name, [value].into_iter().filter(|value| !value.is_empty()));
    }

    fn rows<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        for (index, value) in values.enumerate() {
            let name = if index == 0 {
                format!("{name}:")
            } else {
                String::new()
            };
            let _ = writeln!(self.0, "{name:<14}{value}");
        }
    }
}

fn kind(presented: &Presented) -> &'static str {
    match presented.kind {
        Kind::ClientCertificate => "client certificate",
        Kind::BearerToken => "bearer token",
        Kind::Basic => "basic",
        Kind::None => "none",
    }
}

fn expiry(expires: Timestamp, now: Timestamp) -> String {
    let date = utc::minute(expires.as_second());
    let remaining = expires.duration_since(now);
    let words = remaining::words(remaining);
    if remaining.is_negative() {
        format!("{words} ago, at {date}")
    } else {
        format!("in {words}, at {date}")
    }
}
