//! Tests with scripted schedules in virtual time. [`oracle`] plays random schedules.

use kubectl_plugin::error::Kind;

use super::streams::CLEAN_PAUSE;
use super::*;
use crate::wire::event::EventType;

mod calm;
mod oracle;

/// A recorder of everything that a watcher prints.
#[derive(Default)]
pub(super) struct Recorder {
    /// `TYPE name@version`, in brackets if it is synthetic.
    pub(super) lines: Vec<String>,
    pub(super) notes: Vec<String>,
    /// The number of wanted lines; `None` means no limit.
    wanted: Option<usize>,
}

impl EventSink for Recorder {
    fn page(&mut self, _: &Page<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn duplicate(&mut self, _: &[u8]) {}

    fn line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let event: serde_json::Value = serde_json::from_slice(line.text).unwrap();
        let metadata = &event["object"]["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap().to_owned();
        let shown = format!(
            "{} {}@{}",
            line.event_type,
            text("name"),
            text("resourceVersion")
        );
        self.lines.push(if line.synthetic.is_empty() {
            shown
        } else {
            format!("[{shown}]")
        });
        Ok(())
    }

    fn existing(&mut self, _line: &Line<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn stable(&mut self, is_stable: bool) {
        self.notes.push(format!("stable: {is_stable}"));
    }

    fn synced(&mut self) {}

    fn bookmark(&mut self, _line: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.wanted.is_some_and(|wanted| self.lines.len() >= wanted)
    }

    fn message(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn trace(&mut self, _text: &str) {}
}

pub(super) fn options() -> Options {
    Options {
        path: "/p".to_owned(),
        is_secret: false,
        watch_only: false,
        reads_objects: false,
        resource_version: None,
        fail_on_gap: false,
        retry_for: None,
        max_silence: Some(Duration::from_secs(90)),
        audit: None,
        stable: None,
        awaits_type: false,
        poll: None,
    }
}

/// Returns a page of objects, each `name@version`, with its name as UID.
pub(super) fn page(version: &str, token: &str, objects: &[&str]) -> String {
    let items: Vec<String> = objects.iter().map(|object| object_of(object)).collect();
    format!(
        r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"{version}","continue":"{token}"}},"items":[{}]}}"#,
        items.join(",")
    )
}

fn object_of(text: &str) -> String {
    let (name, version) = text.split_once('@').unwrap();
    format!(
        r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{name}","uid":"{name}","resourceVersion":"{version}"}}}}"#
    )
}

/// Returns a line of a stream for `TYPE name@version` or `BOOKMARK version`.
pub(super) fn line(text: &str) -> String {
    let (event_type, about) = text.split_once(' ').unwrap();
    let object = match event_type {
        "BOOKMARK" => format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"resourceVersion":"{about}"}}}}"#
        ),
        "ERROR" => {
            let status: Vec<&str> = about.split(' ').collect();
            format!(
                r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"code":{},"reason":"{}"}}"#,
                status[0], status[1]
            )
        }
        _ => object_of(about),
    };
    format!("{{\"type\":\"{event_type}\",\"object\":{object}}}\n")
}

pub(super) fn refusal(code: u16, reason: &str) -> Error {
    refusal_with_retry_after(code, reason, 0)
}

fn refusal_with_retry_after(code: u16, reason: &str, seconds: u32) -> Error {
    let text = format!(
        r#"{{"code":{code},"reason":"{reason}","message":"m","details":{{"retryAfterSeconds":{seconds}}}}}"#
    );
    Kind::Refused(Box::new(serde_json::from_str(&text).unwrap())).into()
}

fn unreachable_server() -> Error {
    Error::connection("The connection to the server was refused")
}

/// A watcher, its output, and the time.
struct Play {
    watcher: Watcher,
    output: Recorder,
    now: Duration,
}

impl Play {
    fn new(options: Options) -> Self {
        Self {
            watcher: Watcher::new(options, 1),
            output: Recorder::default(),
            now: Duration::ZERO,
        }
    }

    /// Returns a watcher that has listed `a@1` at version 10 and waits for lines.
    fn streaming(options: Options) -> Self {
        let mut play = Self::new(options);
        play.page(&page("10", "", &["a@1"]));
        play.open("10");
        play.output.lines.clear();
        play
    }

    fn try_step(&mut self, input: Input<'_>) -> Result<(), Stop> {
        self.watcher.step(self.now, input, &mut self.output)
    }

    #[track_caller]
    fn step(&mut self, input: Input<'_>) {
        self.try_step(input).unwrap();
    }

    #[track_caller]
    fn page(&mut self, page: &str) {
        self.step(Input::Page(page.as_bytes()));
    }

    /// Responds to the side request.
    #[track_caller]
    fn side_page(&mut self, page: &str) {
        assert!(self.watcher.side_request().is_some());
        self.step(Input::SidePage(page.as_bytes()));
    }

    /// Responds to a probe with the server's version.
    #[track_caller]
    fn probe(&mut self, version: &str) {
        assert_eq!(self.watcher.side_request(), Some(SideRequest::Probe));
        self.side_page(&page(version, "", &[]));
    }

    /// Fails the side request.
    #[track_caller]
    fn fail_side_request(&mut self, error: Error) {
        assert!(self.watcher.side_request().is_some());
        self.step(Input::SideFailed(error));
    }

