use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use faulty_server::{Answer, FaultyServer, Piece, Reply};

use super::plugin::*;

/// Returns five events of different types.
fn five_events() -> String {
    [
        event("ADDED", "b", "11"),
        event("MODIFIED", "a", "12"),
        event("DELETED", "b", "13"),
        event("ADDED", "b", "14"),
        event("MODIFIED", "b", "15"),
    ]
    .concat()
}

#[test]
fn a_stream_cut_at_any_byte_resumes_without_loss_or_duplicates() {
    let events = five_events();
    let cuts = Mutex::new(0..=events.len());
    let next = || cuts.lock().unwrap().next();
    let work = || {
        while let Some(cut) = next() {
            assert_survives_cut(&events, cut);
        }
    };
    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
}

/// Cuts a stream of these events at a byte, and asserts that the next one resumes correctly.
fn assert_survives_cut(events: &str, cut: usize) {
    let expected: Vec<&str> = events.lines().collect();
    // An event is whole before its newline.
    let newlines = events.match_indices('\n');
    let delivered = newlines.filter(|(newline, _)| *newline <= cut).count();
    // The last event is sent again, because its batch may have been incomplete.
    let rest = events
        .split_inclusive('\n')
        .skip(delivered.saturating_sub(1));
    let last = [Piece::Close, Piece::End][cut % 2].clone();
    let (run, server) = against(
        [
            list(),
            stream(&events[..cut], last),
            open_stream(rest.collect::<String>()),
        ],
        &["--watch-only", "--count=5"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(outcome.lines(), expected, "cut at {cut}: {outcome:#?}");
    assert_eq!(outcome.stderr, "", "cut at {cut}");
    if delivered < 5 {
        let from = if delivered < 2 { 10 } else { 9 + delivered };
        let asked = query_parameter(&server, 2, "resourceVersion").unwrap();
        assert_eq!(asked, from.to_string(), "cut at {cut}");
    }
}

#[test]
fn a_stream_reset_within_a_line_resumes_after_the_last_whole_line() {
    let torn = five_events()
        .split_inclusive('\n')
        .take(2)
        .collect::<String>();
    // A reset discards what the client has not read yet.
    let pieces = vec![
        Piece::Send(torn[..torn.len() - 2].into()),
        Piece::Pause(Duration::from_millis(500)),
        Piece::Reset,
    ];
    let rest = five_events()
        .split_inclusive('\n')
        .skip(1)
        .collect::<String>();
    let (run, server) = against(
        [list(), Answer::Stream(pieces), open_stream(rest)],
        &["--watch-only", "--count=5"],
    );
    assert_eq!(run.wait().ended(0).lines().join("\n") + "\n", five_events());
    assert_eq!(
        query_parameter(&server, 2, "resourceVersion").unwrap(),
        "10"
    );
}

#[test]
fn a_run_starts_with_a_paged_list_and_a_watch_from_its_version() {
    let (run, server) = against([list(), open_stream(five_events())], &["--count=6"]);
    let outcome = run.wait().ended(0);
    assert_eq!(
        outcome.lines()[0],
        r#"{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"1","uid":"a"}}}"#
    );
    assert_eq!(outcome.lines()[1..].join("\n") + "\n", five_events());
    let requests = server.requests();
    assert_eq!(requests[0].target, format!("{CONFIG_MAPS}?limit=500"));
    let watch = &requests[1].target;
    assert!(
        watch.starts_with(&format!(
            "{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=2"
        )),
        "{watch}"
    );
    assert!(watch.ends_with("&resourceVersion=10"), "{watch}");
    for request in &requests {
        assert_eq!(request.header("accept-encoding"), ["identity"]);
    }
}

#[test]
fn a_cut_batch_of_deletions_loses_and_duplicates_nothing() {
    let first = [event("ADDED", "c", "11"), event("DELETED", "a", "12")].concat();
    let rest = [event("DELETED", "a", "12"), event("DELETED", "c", "12")].concat();
    let (run, server) = against(
        [list(), stream(first, Piece::Close), open_stream(rest)],
        &["--watch-only", "--count=3", "--stats"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(outcome.short(), ["ADDED c", "DELETED a", "DELETED c"]);
    assert_eq!(
        query_parameter(&server, 2, "resourceVersion").unwrap(),
        "11"
    );
    assert_eq!(
        without_lag(&outcome.stderr),
        "rawwatch: events: 3, bytes: 640, reconnects: 1, resyncs: 0, duplicates dropped: 1"
    );
}

#[test]
fn a_410_as_event_or_status_causes_a_marked_resync() {
    let in_stream = open_stream(error_event(410, "Expired"));
    let as_status = Answer::Reply(error_response(
        410,
        "Expired",
        "too old resource version: 10 (20)",
    ));
    for expired in [in_stream, as_status] {
        let (run, _server) = against(
            [
                list_of("10", &[("a", "1"), ("b", "2"), ("c", "3")]),
                expired,
                list_of("20", &[("a", "1"), ("b", "15"), ("d", "14")]),
                open_stream(event("MODIFIED", "a", "21")),
            ],
            &["--count=7"],
        );
        let outcome = run.wait().ended(0);
        assert_eq!(
            outcome.short()[3..],
            ["[DELETED c]", "[ADDED d]", "[MODIFIED b]", "MODIFIED a"]
        );
        assert_eq!(
            outcome.lines()[3],
            r#"{"type":"DELETED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","uid":"c","resourceVersion":"3"}},"rawwatch":{"synthetic":true,"reason":"expired","gap":["10","20"],"finalStateUnknown":true}}"#
        );
        assert_eq!(
            outcome.lines()[4],
            r#"{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"d","resourceVersion":"14","uid":"d"}},"rawwatch":{"synthetic":true,"reason":"expired","gap":["10","20"]}}"#
        );
        assert_eq!(
            outcome.stderr,
            "rawwatch: resynced after 410 Gone (10→20): 1 added, 1 modified, 1 deleted; changes in between cannot be recovered\n"
        );
    }
}

#[test]
fn on_gap_fail_exits_with_7_and_prints_nothing_synthetic() {
    let (run, _server) = against(
        [list(), open_stream(error_event(410, "Expired"))],
        &["--on-gap=fail"],
    );
    let outcome = run.wait().ended(7);
    assert_eq!(outcome.short(), ["ADDED a"]);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: {CONFIG_MAPS}: events after resource version 10 were lost (410 Gone)\n\
             hint: use --on-gap=resync to continue and print the differences as synthetic events\n"
        )
    );
}

#[test]
fn a_retry_waits_as_long_as_the_server_asks() {
    for reply in [
        error_response(429, "TooManyRequests", "storage is (re)initializing")
            .header("Retry-After", "1"),
        Reply::new(429, "Too many requests")
            .header("Content-Type", "text/plain")
            .header("Retry-After", "1"),
        error_response(503, "ServiceUnavailable", "apiserver is shutting down")
            .header("Retry-After", "1"),
    ] {
        let (run, server) = against(
            [
                list(),
                Answer::Reply(reply),
                open_stream(event("MODIFIED", "a", "11")),
            ],
            &["--watch-only", "--count=1"],
        );
        let start = Instant::now();
        assert_eq!(run.wait().ended(0).short(), ["MODIFIED a"]);
        assert!(
            start.elapsed() >= Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(
            query_parameter(&server, 2, "resourceVersion").unwrap(),
            "10"
        );
    }
}

#[test]
fn server_and_connection_errors_are_retried_from_the_same_version() {
    let (run, server) = against(
        [
            list(),
            Answer::Reply(Reply::new(502, "<html>").header("Content-Type", "text/html")),
            Answer::Reply(Reply::new(504, "")),
            Answer::Reply(error_response(
                500,
                "InternalError",
                "etcdserver: leader changed",
            )),
            Answer::CloseUnanswered,
            Answer::Reset,
            Answer::CutInHead(Reply::json(200, "")),
            open_stream(event("MODIFIED", "a", "11")),
        ],
        &["--watch-only", "--count=1"],
    );
    assert_eq!(run.wait().ended(0).short(), ["MODIFIED a"]);
    let requests = server.requests();
    let mut watches = requests.iter().filter(|r| r.target.contains("watch=1"));
    assert!(watches.all(|watch| watch.target.ends_with("&resourceVersion=10")));
}

#[test]
fn a_permanent_error_ends_the_run_at_the_start_and_later() {
    for (code, reason, exit_code) in [
        (400, "BadRequest", 1),
        (401, "Unauthorized", 3),
        (403, "Forbidden", 1),
    ] {
        let no = Answer::Reply(error_response(code, reason, "no"));
        let (run, _server) = against([no.clone()], &[]);
        let outcome = run.wait().ended(exit_code);
        let (run, _server) = against(
            [list(), stream(event("MODIFIED", "a", "11"), Piece::End), no],
            &[],
        );
        let later = run.wait().ended(exit_code);
        assert_eq!(later.message(), outcome.message());
        let names_the_credential = outcome
            .stderr
            .contains("the credential is from user \"faulty\" in /");
        assert_eq!(names_the_credential, code == 401, "{outcome:?}");
        assert_eq!(later.short(), ["ADDED a", "MODIFIED a"]);
    }
}

#[test]
fn a_missing_collection_ends_the_run_after_ten_seconds() {
    let gone =
        Answer::Reply(Reply::new(404, "404 page not found").header("Content-Type", "text/plain"));
    let (run, server) = against(
        [
            list(),
            stream(event("DELETED", "a", "11"), Piece::End),
            gone,
        ],
        &[],
    );
    let outcome = run.wait().ended(1);
    assert_eq!(outcome.short(), ["ADDED a", "DELETED a"]);
    assert_eq!(
        outcome.stderr,
        "Error from server (NotFound): the server could not find the requested resource\n"
    );
    assert!(server.requests().len() > 4);
}

#[test]
fn a_repeated_500_without_a_reason_ends_the_run() {
    let (run, _server) = against(
        [
            list(),
            Answer::Reply(error_response(500, "", "resourceVersion: Invalid value")),
        ],
        &[],
    );
    let outcome = run.wait().ended(5);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: {CONFIG_MAPS}: the server answered twice with the same error: Error from server: resourceVersion: Invalid value\n"
        )
    );
}

#[test]
fn a_login_page_and_a_redirect_end_the_run_with_6() {
    let page = Reply::new(200, "<html>log in</html>").header("Content-Type", "text/html");
    let redirect = Reply::new(302, "").header("Location", "https://elsewhere/?token=x");
    let text = Reply::new(200, "ok").header("Content-Type", "text/plain");
    for (reply, message) in [
        (
            page,
            "error: SERVER answered 200 OK with an HTML page; it is not a Kubernetes API server\n\
             hint: check the server address in your kubeconfig; a login page or a proxy may be in between\n",
        ),
        (
            redirect,
            "error: SERVER answered 302 Found; redirects are never followed (to https://elsewhere/)\n\
             hint: use the server's final address; a login page or a proxy may be in between\n",
        ),
        (
            text,
            "error: expected a stream of JSON, but got \"text/plain\"\n\
             hint: check that PATH is a collection\n",
        ),
    ] {
        let (run, server) = against([list(), Answer::Reply(reply)], &["--watch-only"]);
        let outcome = run.wait().ended(6);
        assert!(outcome.lines().is_empty(), "{outcome:?}");
        let address = server.address().to_string();
        assert_eq!(outcome.stderr, message.replace("SERVER", &address));
    }
}

#[test]
fn an_error_in_a_stream_of_secrets_is_shown_without_their_data() {
    let status = r#"{"type":"ERROR","object":{"kind":"Status","message":"cannot convert \"c2VjcmV0\"","reason":"BadRequest","code":400}}"#;
    let server = FaultyServer::start([list(), open_stream(format!("{status}\n"))]).unwrap();
    let outcome = Run::start(
        command(&server.kubeconfig().unwrap()).args(["/api/v1/secrets", "--watch-only"]),
    )
    .wait()
    .ended(1);
    assert_eq!(
        outcome.stderr,
        "Error from server (BadRequest): cannot convert \"<redacted>\"\n"
    );
}

#[test]
fn a_malformed_line_is_dropped_and_the_third_ends_the_run() {
    let garbage = [event("MODIFIED", "a", "11"), "<html>\n".to_owned()].concat();
    let (run, _server) = against(
        [list(), open_stream(garbage), open_stream("garbage\n")],
        &["--watch-only"],
    );
    let outcome = run.wait().ended(6);
    assert_eq!(outcome.short(), ["MODIFIED a"]);
    assert_eq!(
        outcome.stderr,
        format!(
            "rawwatch: {CONFIG_MAPS}: dropped a line of 7 bytes that is not an event; reconnecting\n\
             rawwatch: {CONFIG_MAPS}: dropped a line of 8 bytes that is not an event; reconnecting\n\
             error: {CONFIG_MAPS}: the server sent 3 lines that are not events; the last one is a line of 8 bytes that is not an event\n\
             hint: check that PATH is a collection, and that no proxy alters the stream\n"
        )
    );
}

#[test]
fn max_event_size_is_the_longest_line_that_is_printed() {
    let large = event("MODIFIED", "a", "11").replace(
        "\"uid\"",
        &format!("\"x\":\"{}\",\"uid\"", "x".repeat(3 << 20)),
    );
    let (run, _server) = against(
        [list(), open_stream(large.as_str())],
        &["--watch-only", "--count=1"],
    );
    assert_eq!(run.wait().ended(0).lines(), [large.trim_end()]);
    let (run, _server) = against(
        [list(), open_stream(large)],
        &["--watch-only", "--max-event-size=1000000"],
    );
    let outcome = run.wait().ended(6);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: {CONFIG_MAPS}: the server sent a line of more than 1000000 bytes\n\
             hint: raise the limit with --max-event-size=BYTES\n"
        )
    );
    assert!(outcome.lines().is_empty());
}

