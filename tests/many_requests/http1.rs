use std::fs;
use std::time::Duration;

use faulty_server::{Answer, FaultyServer, Reply, TOKEN};
use kubectl_plugin::error::Kind;

use super::*;

const PATH: &str = "/api/v1/namespaces/default/configmaps/c";

fn connect_to(server: &FaultyServer) -> ApiServer {
    connect(&with_kubeconfig(&server.kubeconfig().unwrap()))
}

/// A server with TLS but without HTTP/2, and a server without TLS.
#[tokio::test]
async fn there_are_as_many_connections_as_requests_at_the_same_time() {
    let script = || [Answer::Delayed(Duration::from_millis(2), Reply::success())];
    for server in [
        FaultyServer::start(script()).unwrap(),
        FaultyServer::start_plain(script()).unwrap(),
    ] {
        let requests = vec![merge_patch(PATH); 20 * IN_FLIGHT];
        let results = send_all(&connect_to(&server), requests).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(server.connections(), IN_FLIGHT);
        assert_eq!(server.requests().len(), 20 * IN_FLIGHT);
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used_again() {
    let server = FaultyServer::start([
        Answer::Reply(Reply::success()),
        Answer::CloseUnread,
        Answer::Reply(Reply::success()),
    ])
    .unwrap();
    let client = connect_to(&server);
    client.send(merge_patch(PATH)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.send(merge_patch(PATH)).await.unwrap();
    assert_eq!((server.connections(), server.requests().len()), (2, 2));
}

#[tokio::test]
async fn a_patch_that_was_written_to_a_used_connection_is_not_sent_again() {
    for end in [Answer::CloseUnanswered, Answer::Reset] {
        let server = FaultyServer::start([
            Answer::Reply(Reply::success()),
            end,
            Answer::Reply(Reply::success()),
        ])
        .unwrap();
        let client = connect_to(&server);
        client.send(merge_patch(PATH)).await.unwrap();
        let error = client.send(merge_patch(PATH)).await.unwrap_err();
        assert!(is_unknown(&error), "{error:?}");
        assert_eq!((server.connections(), server.requests().len()), (1, 2));
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_fails_all_requests_at_once() {
    let server = FaultyServer::start([Answer::CloseAtOnce]).unwrap();
    let results = send_all(&connect_to(&server), vec![merge_patch(PATH); IN_FLIGHT]).await;
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), Kind::Connection(_)), "{error:?}");
    }
    assert_eq!(server.connections(), 1);
}

/// An exec plugin that counts its runs, and returns a token with their number.
const PLUGIN: &str = r#"
echo >> "$0-runs"
cat <<END
{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
 "status": {"token": "token-$(grep -c ^ "$0-runs")"}}
END
"#;

#[tokio::test]
async fn a_login_that_many_requests_lose_is_renewed_once() {
    let unauthorized = Answer::Delayed(Duration::from_millis(50), Reply::json(401, "{}"));
    let script = vec![unauthorized; IN_FLIGHT].into_iter();
    let server = FaultyServer::start(script.chain([Answer::Reply(Reply::success())])).unwrap();
    let plugin = server.folder().join("plugin");
    fs::write(&plugin, PLUGIN).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let text = fs::read_to_string(&kubeconfig).unwrap();
    let exec = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, \
         command: sh, args: [{}]}}",
        plugin.display()
    );
    fs::write(&kubeconfig, text.replace(&format!("token: {TOKEN}"), &exec)).unwrap();

    let client = connect(&with_kubeconfig(&kubeconfig));
    let results = send_all(&client, vec![merge_patch(PATH); IN_FLIGHT]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let requests = server.requests();
    let tokens: Vec<_> = (requests.iter())
        .flat_map(|request| request.header("authorization"))
        .collect();
    let expected = [["Bearer token-1"; IN_FLIGHT], ["Bearer token-2"; IN_FLIGHT]];
    assert_eq!(tokens, expected.concat());
}