    #[track_caller]
    fn audits(&self, token: &str, at: Option<&str>) {
        let (token, at) = (token.to_owned(), at.map(Version::new));
        let request = self.watcher.side_request();
        assert_eq!(request, Some(SideRequest::Audit { token, at }));
    }

    #[track_caller]
    fn asks_nothing(&self) {
        assert_eq!(self.watcher.side_request(), None);
    }

    /// Lets a pause pass. Returns its length.
    #[track_caller]
    fn wait(&mut self) -> Duration {
        let Demand::Wait { until } = self.watcher.demand() else {
            panic!("{:?}", self.watcher.demand());
        };
        let pause = until.saturating_sub(self.now);
        self.now = until;
        self.step(Input::Elapsed);
        pause
    }

    /// Opens the watch that is demanded from `version`.
    #[track_caller]
    fn open(&mut self, version: &str) {
        match self.watcher.demand() {
            Demand::Watch { from, timeout } => {
                assert_eq!(from.to_string(), version);
                assert!((200..240).contains(&timeout.as_secs()), "{timeout:?}");
            }
            other => panic!("{other:?}"),
        }
        self.step(Input::Opened);
    }

    /// Replaces the watcher with one that resumes from its saved state.
    fn resume(&mut self) {
        let saved = serde_json::to_string(&self.watcher.saving()).unwrap();
        let saved = serde_json::from_str(&saved).unwrap();
        self.watcher = Watcher::resume(options(), 1, saved);
    }

    /// Opens the first watch of a resumed watcher, which is short.
    #[track_caller]
    fn open_resumed(&mut self, version: &str) {
        let (from, timeout) = (Version::new(version), RESUMED_TIMEOUT);
        assert_eq!(self.watcher.demand(), Demand::Watch { from, timeout });
        self.step(Input::Opened);
    }

    #[track_caller]
    fn lines(&mut self, lines: &[&str]) {
        for text in lines {
            self.step(Input::Line(line(text).as_bytes()));
        }
    }

    #[track_caller]
    fn close(&mut self) {
        self.step(Input::Closed(Closed::Clean));
    }

    #[track_caller]
    fn tear(&mut self) {
        self.step(Input::Closed(Closed::Broken("torn".to_owned())));
    }

    /// Lets the stream be silent for as long as it may.
    #[track_caller]
    fn be_silent(&mut self) -> Duration {
        let Demand::Read { until } = self.watcher.demand() else {
            panic!("{:?}", self.watcher.demand());
        };
        let silence = until.saturating_sub(self.now);
        self.now = until;
        self.step(Input::Elapsed);
        silence
    }

