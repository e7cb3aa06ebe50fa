use h2::Reason;
use kubectl_plugin::error::Kind;

use super::http2_server::{Http2Server, Reaction};
use super::*;

const PATH: &str = "/api/v1/namespaces/default/configmaps/c";

/// The reply of an API server.
const REPLY: Reaction = Reaction::Answer(2);

#[tokio::test]
async fn no_more_requests_are_open_than_the_server_allows() {
    let server = Http2Server::with_max_streams(3, [REPLY]).await;
    let results = send_all(
        &connect(&server.arguments()),
        vec![merge_patch(PATH); 10 * IN_FLIGHT],
    )
    .await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(server.connections(), 1);
    assert!(server.most_at_once() <= 3, "{}", server.most_at_once());
}

#[tokio::test]
async fn a_request_that_the_server_refused_to_start_is_sent_again() {
    for ignored in [
        Reaction::Reset(Reason::REFUSED_STREAM),
        Reaction::IgnoreAndGoAway,
    ] {
        let server = Http2Server::start([ignored, REPLY]).await;
        let client = connect(&server.arguments());
        if matches!(ignored, Reaction::Reset(_)) {
            // The connection stays open, so the server refuses the request each time.
            let error = client.send(merge_patch(PATH)).await.unwrap_err();
            assert!(matches!(error.kind(), Kind::Connection(_)), "{error:?}");
            assert_eq!((server.connections(), server.requests()), (1, 5));
        } else {
            client.send(merge_patch(PATH)).await.unwrap();
            assert_eq!((server.connections(), server.requests()), (2, 2));
        }
    }
}

#[tokio::test]
async fn a_request_that_the_server_may_have_started_is_not_sent_again() {
    for (reaction, reason) in [
        (
            Reaction::Reset(Reason::INTERNAL_ERROR),
            "stream error: INTERNAL_ERROR; received from peer",
        ),
        (Reaction::AcceptAndGoAway, "EOF"),
        (Reaction::Close, "EOF"),
    ] {
        let server = Http2Server::start([reaction, REPLY]).await;
        let client = connect(&server.arguments());
        let error = client.send(merge_patch(PATH)).await.unwrap_err();
        assert!(is_unknown(&error), "{error:?}");
        let expected = format!("the connection was lost before the response arrived ({reason})");
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!(server.requests(), 1);
        // The next request is sent, over another connection if necessary.
        let next = client.send(get(PATH)).await;
        let is_reset = matches!(reaction, Reaction::Reset(_));
        assert_eq!(next.is_ok(), !is_reset, "{next:?}");
        assert_eq!(server.connections(), if is_reset { 1 } else { 2 });
    }
}

#[tokio::test]
async fn responses_that_nobody_reads_do_not_delay_others() {
    let server = Http2Server::start([Reaction::Answer(4 << 20)]).await;
    let client = connect(&server.arguments());
    let mut unread = Vec::new();
    for _ in 0..2 * IN_FLIGHT {
        unread.push(client.open(get(PATH)).await.unwrap());
    }
    let reply = client.send(get(PATH)).await.unwrap();
    assert_eq!(reply.body().len(), 4 << 20);
    assert_eq!(server.connections(), 1);
}

/// A server that accepts a TLS 1.3 handshake without the client certificate that it requires, and then
/// refuses it with an alert.
#[tokio::test]
async fn an_alert_after_the_handshake_means_that_nothing_was_done() {
    let server = Http2Server::that_requires_a_certificate().await;
    let error = connect(&server.arguments())
        .send(merge_patch(PATH))
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), Kind::Connection(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "Unable to connect to the server: remote error: tls: certificate required"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("requires a client certificate")
    );
    assert_eq!(server.connections(), 1);
}
