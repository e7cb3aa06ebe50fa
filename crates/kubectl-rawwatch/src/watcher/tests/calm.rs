//! `--stable` in virtual time.

use super::*;

const STABLE: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn stable() -> Options {
    Options {
        stable: Some(STABLE),
        ..options()
    }
}

impl Play {
    /// Lets the time pass at which the stream is checked, and returns it.
    fn check(&mut self) -> Duration {
        let Demand::Read { until } = self.watcher.demand() else {
            panic!("{:?}", self.watcher.demand());
        };
        self.now = until;
        self.step(Input::Elapsed);
        until
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.output.notes)
    }
}

#[test]
fn a_list_confirms_that_a_silent_stream_has_missed_nothing() {
    let mut play = Play::streaming(stable());
    assert_eq!(play.check(), STABLE);
    play.audits("", None);
    assert_eq!(play.notes(), [""; 0]);
    play.side_page(&page("40", "", &["a@1"]));
    assert_eq!(play.notes(), ["stable: true"]);
    // It is asked once.
    play.check();
    assert_ne!(
        play.watcher.side_request(),
        Some(SideRequest::Audit {
            token: String::new(),
            at: None
        })
    );
}

#[test]
fn a_change_restarts_the_time_and_a_bookmark_does_not() {
    let mut play = Play::streaming(stable());
    play.now = at(4);
    play.step(Input::Line(line("MODIFIED a@11").as_bytes()));
    play.now = at(9);
    play.step(Input::Line(line("BOOKMARK 12").as_bytes()));
    assert_eq!(play.check(), at(14));
    play.side_page(&page("40", "", &["a@11"]));
    assert_eq!(play.notes(), ["stable: true"]);
    play.now = at(15);
    play.step(Input::Line(line("DELETED a@41").as_bytes()));
    assert_eq!(play.notes(), ["stable: false"]);
    assert_eq!(play.check(), at(25));
}

#[test]
fn a_change_that_the_stream_does_not_deliver_is_no_calm() {
    let mut play = Play::streaming(stable());
    play.check();
    play.side_page(&page("40", "", &["a@20"]));
    assert_eq!(play.notes(), [""; 0]);
    // The event comes after all.
    play.now = at(11);
    play.step(Input::Line(line("MODIFIED a@20").as_bytes()));
    play.now = at(12);
    play.step(Input::Line(line("BOOKMARK 40").as_bytes()));
    assert_eq!(play.notes(), [""; 0]);
    assert_eq!(play.check(), at(21));
}

#[test]
fn the_time_stands_still_during_an_outage() {
    let mut play = Play::streaming(stable());
    play.now = at(6);
    play.step(Input::Closed(Closed::Broken("cut".to_owned())));
    play.now = at(60);
    play.open("10");
    play.probe("10");
    assert_eq!(play.check(), at(64));
    play.side_page(&page("40", "", &["a@1"]));
    assert_eq!(play.notes(), ["stable: true"]);
    // A lost connection ends the calm, until a LIST confirms it again.
    play.step(Input::Closed(Closed::Broken("cut".to_owned())));
    assert_eq!(play.notes(), ["stable: false"]);
}

#[test]
fn a_resync_without_a_difference_is_not_a_change() {
    let mut play = Play::streaming(stable());
    play.now = at(6);
    play.step(Input::Line(line("ERROR 410 Expired").as_bytes()));
    play.now = at(20);
    play.page(&page("50", "", &["a@1"]));
    play.open("50");
    play.output.notes.clear();
    assert_eq!(play.check(), at(24));
    play.side_page(&page("50", "", &["a@1"]));
    assert_eq!(play.notes(), ["stable: true"]);
}

#[test]
fn a_resync_with_a_difference_is_a_change() {
    let mut play = Play::streaming(stable());
    play.now = at(6);
    play.step(Input::Line(line("ERROR 410 Expired").as_bytes()));
    play.now = at(20);
    play.page(&page("50", "", &["a@40"]));
    play.now = at(21);
    play.open("50");
    assert_eq!(play.check(), at(31));
}

#[test]
fn a_list_that_fails_is_repeated_after_a_pause() {
    let mut play = Play::streaming(stable());
    play.check();
    play.fail_side_request(unreachable_server());
    play.asks_nothing();
    let next = play.check();
    assert!(next > STABLE && next < STABLE + at(1), "{next:?}");
    play.side_page(&page("40", "", &["a@1"]));
    assert_eq!(play.notes(), ["stable: true"]);
}

#[test]
fn equal_polls_are_calm() {
    let mut play = Play::new(Options {
        poll: Some(at(6)),
        ..stable()
    });
    for seconds in [0, 6] {
        play.now = at(seconds);
        play.page(&page("", "", &["a@1"]));
        assert_eq!(play.notes(), [""; 0]);
        play.wait();
    }
    play.page(&page("", "", &["a@1"]));
    assert_eq!(play.notes(), ["stable: true"]);
}