    #[track_caller]
    fn ends_with(&mut self, input: Input<'_>, exit_code: u8) -> Error {
        match self.try_step(input) {
            Err(Stop::Failed(error)) => {
                assert_eq!(error.exit_code(), exit_code, "{error}");
                error
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn lists_anew(&self) {
        assert!(
            matches!(self.watcher.demand(), Demand::List { token, .. } if token.is_empty()),
            "{:?}",
            self.watcher.demand()
        );
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_collection_is_listed_by_page_and_watched_from_the_lists_version() {
    let mut play = Play::new(options());
    play.page(&page("10", "more", &["a@1"]));
    assert!(matches!(
        play.watcher.demand(),
        Demand::List { token, .. } if token == "more"
    ));
    play.page(&page("10", "", &["b@2"]));
    play.open("10");
    play.lines(&["MODIFIED a@11"]);
    assert_eq!(
        play.output.lines,
        ["ADDED a@1", "ADDED b@2", "MODIFIED a@11"]
    );
}

#[test]
fn a_stream_resumes_before_its_last_batch_and_drops_duplicates() {
    let mut play = Play::streaming(options());
    play.lines(&["ADDED b@12", "DELETED a@15", "DELETED b@15"]);
    play.tear();
    play.open("12");
    play.lines(&["DELETED a@15", "DELETED b@15", "DELETED c@15", "ADDED d@16"]);
    assert_eq!(play.watcher.counts.duplicates, 2);
    assert_eq!(
        play.output.lines,
        [
            "ADDED b@12",
            "DELETED a@15",
            "DELETED b@15",
            "DELETED c@15",
            "ADDED d@16"
        ]
    );
    play.lines(&["BOOKMARK 20"]);
    play.tear();
    play.wait();
    play.open("20");
}

#[test]
fn a_healthy_stream_is_renewed_at_once_or_soon() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@11"]);
    play.now += 30 * SECOND;
    play.tear();
    play.open("10");
    play.lines(&["MODIFIED a@12"]);
    play.now += 30 * SECOND;
    play.close();
    assert!(play.wait() <= CLEAN_PAUSE);
    play.open("11");
}

#[test]
fn regular_ends_of_quiet_streams_do_not_count_as_failures() {
    let mut play = Play::streaming(options());
    for round in 0..20 {
        play.now += 2 * SECOND;
        play.close();
        let pause = play.wait();
        let most = if round == 0 { CLEAN_PAUSE } else { SECOND };
        assert!(pause <= most, "{pause:?}");
        play.open("10");
    }
}

#[test]
fn a_410_leads_to_a_resync_that_includes_an_incomplete_batch() {
    for in_stream in [true, false] {
        let mut play = Play::streaming(options());
        let expire = |play: &mut Play| {
            if in_stream {
                play.step(Input::Opened);
                play.lines(&["ERROR 410 Expired"]);
            } else {
                play.step(Input::Failed(refusal(410, "Expired")));
            }
        };
        play.lines(&["MODIFIED a@11", "MODIFIED a@12"]);
        play.tear();
        expire(&mut play);
        play.wait();
        play.lists_anew();
        play.page(&page("30", "", &["b@20"]));
        let synthetic = &play.output.lines[2..];
        assert_eq!(synthetic, ["[DELETED a@12]", "[ADDED b@20]"]);
        assert!(
            play.output.notes[0].contains("after 410 Gone (11→30): 1 added, 0 modified, 1 deleted")
        );
        play.open("30");
    }
}

#[test]
fn a_gap_ends_the_run_with_on_gap_fail() {
    let mut play = Play::streaming(Options {
        fail_on_gap: true,
        ..options()
    });
    let error = play.ends_with(Input::Line(line("ERROR 410 Expired").as_bytes()), 7);
    assert!(
        error
            .to_string()
            .contains("after resource version 10 were lost (410 Gone)")
    );
}

#[test]
fn a_list_without_its_snapshot_starts_over_and_finally_without_pages() {
    let mut play = Play::new(options());
    play.page(&page("10", "t1", &["a@1"]));
    for round in 0..4 {
        play.step(Input::Failed(refusal(410, "Expired")));
        if round > 0 {
            play.wait();
        }
        let is_whole = round >= 2;
        assert!(matches!(
            play.watcher.demand(),
            Demand::List { token, whole, .. } if token.is_empty() && whole == is_whole
        ));
        if round < 3 {
            play.page(&page("12", "t2", &["a@1"]));
        }
    }
    play.page(&page("14", "", &["b@13"]));
    assert_eq!(
        play.output.lines,
        ["ADDED a@1", "[DELETED a@1]", "[ADDED b@13]"]
    );
}

#[test]
fn three_empty_streams_lead_to_a_resync_and_three_resyncs_end_it() {
    let mut play = Play::streaming(options());
    for round in 0..=3 {
        for attempt in 0..3 {
            if (round, attempt) == (3, 2) {
                let error = play.ends_with(Input::Closed(Closed::Clean), 5);
                assert!(
                    error
                        .to_string()
                        .contains("from resource version 10 immediately"),
                    "{error}"
                );
                return;
            }
            play.close();
            if attempt < 2 {
                play.wait();
                play.open("10");
            }
        }
        play.wait();
        play.lists_anew();
        play.page(&page("10", "", &["a@1"]));
        play.open("10");
    }
    unreachable!();
}

#[test]
fn a_list_whose_snapshots_always_expire_ends_the_run() {
    let mut play = Play::new(options());
    for round in 0..7 {
        play.page(&page("10", "t1", &["a@1"]));
        if round == 6 {
            play.ends_with(Input::Failed(refusal(410, "Expired")), 5);
            return;
        }
        play.step(Input::Failed(refusal(410, "Expired")));
        if round > 0 {
            play.wait();
        }
    }
}

#[test]
fn a_repeated_continue_token_ends_the_run() {
    let mut play = Play::new(options());
    play.page(&page("10", "same", &["a@1"]));
    let again = page("10", "same", &["b@2"]);
    play.ends_with(Input::Page(again.as_bytes()), 6);
    assert_eq!(play.output.lines, ["ADDED a@1"]);
}

/// Counts the requests of the first ten seconds against a server whose streams all go wrong.
fn requests_in_ten_seconds(mut stream: impl FnMut(&mut Play, u64) -> Result<(), Stop>) -> u32 {
    let (mut play, mut requests) = (Play::new(options()), 0);
    let mut version = 10;
    while play.now <= 10 * SECOND {
        version += 1;
        let stepped = match play.watcher.demand() {
            Demand::Wait { .. } => {
                play.wait();
                continue;
            }
            Demand::List { .. } => {
                let page = page(&version.to_string(), "", &["a@1"]);
                play.try_step(Input::Page(page.as_bytes()))
            }
            Demand::Watch { .. } => stream(&mut play, version),
            demand @ Demand::Read { .. } => panic!("{demand:?}"),
        };
        requests += 1;
        if stepped.is_err() {
            break;
        }
    }
    requests
}

#[test]
fn no_stream_makes_a_loop_of_requests_without_pauses() {
    type Stream = fn(&mut Play, u64) -> Result<(), Stop>;
    fn event(play: &mut Play, version: u64) {
        play.step(Input::Opened);
        play.lines(&[&format!("MODIFIED a@{version}")]);
    }
    let cases: [(&str, u32, Stream); 8] = [
        ("empty streams", 8, |play, _| {
            play.step(Input::Opened);
            play.try_step(Input::Closed(Closed::Clean))
        }),
        ("a 410 instead of a stream", 12, |play, _| {
            play.try_step(Input::Failed(refusal(410, "Expired")))
        }),
        ("an event and a 410", 12, |play, version| {
            event(play, version);
            play.try_step(Input::Line(line("ERROR 410 Expired").as_bytes()))
        }),
        ("an event and a 500", 12, |play, version| {
            event(play, version);
            play.try_step(Input::Line(line("ERROR 500 InternalError").as_bytes()))
        }),
        ("an event and a reset", 12, |play, version| {
            event(play, version);
            play.try_step(Input::Closed(Closed::Broken("reset".to_owned())))
        }),
        ("an event and an end", 12, |play, version| {
            event(play, version);
            play.try_step(Input::Closed(Closed::Clean))
        }),
        ("an event and garbage", 12, |play, version| {
            event(play, version);
            play.try_step(Input::Line(b"garbage\n"))
        }),
        ("an event out of order", 12, |play, version| {
            event(play, version);
            play.try_step(Input::Line(line("ADDED b@5").as_bytes()))
        }),
    ];
    for (what, at_most, stream) in cases {
        let requests = requests_in_ten_seconds(stream);
        assert!(requests <= at_most, "{what}: {requests} requests");
    }
}

#[test]
fn a_rollback_is_found_by_probing_a_silent_stream() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@40"]);
    assert_eq!(play.be_silent(), 90 * SECOND);
    play.probe("30");
    play.lists_anew();
    play.page(&page("30", "", &["a@1"]));
    assert_eq!(play.output.lines, ["MODIFIED a@40", "[MODIFIED a@1]"]);
    assert!(play.output.notes[0].contains("a server rollback (10→30)"));
    play.open("30");
}

#[test]
fn a_silent_stream_is_renewed_only_if_the_server_is_ahead() {
    let mut play = Play::streaming(options());
    play.be_silent();
    play.probe("50");
    assert_eq!(play.be_silent(), DELIVERY_TIMEOUT);
    play.open("10");
    play.probe("50");
    assert_eq!(play.be_silent(), 90 * SECOND);
    play.probe("10");
    assert_eq!(play.be_silent(), 90 * SECOND);
    play.probe("10");
}

#[test]
fn a_buffered_stream_is_distinguished_from_a_quiet_one() {
    for (listed, is_held_back) in [(vec!["a@1", "b@45"], true), (vec!["a@1"], false)] {
        let mut play = Play::streaming(options());
        play.be_silent();
        play.probe("50");
        assert_eq!(play.be_silent(), DELIVERY_TIMEOUT);
        // The first silent stream is renewed, the second one is audited.
        play.open("10");
        play.probe("50");
        play.be_silent();
        play.probe("50");
        assert_eq!(play.be_silent(), DELIVERY_TIMEOUT);
        play.audits("", None);
        play.side_page(&page("50", "", &listed));
        if is_held_back {
            play.output.notes.clear();
            assert_eq!(play.be_silent(), DELIVERY_TIMEOUT);
            assert!(play.output.notes[0].contains("check for a proxy that buffers responses"));
            play.lists_anew();
            play.page(&page("60", "", &listed));
            assert_eq!(play.output.lines, ["[ADDED b@45]"]);
        } else {
            assert_eq!(play.output.notes, [""; 0]);
            play.asks_nothing();
            assert!(matches!(play.watcher.demand(), Demand::Read { .. }));
        }
    }
}

#[test]
fn a_watch_from_a_resource_version_is_never_audited() {
    let mut play = Play::new(Options {
        resource_version: Some(Version::new("10")),
        ..options()
    });
    play.open("10");
    for _ in 0..8 {
        play.be_silent();
        if play.watcher.side_request().is_some() {
            play.probe("50");
        } else if let Demand::Watch { .. } = play.watcher.demand() {
            play.open("10");
            play.probe("50");
        }
    }
    play.resume();
    play.open_resumed("10");
    play.probe("50");
    play.asks_nothing();
}

#[test]
fn an_event_known_to_exist_counts_as_late() {
    for (version, late) in [
        ("45", 20 * SECOND),
        ("50", 20 * SECOND),
        ("51", Duration::ZERO),
    ] {
        let mut play = Play::streaming(options());
        play.be_silent();
        play.probe("50");
        play.now += 20 * SECOND;
        play.lines(&[&format!("MODIFIED a@{version}"), "MODIFIED a@60"]);
        assert_eq!(play.watcher.counts.lag, late, "{version}");
    }
}

#[test]
fn a_stream_that_outlives_its_timeout_is_closed() {
    let mut play = Play::streaming(Options {
        max_silence: None,
        ..options()
    });
    let life = play.be_silent();
    assert!((215..255).contains(&life.as_secs()), "{life:?}");
    play.open("10");
}

#[test]
fn an_unreachable_server_ends_the_run_only_at_the_start() {
    let mut play = Play::new(options());
    play.ends_with(Input::Failed(unreachable_server()), 3);
    let mut play = Play::new(Options {
        retry_for: Some(30 * SECOND),
        ..options()
    });
    play.step(Input::Failed(unreachable_server()));
    play.wait();
    play.lists_anew();
    let mut play = Play::streaming(options());
    play.tear();
    for _ in 0..1000 {
        play.wait();
        play.step(Input::Failed(unreachable_server()));
    }
    let hours = play.now.as_secs() / 3600;
    assert!(hours >= 1, "{:?}", play.now);
    // The first message comes after ten seconds, then one per minute.
    let notes = play.output.notes.len() as u64;
    assert!(
        (play.now.as_secs() / 72..=play.now.as_secs() / 60 + 1).contains(&notes),
        "{notes}"
    );
    assert!(
        play.output.notes[0].contains("still trying after 1"),
        "{}",
        play.output.notes[0]
    );
    play.wait();
    play.open("10");
}

#[test]
fn retry_for_limits_an_outage() {
    let mut play = Play::streaming(Options {
        retry_for: Some(30 * SECOND),
        ..options()
    });
    play.tear();
    loop {
        play.wait();
        if play.now >= 30 * SECOND {
            break;
        }
        play.step(Input::Failed(unreachable_server()));
    }
    play.ends_with(Input::Failed(unreachable_server()), 5);
}

#[test]
fn retry_after_is_honoured_and_the_position_is_kept() {
    let mut play = Play::streaming(options());
    play.lines(&["BOOKMARK 12"]);
    play.tear();
    play.step(Input::Failed(refusal_with_retry_after(
        429,
        "TooManyRequests",
        7,
    )));
    let pause = play.wait();
    assert!((7.0..8.5).contains(&pause.as_secs_f64()), "{pause:?}");
    play.step(Input::Failed(refusal_with_retry_after(
        503,
        "ServiceUnavailable",
        600,
    )));
    assert!((60..73).contains(&play.wait().as_secs()));
    play.open("12");
}

#[test]
fn an_error_that_retries_cannot_fix_ends_the_run() {
    for (code, reason, exit_code) in [
        (400, "BadRequest", 1),
        (401, "Unauthorized", 3),
        (405, "MethodNotAllowed", 1),
        (422, "Invalid", 1),
    ] {
        let mut play = Play::streaming(options());
        play.lines(&["MODIFIED a@11"]);
        play.tear();
        play.ends_with(Input::Failed(refusal(code, reason)), exit_code);
        Play::new(options()).ends_with(Input::Failed(refusal(code, reason)), exit_code);
    }
    for (code, reason) in [(403, "Forbidden"), (404, "NotFound")] {
        Play::new(options()).ends_with(Input::Failed(refusal(code, reason)), 1);
    }
    Play::streaming(options()).ends_with(Input::Failed(Error::protocol("html")), 6);
}

#[test]
fn an_accepted_request_may_be_refused_later_for_ten_seconds() {
    for (code, reason) in [(403, "Forbidden"), (404, "NotFound")] {
        let refused = || Input::Failed(refusal(code, reason));
        let mut play = Play::streaming(options());
        play.lines(&["MODIFIED a@11"]);
        play.tear();
        // A restarted server first has to read its roles.
        let settled = play.now + 8 * SECOND;
        while play.now < settled {
            play.step(refused());
            play.wait();
        }
        play.open("10");
        play.tear();
        play.wait();
        let settled = play.now + 10 * SECOND;
        while play.now < settled {
            play.step(refused());
            play.wait();
        }
        play.ends_with(refused(), 1);
    }
}

#[test]
fn a_refused_probe_keeps_the_stream() {
    for (code, reason) in [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (429, "TooManyRequests"),
        (500, ""),
        (503, "ServiceUnavailable"),
    ] {
        let mut play = Play::streaming(Options {
            max_silence: Some(20 * SECOND),
            ..options()
        });
        for _ in 0..5 {
            assert_eq!(play.be_silent(), 20 * SECOND);
            play.fail_side_request(refusal(code, reason));
        }
        play.lines(&["MODIFIED a@11"]);
        assert_eq!(play.output.lines, ["MODIFIED a@11"]);
    }
}

#[test]
fn a_probe_that_gets_a_web_page_keeps_the_stream() {
    let mut play = Play::streaming(options());
    play.be_silent();
    play.side_page("<html>");
    assert_eq!(play.be_silent(), 90 * SECOND);
}

#[test]
fn an_unanswered_probe_renews_only_a_stream_without_lines() {
    let mut play = Play::streaming(Options {
        max_silence: Some(20 * SECOND),
        ..options()
    });
    play.be_silent();
    play.now += 15 * SECOND;
    play.fail_side_request(unreachable_server());
    // A line may be waiting to be read.
    play.lines(&["MODIFIED a@11"]);
    assert_eq!(play.be_silent(), 20 * SECOND);
    play.lines(&["MODIFIED a@12"]);
    play.now += SECOND;
    play.fail_side_request(unreachable_server());
    assert_eq!(play.be_silent(), 20 * SECOND);
    play.fail_side_request(unreachable_server());
    assert_eq!(play.be_silent(), Duration::ZERO);
    play.open("11");
}

#[test]
fn a_500_without_a_reason_is_retried_once() {
    let mut play = Play::streaming(options());
    play.tear();
    play.wait();
    play.step(Input::Failed(refusal(500, "")));
    play.wait();
    play.ends_with(Input::Failed(refusal(500, "")), 5);
    let mut play = Play::streaming(options());
    for _ in 0..20 {
        play.step(Input::Failed(refusal(500, "InternalError")));
        play.wait();
    }
}

#[test]
fn a_line_that_is_not_an_event_is_dropped_and_three_end_the_run() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@11"]);
    for _ in 0..2 {
        play.step(Input::Line(b"<html>\n"));
        play.wait();
        play.open("10");
    }
    play.ends_with(Input::Line(b"{\"type\":\"WAT\"}\n"), 6);
    assert_eq!(play.output.lines, ["MODIFIED a@11"]);
}

#[test]
fn repeated_events_are_dropped_anywhere_in_the_stream() {
    let mut play = Play::streaming(options());
    play.lines(&[
        "ADDED b@11",
        "ADDED b@11",
        "MODIFIED a@12",
        "ADDED b@11",
        "DELETED b@13",
        "DELETED b@13",
        "MODIFIED a@14",
        "DELETED b@13",
        "MODIFIED a@12",
    ]);
    assert_eq!(
        play.output.lines,
        [
            "ADDED b@11",
            "MODIFIED a@12",
            "DELETED b@13",
            "MODIFIED a@14"
        ]
    );
    assert_eq!(play.watcher.counts.duplicates, 5);
}

#[test]
fn an_event_out_of_order_is_dropped_and_starts_an_audit() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@20", "ADDED b@15"]);
    play.lists_anew();
    play.page(&page("21", "", &["a@20", "b@15"]));
    assert_eq!(play.output.lines, ["MODIFIED a@20", "[ADDED b@15]"]);
}

#[test]
fn a_bookmark_from_the_past_is_ignored() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@20", "BOOKMARK 15"]);
    assert!(play.output.notes[0].contains("ignored a bookmark at resource version 15"));
    play.tear();
    play.open("10");
}