#[test]
fn a_line_of_20_mb_is_printed_and_so_is_the_next_line() {
    let large = event("MODIFIED", "a", "11").replace(
        "\"uid\"",
        &format!("\"x\":\"{}\",\"uid\"", "x".repeat(20 << 20)),
    );
    let next = event("MODIFIED", "a", "12");
    let (run, _server) = against(
        [list(), open_stream(format!("{large}{next}"))],
        &["--watch-only", "--count=2"],
    );
    let outcome = run.wait().ended(0);
    assert!(outcome.lines() == [large.trim_end(), next.trim_end()]);
}

#[test]
fn invalid_utf8_is_printed_unchanged() {
    let mut line = event("MODIFIED", "a", "11")
        .replace("\"uid\"", "\"x\":\"?\",\"uid\"")
        .into_bytes();
    let place = line.iter().position(|&byte| byte == b'?').unwrap();
    line[place] = 0xff;
    let server = FaultyServer::start([list(), open_stream(line.as_slice())]).unwrap();
    let output = command(&server.kubeconfig().unwrap())
        .args([CONFIG_MAPS, "--watch-only", "--count=1"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, line, "{output:?}");
}

#[test]
fn a_duplicate_event_is_printed_once() {
    let twice = event("MODIFIED", "a", "11").repeat(2) + &event("MODIFIED", "a", "12");
    let (run, _server) = against(
        [list(), open_stream(twice)],
        &["--watch-only", "--count=2", "--stats"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(outcome.lines().len(), 2);
    assert_eq!(
        without_lag(&outcome.stderr),
        "rawwatch: events: 2, bytes: 521, reconnects: 0, resyncs: 0, duplicates dropped: 1"
    );
}

#[test]
fn a_bookmark_advances_the_position_unless_it_is_older() {
    let bookmark = |version: &str| event("BOOKMARK", "", version);
    let (run, server) = against(
        [
            list(),
            stream(bookmark("20") + &bookmark("15"), Piece::End),
            open_stream(event("MODIFIED", "a", "21")),
        ],
        &["--watch-only", "--count=1"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(
        outcome.stderr,
        format!(
            "rawwatch: {CONFIG_MAPS}: ignored a bookmark at resource version 15: events up to 20 had already arrived\n"
        )
    );
    assert_eq!(
        query_parameter(&server, 2, "resourceVersion").unwrap(),
        "20"
    );
}

#[test]
fn three_empty_streams_cause_a_resync() {
    let nothing = || Answer::Stream(vec![Piece::End]);
    let (run, _server) = against(
        [
            list(),
            nothing(),
            nothing(),
            nothing(),
            list_of("20", &[("b", "15")]),
            open_stream(event("MODIFIED", "b", "21")),
        ],
        &["--watch-only", "--count=3"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(outcome.short(), ["[DELETED a]", "[ADDED b]", "MODIFIED b"]);
    assert!(
        outcome.lines()[0].contains("\"reason\":\"stalled\""),
        "{outcome:?}"
    );
}

#[test]
fn a_rollback_of_the_server_is_detected_on_a_silent_stream() {
    let (run, _server) = against(
        [
            list(),
            open_stream(event("MODIFIED", "a", "40")),
            list_of("30", &[("a", "1")]),
            list_of("30", &[("a", "1"), ("b", "2")]),
            open_stream(event("MODIFIED", "b", "31")),
        ],
        &["--watch-only", "--count=4", "--max-silence=300ms"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(
        outcome.short(),
        ["MODIFIED a", "[MODIFIED a]", "[ADDED b]", "MODIFIED b"]
    );
    assert!(
        outcome.lines()[1].contains("\"reason\":\"rollback\""),
        "{outcome:?}"
    );
}

#[test]
fn a_refused_first_connection_ends_the_run_at_once() {
    let outcome = Run::start(
        command("/nonexistent/kubeconfig".as_ref())
            .args([CONFIG_MAPS, "--server=http://127.0.0.1:1"]),
    )
    .wait();
    let outcome = outcome.ended(3);
    assert_eq!(
        outcome.stderr,
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
    );
}

#[test]
fn retry_for_limits_how_long_a_run_retries() {
    let (run, server) = against([list(), Answer::CloseUnanswered], &["--retry-for=2s"]);
    let start = Instant::now();
    let outcome = run.wait().ended(5);
    assert!(start.elapsed() >= Duration::from_secs(2));
    let (before, after) = outcome.stderr.split_once("gave up after ").unwrap();
    assert_eq!(before, format!("error: {CONFIG_MAPS}: "));
    let (_, after) = after.split_once(": ").unwrap();
    assert_eq!(after, "Unable to connect to the server: EOF\n");
    assert!(server.requests().len() > 3);
}

#[test]
fn v_1_reports_when_and_why_a_stream_is_renewed() {
    let (run, _server) = against(
        [
            list(),
            stream(event("MODIFIED", "a", "11"), Piece::End),
            open_stream(event("MODIFIED", "a", "12")),
        ],
        &["--watch-only", "--count=2", "-v", "1"],
    );
    assert_eq!(
        run.wait().ended(0).stderr,
        format!(
            "rawwatch: {CONFIG_MAPS}: reconnecting from resource version 10: the server ended the stream\n"
        )
    );
}

#[test]
fn an_audit_finds_an_event_lost_by_the_server() {
    let (run, _server) = against(
        [
            list(),
            Answer::Stream(vec![
                Piece::Pause(Duration::from_millis(1500)),
                Piece::Send(event("BOOKMARK", "", "20").into()),
            ]),
            list_of("20", &[("a", "1"), ("lost", "15")]),
            list_of("21", &[("a", "1"), ("lost", "15")]),
            open_stream(event("MODIFIED", "a", "22")),
        ],
        &["--watch-only", "--audit=1s", "--count=2"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!(
        outcome.short(),
        ["[ADDED lost]", "MODIFIED a"],
        "{outcome:#?}"
    );
    assert_eq!(
        outcome.stderr,
        "rawwatch: resynced after missing or out-of-order events (20→21): 1 added, 0 modified, 0 deleted; \
         changes in between cannot be recovered\n"
    );
}

/// Returns a stream of three events, the first one after 1.5 s.
fn slow_events() -> Answer {
    let events = ["11", "12", "13"].map(|version| event("MODIFIED", "a", version));
    let pieces = events.into_iter().enumerate().flat_map(|(number, event)| {
        let pause = Duration::from_millis(if number == 0 { 1500 } else { 500 });
        [Piece::Pause(pause), Piece::Send(event.into())]
    });
    Answer::Stream(pieces.collect())
}

#[test]
fn events_arrive_while_an_audit_or_a_probe_is_unanswered() {
    for flag in ["--audit=1s", "--max-silence=1s"] {
        let start = Instant::now();
        let (run, server) = against(
            [list(), slow_events(), Answer::Silence],
            &["--watch-only", "--count=3", "--stats", flag],
        );
        let outcome = run.wait().ended(0);
        assert_eq!(outcome.lines().len(), 3);
        assert!(start.elapsed() < Duration::from_secs(8), "{outcome:#?}");
        let targets: Vec<String> = server.requests().into_iter().map(|r| r.target).collect();
        assert_eq!(targets.len(), 3, "{targets:#?}");
        assert!(targets[2].contains("?limit="), "{targets:#?}");
    }
}

#[test]
fn a_failed_probe_keeps_the_stream() {
    let error = error_response(500, "", "etcd is unwell");
    let (run, server) = against(
        [list(), slow_events(), Answer::Reply(error)],
        &["--watch-only", "--count=3", "--max-silence=300ms"],
    );
    let outcome = run.wait().ended(0);
    assert_eq!((outcome.lines().len(), outcome.stderr.as_str()), (3, ""));
    let requests = server.requests();
    assert!(requests.len() > 3);
    let probes = requests[2..].iter();
    assert!(
        probes
            .map(|r| &r.target)
            .all(|target| target.ends_with("?limit=1"))
    );
}

#[test]
fn request_timeout_limits_the_wait_for_a_stream_not_the_stream() {
    let late = Answer::Stream(vec![
        Piece::Pause(Duration::from_millis(2500)),
        Piece::Send(event("MODIFIED", "a", "11").into()),
    ]);
    let (run, server) = against(
        [list(), late],
        &["--watch-only", "--request-timeout=1s", "--count=1"],
    );
    assert_eq!(run.wait().ended(0).short(), ["MODIFIED a"]);
    assert_eq!(server.requests().len(), 2);
    let (run, server) = against(
        [
            list(),
            Answer::Silence,
            open_stream(event("MODIFIED", "a", "11")),
        ],
        &["--watch-only", "--request-timeout=1s", "--count=1"],
    );
    assert_eq!(run.wait().ended(0).short(), ["MODIFIED a"]);
    assert_eq!(watches(&server), 2);
}

#[test]
fn streams_that_fail_after_each_event_are_renewed_with_pauses() {
    let expired = [event("MODIFIED", "a", "11"), error_event(410, "Expired")].concat();
    let expired = (0..50).flat_map(|_| [list(), open_stream(expired.as_str())]);
    // The last answer of a script is repeated.
    // A reset discards what the watch has not read yet, even the status line. Then the watch has failed,
    // and no stream was there.
    let reset = Answer::Stream(vec![
        Piece::Send(event("MODIFIED", "a", "11").into()),
        Piece::Pause(Duration::from_millis(200)),
        Piece::Reset,
    ]);
    let reset = [list(), reset];
    let empty = [list(), stream("", Piece::End)];
    for script in [expired.collect(), reset.to_vec(), empty.to_vec()] {
        let (run, server) = against(script, &["--timeout=5s", "-o=none"]);
        run.wait();
        // After a reset, at most one check a second runs beside the streams.
        let (requests, watches) = (server.requests().len(), watches(&server));
        assert!((4..=18).contains(&requests), "{requests} requests");
        assert!(watches <= 8, "{watches} watches");
    }
}

/// The torn event and the fresh one are on one line.
#[test]
fn joined_events_are_separated_and_torn_ones_dropped() {
    let joined = five_events().replace('\n', "");
    let (run, _server) = against(
        [list(), open_stream(joined)],
        &["--watch-only", "--count=5"],
    );
    assert_eq!(run.wait().ended(0).lines().join("\n") + "\n", five_events());
    let first = event("ADDED", "b", "11");
    for cut in [1, 2, 20, first.len() / 2, first.len() - 3, first.len() - 2] {
        let torn = format!("{}{}", &first[..cut], event("MODIFIED", "a", "12"));
        let (run, server) = against(
            [list(), open_stream(torn), open_stream(five_events())],
            &["--watch-only", "--count=5"],
        );
        let outcome = run.wait().ended(0);
        assert_eq!(outcome.lines().join("\n") + "\n", five_events());
        assert!(
            outcome.stderr.contains("dropped a torn line"),
            "{outcome:?}"
        );
        assert_eq!(watches(&server), 2);
    }
}

#[test]
fn a_message_names_an_unknown_event_type() {
    let (run, _server) = against(
        [list(), open_stream("{\"type\":\"SYNC\",\"object\":{}}\n")],
        &["--watch-only"],
    );
    let stderr = run.wait().ended(6).stderr;
    let message = "dropped an event of the unknown type \"SYNC\"; reconnecting\n";
    assert!(stderr.contains(message), "{stderr}");
}

#[test]
fn a_server_that_repeats_a_continue_token_is_refused() {
    let page = |name: &str| {
        let list = format!(
            r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"10","continue":"same-token"}},"items":[{{"metadata":{{"name":"{name}","uid":"{name}","resourceVersion":"1"}}}}]}}"#
        );
        Answer::Reply(Reply::json(200, list))
    };
    for (second, problem) in [
        ("b", "the server repeats the continue token \"same-tok…\""),
        ("a", "the server repeats the continue token \"same-tok…\""),
    ] {
        let (run, server) = against([page("a"), page(second)], &[]);
        let outcome = run.wait().ended(6);
        assert_eq!(outcome.short(), ["ADDED a"]);
        assert_eq!(
            outcome.stderr,
            format!(
                "error: the list of PATH has no end: {problem}\n\
                 hint: report this to the developers of the API: it does not implement `continue`\n"
            )
        );
        assert_eq!(server.requests().len(), 2);
    }
}

/// The server ignores `Accept-Encoding: identity`.
#[test]
fn a_compressed_response_ends_the_run_with_6() {
    let compressed = || {
        let reply = Reply::json(200, [0x1f, 0x8b, 8, 0]).header("Content-Encoding", "gzip");
        Answer::Reply(reply)
    };
    for script in [vec![compressed()], vec![list(), compressed()]] {
        let (run, server) = against(script, &["-o=none"]);
        assert_eq!(
            run.wait().ended(6).stderr,
            format!(
                "error: {} compressed its response (200 OK, Content-Encoding: \"gzip\"), which was not asked for\n\
                 hint: connect to the API server directly, or turn off compression in the proxy in between\n",
                server.address()
            )
        );
    }
}

/// Without its items, a document would be an empty list, and `--for=delete` would be met.
#[test]
fn a_successful_response_without_a_list_is_not_an_empty_list() {
    let object =
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"5"}}"#;
    let failure = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Forbidden","code":403,"message":"no"}"#;
    for (body, code, message) in [
        (object, 6, "is not a list of objects with a resourceVersion"),
        (failure, 1, "Error from server (Forbidden): no"),
    ] {
        for goal in ["--for=synced", "--for=delete"] {
            let reply = Answer::Reply(Reply::json(200, body));
            let (run, _server) = against([reply], &[goal]);
            let outcome = run.wait().ended(code).says(message);
            assert_eq!(outcome.stdout, "");
        }
    }
}
