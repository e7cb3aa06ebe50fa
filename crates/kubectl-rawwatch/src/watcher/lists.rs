//! Handles the pages of LISTs: the initial state, and resyncs.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::refusal;
use kubectl_plugin::error::Kind;

use super::{EventSink, Options, State, Stop, Watcher, stop_when_done};
use crate::watcher::cursor::Cursor;
use crate::watcher::listing::{Listing, Reason};
use crate::wire::page::Page;

/// Parses the page in a successful response. A `Status` in its place is a refusal. Only a poll can
/// compare objects without a resource version.
pub(super) fn page_of<'a>(body: &'a [u8], options: &Options) -> Result<Page<'a>, Error> {
    let page = match options.poll {
        Some(_) => Page::parse_any(body),
        None => Page::parse(body),
    };
    page.map_err(|error| refusal(body, options.is_secret).unwrap_or(error))
}

impl Watcher {
    pub(super) fn take_page(
        &mut self,
        now: Duration,
        body: &[u8],
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        let State::Listing(listing) = &mut self.state else {
            return Ok(());
        };
        let page = page_of(body, &self.options)?;
        if !self.is_seeding {
            output.page(&page)?;
        }
        let (counts, is_seeding) = (&mut self.counts, self.is_seeding);
        let calm = &mut self.calm;
        counts.bytes += body.len() as u64;
        let listed = listing.take(&page, &mut self.index, |index, line| {
            if is_seeding {
                output.existing(line)?;
            } else {
                output.line(line)?;
                counts.events += 1;
            }
            index.apply(line.event_type, &line.identity);
            calm.disturb(now);
            stop_when_done(output)
        })?;
        self.has_connected = true;
        self.outage = None;
        self.failures.refused_since = None;
        self.failures.unexplained = None;
        self.backoff.reset();
        let Some(listed) = listed else {
            return Ok(());
        };
        self.state = match self.options.poll {
            Some(interval) => State::Waiting {
                until: now + interval,
                then: Box::new(State::Listing(Listing::resync(
                    Reason::Poll,
                    listed.version.clone(),
                ))),
            },
            None => State::Opening,
        };
        if !self.is_listed {
            self.calm.disturb(now);
        } else if self.polls() {
            self.calm.confirm(now);
        }
        self.cursor = Cursor::complete(listed.version);
        if let Some(summary) = listed.summary.filter(|_| !self.is_seeding) {
            self.counts.resyncs += 1;
            output.message(&summary);
        }
        self.is_seeding = false;
        self.is_listed = true;
        self.knows_all = true;
        output.synced();
        stop_when_done(output)
    }

    /// Replaces lost events with a LIST, if the user allows it.
    pub(super) fn resync(
        &mut self,
        now: Duration,
        reason: Reason,
        output: &mut impl EventSink,
    ) -> Result<(), Stop> {
        self.drop_checks();
        let since = self.cursor.resume_from().clone();
        if self.options.fail_on_gap {
            let gap = format!(
                "{}: events after resource version {since} were lost ({})",
                self.options.path,
                reason.description()
            );
            let hint =
                "use --on-gap=resync to continue and print the differences as synthetic events";
            return Err(Error::from(Kind::Gap(gap)).with_hint(hint).into());
        }
        output.trace(&format!(
            "rawwatch: {}: resyncing after {}",
            self.options.path,
            reason.description()
        ));
        let listing = State::Listing(Listing::resync(reason, since));
        self.proceed(now, Duration::ZERO, listing);
        Ok(())
    }
}