#[test]
fn watch_only_learns_the_state_without_printing_it() {
    let mut play = Play::new(Options {
        watch_only: true,
        ..options()
    });
    assert!(matches!(
        play.watcher.demand(),
        Demand::List {
            metadata_only: true,
            ..
        }
    ));
    play.page(&page("10", "", &["a@1", "b@2"]));
    play.open("10");
    play.lines(&["ERROR 410 Expired"]);
    assert!(matches!(
        play.watcher.demand(),
        Demand::List {
            metadata_only: false,
            ..
        }
    ));
    play.page(&page("20", "", &["b@2"]));
    assert_eq!(play.output.lines, ["[DELETED a@1]"]);
}

#[test]
fn a_resource_version_starts_the_watch_without_a_list() {
    let mut play = Play::new(Options {
        resource_version: Some(Version::new("7")),
        ..options()
    });
    play.open("7");
    play.lines(&["MODIFIED a@8"]);
    assert_eq!(play.output.lines, ["MODIFIED a@8"]);
}

#[test]
fn a_run_ends_with_the_last_wanted_line() {
    let mut play = Play::new(options());
    play.output.wanted = Some(2);
    let page = page("10", "", &["a@1", "b@2", "c@3"]);
    assert!(matches!(
        play.try_step(Input::Page(page.as_bytes())),
        Err(Stop::Done)
    ));
    assert_eq!(play.output.lines, ["ADDED a@1", "ADDED b@2"]);
}

fn audited(interval: Duration) -> Options {
    Options {
        audit: Some(interval),
        ..options()
    }
}

#[test]
fn an_audit_finds_an_event_that_the_server_lost() {
    let mut play = Play::streaming(audited(60 * SECOND));
    assert_eq!(play.be_silent(), 60 * SECOND);
    play.audits("", None);
    play.side_page(&page("20", "more", &["a@1"]));
    play.audits("more", None);
    play.side_page(&page("20", "", &["b@15"]));
    // The event may still arrive.
    play.asks_nothing();
    play.lines(&["BOOKMARK 20"]);
    play.lists_anew();
    play.page(&page("21", "", &["a@1", "b@15"]));
    assert_eq!(play.output.lines, ["[ADDED b@15]"]);
    play.open("21");
}

#[test]
fn an_audit_of_a_quiet_stream_without_bookmarks_finishes() {
    let mut play = Play::streaming(audited(5 * SECOND));
    assert_eq!(play.be_silent(), 5 * SECOND);
    play.side_page(&page("20", "", &["a@1", "b@15"]));
    play.asks_nothing();
    assert_eq!(play.be_silent(), DELIVERY_TIMEOUT);
    play.lists_anew();
    play.page(&page("21", "", &["a@1", "b@15"]));
    assert_eq!(play.output.lines, ["[ADDED b@15]"]);
}

#[test]
fn audits_do_not_postpone_the_probe_of_a_silent_stream() {
    let mut play = Play::streaming(audited(15 * SECOND));
    while play.now < 90 * SECOND {
        play.be_silent();
        if play.now < 90 * SECOND {
            play.audits("", None);
            play.side_page(&page("10", "", &["a@1"]));
        }
    }
    play.probe("10");
}

#[test]
fn events_arrive_and_are_checked_while_an_audit_lists() {
    let mut play = Play::streaming(audited(60 * SECOND));
    play.be_silent();
    play.audits("", None);
    play.lines(&["MODIFIED a@11", "ADDED b@12", "DELETED c@13"]);
    assert_eq!(
        play.output.lines,
        ["MODIFIED a@11", "ADDED b@12", "DELETED c@13"]
    );
    // The stream may be renewed in the meantime.
    play.tear();
    play.open("12");
    play.audits("", None);
    play.now += 8 * SECOND;
    play.side_page(&page("12", "", &["a@11", "b@12", "c@2"]));
    // Then it is the turn of the check of the renewed stream.
    play.be_silent();
    play.probe("13");
    play.asks_nothing();
    assert!(matches!(play.watcher.demand(), Demand::Read { .. }));
}

#[test]
fn an_audit_that_lists_an_older_version_finds_a_rollback() {
    let mut play = Play::streaming(audited(15 * SECOND));
    play.lines(&["MODIFIED a@11", "MODIFIED a@22"]);
    play.be_silent();
    play.side_page(&page("21", "", &["a@1"]));
    play.lists_anew();
    play.page(&page("21", "", &["a@1"]));
    assert_eq!(play.output.lines[2], "[MODIFIED a@1]");
    assert!(play.output.notes[0].contains("after a server rollback (11→21)"));
}

#[test]
fn successful_and_failed_audits_have_no_effect() {
    let mut play = Play::streaming(Options {
        max_silence: None,
        ..audited(60 * SECOND)
    });
    play.be_silent();
    play.side_page(&page("20", "", &["a@15", "b@16"]));
    play.lines(&["MODIFIED a@15", "ADDED b@16", "DELETED b@21", "ADDED c@22"]);
    assert!(matches!(play.watcher.demand(), Demand::Read { .. }));
    play.be_silent();
    play.fail_side_request(refusal(403, "Forbidden"));
    assert_eq!(play.be_silent(), 60 * SECOND);
}

/// A reader may block the output for longer than the stream has to pass the LIST.
#[test]
fn an_audit_ignores_the_time_that_lines_waited() {
    let mut play = Play::streaming(Options {
        fail_on_gap: true,
        ..audited(60 * SECOND)
    });
    play.be_silent();
    play.side_page(&page("20", "", &["a@15", "b@16"]));
    play.now += 300 * SECOND;
    play.lines(&["MODIFIED a@15", "ADDED b@16", "BOOKMARK 20"]);
    assert!(matches!(play.watcher.demand(), Demand::Read { .. }));
    assert_eq!(play.output.lines, ["MODIFIED a@15", "ADDED b@16"]);
}

#[test]
fn watch_only_does_not_resume_an_incomplete_initial_state() {
    let options = || Options {
        watch_only: true,
        ..options()
    };
    let mut play = Play::new(options());
    play.page(&page("10", "more", &["a@1"]));
    let saved = serde_json::to_string(&play.watcher.saving()).unwrap();
    let mut play = Play::new(options());
    let saved = serde_json::from_str(&saved).unwrap();
    play.watcher = Watcher::resume(options(), 1, saved);
    play.page(&page("12", "", &["a@1", "b@2"]));
    assert!(play.output.lines.is_empty(), "{:?}", play.output.lines);
    play.open("12");
}

/// Plays an outage of a server, and returns with the next stream open.
fn restarted(lines: &[&str], from: &str) -> Play {
    let mut play = Play::streaming(options());
    play.lines(lines);
    play.tear();
    play.step(Input::Failed(unreachable_server()));
    play.wait();
    play.open(from);
    play.output.lines.clear();
    play
}

#[test]
fn a_broken_stream_leads_to_a_probe_that_finds_a_rollback() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@11", "MODIFIED a@12"]);
    play.tear();
    play.open("11");
    play.probe("11");
    play.wait();
    play.lists_anew();
    play.page(&page("11", "", &["a@11"]));
    assert_eq!(play.output.lines[2], "[MODIFIED a@11]");
    play.open("11");
    play.asks_nothing();
}

#[test]
fn a_regular_end_of_a_stream_leads_to_no_check() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@11"]);
    play.close();
    play.wait();
    play.open("10");
    play.asks_nothing();
}

/// Each list is the server's state at the watcher's version, in another history.
#[test]
fn an_outage_leads_to_an_audit_that_finds_another_history() {
    for (lines, listed, synthetic) in [
        // A lost change, and exactly one version.
        (&["MODIFIED a@12"][..], &["a@1"][..], "[MODIFIED a@1]"),
        // A lost creation, and exactly one version.
        (&["ADDED b@12"], &["a@1"], "[DELETED b@12]"),
        // A lost deletion, and exactly one version.
        (&["DELETED a@12"], &["a@1"], "[ADDED a@1]"),
        // Versions that other changes have taken.
        (&["ADDED b@11", "BOOKMARK 12"], &["a@1"], "[DELETED b@11]"),
        (&["BOOKMARK 12"], &["a@11"], "[MODIFIED a@11]"),
        (&["BOOKMARK 12"], &["a@1", "b@12"], "[ADDED b@12]"),
        (&["BOOKMARK 12"], &[], "[DELETED a@1]"),
    ] {
        let from = if lines.contains(&"BOOKMARK 12") {
            "12"
        } else {
            "10"
        };
        let mut play = restarted(lines, from);
        play.probe("20");
        play.audits("", Some("12"));
        play.side_page(&page("12", "", listed));
        play.wait();
        play.lists_anew();
        play.page(&page("20", "", listed));
        assert_eq!(play.output.lines, [synthetic]);
        assert!(play.output.notes[0].contains("after a server rollback ("));
        play.open("20");
        play.asks_nothing();
    }
}

#[test]
fn an_outage_without_another_history_has_no_effect() {
    for lines in [
        &["MODIFIED a@11", "ADDED b@12"][..],
        &["ADDED b@12", "MODIFIED a@14", "DELETED a@15", "BOOKMARK 16"],
    ] {
        let mut play = Play::streaming(options());
        play.lines(lines);
        let before = play.watcher.cursor.at().to_string();
        let known = if before == "12" {
            ["a@11", "b@12"].as_slice()
        } else {
            &["b@12"]
        };
        play.tear();
        play.step(Input::Failed(refusal(503, "ServiceUnavailable")));
        play.wait();
        play.step(Input::Opened);
        play.probe("20");
        play.audits("", Some(&before));
        // The stream continues in the meantime.
        play.lines(&["MODIFIED b@17", "DELETED b@18", "ADDED c@19"]);
        play.side_page(&page(&before, "", known));
        play.asks_nothing();
        assert!(matches!(play.watcher.demand(), Demand::Read { .. }));
        assert_eq!(play.output.notes, [""; 0]);
    }
}

#[test]
fn a_batch_that_an_outage_cut_is_not_another_history() {
    let mut play = Play::streaming(options());
    play.lines(&["ADDED b@12", "ADDED c@13", "DELETED b@15"]);
    play.tear();
    play.step(Input::Failed(unreachable_server()));
    play.wait();
    play.open("13");
    play.probe("20");
    play.side_page(&page("15", "", &["a@1"]));
    assert!(matches!(play.watcher.demand(), Demand::Read { .. }));
    play.lines(&["DELETED b@15", "DELETED c@15", "MODIFIED a@16"]);
    assert_eq!(play.output.notes, [""; 0]);
}

#[test]
fn a_history_that_the_server_has_dropped_is_audited_by_its_present_state() {
    // The second object is known; only its deletion was lost, or it never existed.
    for (listed, is_decided) in [(&["a@5"][..], true), (&["a@1"], false)] {
        let mut play = restarted(&["ADDED b@12"], "10");
        play.probe("20");
        play.audits("", Some("12"));
        play.fail_side_request(refusal(410, "Expired"));
        play.audits("", None);
        play.side_page(&page("20", "", listed));
        if !is_decided {
            play.lines(&["BOOKMARK 20"]);
        }
        play.wait();
        play.lists_anew();
    }
}

#[test]
fn a_check_without_an_answer_is_repeated_after_a_pause() {
    let mut play = restarted(&["MODIFIED a@12"], "10");
    for attempt in 0..20 {
        play.fail_side_request(refusal(500, "InternalError"));
        play.asks_nothing();
        let pause = play.be_silent();
        assert!(pause <= 10 * SECOND, "{attempt} {pause:?}");
    }
    play.probe("12");
    play.fail_side_request(unreachable_server());
    play.asks_nothing();
    play.be_silent();
    play.probe("12");
    play.side_page(&page("12", "", &["a@12"]));
    play.asks_nothing();
    assert_eq!(play.output.notes, [""; 0]);
}

#[test]
fn a_check_that_is_not_permitted_ends_after_ten_seconds() {
    let mut play = restarted(&["MODIFIED a@12"], "10");
    let start = play.now;
    let mut pauses = Vec::new();
    while play.now < start + 90 * SECOND {
        play.fail_side_request(refusal(403, "Forbidden"));
        pauses.push(play.be_silent());
    }
    // The last pause comes from the silence of the stream.
    let settling: Duration = pauses[..pauses.len() - 1].iter().sum();
    assert!((10 * SECOND..20 * SECOND).contains(&settling), "{pauses:?}");
}

#[test]
fn a_resumed_watch_checks_the_history_of_its_file() {
    let mut play = Play::streaming(options());
    play.lines(&["MODIFIED a@11", "BOOKMARK 12"]);
    play.resume();
    play.open_resumed("12");
    play.probe("30");
    play.audits("", Some("12"));
    play.side_page(&page("12", "", &["a@1"]));
    play.lists_anew();
}

#[test]
fn a_resync_replaces_all_checks() {
    let mut play = restarted(&["MODIFIED a@12"], "10");
    play.probe("20");
    play.audits("", Some("12"));
    play.lines(&["ERROR 410 Expired"]);
    play.asks_nothing();
    play.wait();
    play.page(&page("20", "", &["a@12"]));
    play.open("20");
    play.asks_nothing();
}

#[test]
fn an_outage_between_pages_leads_to_an_audit_of_the_list() {
    let mut play = Play::new(options());
    play.page(&page("10", "more", &["a@1"]));
    play.step(Input::Failed(unreachable_server()));
    play.wait();
    // The second page comes from another history, in which `a` was changed.
    play.page(&page("10", "", &["b@2"]));
    play.open("10");
    play.probe("12");
    play.audits("", Some("10"));
    play.side_page(&page("10", "", &["a@9", "b@2"]));
    play.lists_anew();
}

#[test]
fn a_poll_counts_as_interrupted_only_if_a_list_fails_or_hangs() {
    let (second, mut output) = (Duration::from_secs(1), Recorder::default());
    let mut watcher = Watcher::new(
        Options {
            poll: Some(10 * second),
            ..options()
        },
        1,
    );
    let list = page("9", "", &["a@1"]);
    let mut step = |watcher: &mut Watcher, seconds, input| {
        watcher.step(seconds * second, input, &mut output).unwrap();
    };
    step(&mut watcher, 1, Input::Page(list.as_bytes()));
    let until = 11 * second;
    assert_eq!(watcher.demand(), Demand::Wait { until });
    assert!(watcher.take_interruption(10 * second).is_none());
    step(&mut watcher, 11, Input::Elapsed);
    assert!(matches!(watcher.demand(), Demand::List { .. }));
    assert!(watcher.take_interruption(12 * second).is_none());
    let hanging = watcher.take_interruption(17 * second).unwrap();
    assert_eq!(hanging.exit_code(), 3);
    step(&mut watcher, 18, Input::Failed(Error::connection("reset")));
    assert!(matches!(watcher.demand(), Demand::Wait { .. }));
    let failed = watcher.take_interruption(19 * second).unwrap();
    assert_eq!(failed.exit_code(), 5);
}
