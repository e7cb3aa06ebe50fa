use std::net::Ipv4Addr;
use std::time::Duration;

use control_plane::{ControlPlane, User};
use recording_proxy::{Protocol, RecordingProxy};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";

/// `ConfigMap`s on a server, which is reached through a proxy that counts connections.
struct ConfigMaps {
    control_plane: ControlPlane,
    proxy: RecordingProxy,
    paths: Vec<String>,
}

impl ConfigMaps {
    fn create(count: usize, flags: &[&str]) -> Self {
        let mut builder = ControlPlane::builder();
        for flag in flags {
            builder = builder.api_server_flag(*flag);
        }
        let control_plane = builder.start().unwrap();
        let names = (0..count).map(|number| format!("many-{number}"));
        let object = |name| {
            json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "finalizers": ["example.com/a"]},
            })
        };
        let objects: Vec<_> = names.clone().map(object).collect();
        control_plane
            .create_many(COLLECTION, objects.into_iter())
            .unwrap();
        Self {
            control_plane,
            proxy: RecordingProxy::start(Protocol::Http, None).unwrap(),
            paths: names.map(|name| format!("{COLLECTION}/{name}")).collect(),
        }
    }

    fn connect(&self) -> ApiServer {
        let kubeconfig = self.control_plane.kubeconfig(&User::Admin).unwrap();
        let mut arguments = with_kubeconfig(&kubeconfig);
        arguments.proxy_url = Some(format!("http://{}", self.proxy.address()));
        connect(&arguments)
    }

    fn connections(&self) -> usize {
        self.proxy.requests().len()
    }

    fn read(&self, path: &str) -> Value {
        let (status, body) = self.control_plane.request("GET", path, None).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// Returns the first bytes that a request sends.
async fn client_hello(prepare: impl FnOnce(ApiServer) -> ApiServer) -> Vec<u8> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut arguments = ConnectionArgs::default();
    arguments.server = Some(format!("https://{}", listener.local_addr().unwrap()));
    let server = prepare(ApiServer::connect(&arguments).unwrap());
    let mut bytes = vec![0; 4096];
    let (_, length) = tokio::join!(server.send(get("/version")), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read(&mut bytes).await.unwrap()
    });
    bytes.truncate(length);
    bytes
}

#[tokio::test]
async fn only_many_requests_negotiate_a_protocol() {
    let names: [&[u8]; 2] = [b"\x02h2", b"\x08http/1.1"];
    let negotiates =
        |hello: &[u8]| names.map(|name| hello.windows(name.len()).any(|part| part == name));
    let single = client_hello(|server| server).await;
    assert_eq!(negotiates(&single), [false, false]);
    let many = client_hello(ApiServer::for_many_requests).await;
    assert_eq!(negotiates(&many), [true, true]);
}

#[tokio::test]
async fn requests_share_one_http2_connection() {
    let config_maps = ConfigMaps::create(100, &[]);
    let server = config_maps.connect();
    let requests = (config_maps.paths.iter()).flat_map(|path| [get(path), merge_patch(path)]);
    for result in send_all(&server, requests).await {
        result.unwrap();
    }
    assert_eq!(config_maps.connections(), 1);
    for path in &config_maps.paths {
        assert_eq!(config_maps.read(path)["data"]["patched"], "yes", "{path}");
    }
}

#[tokio::test]
async fn a_server_without_http2_gets_several_http1_connections() {
    let config_maps = ConfigMaps::create(100, &["--disable-http2-serving"]);
    let server = config_maps.connect();
    let requests = (config_maps.paths.iter()).flat_map(|path| [get(path), merge_patch(path)]);
    for result in send_all(&server, requests).await {
        result.unwrap();
    }
    assert_eq!(config_maps.connections(), IN_FLIGHT);
}

/// The server ends a connection with GOAWAY after about one in fifty requests. Each patch adds an element
/// to a list, so a patch that is applied twice leaves two.
#[tokio::test]
async fn a_server_that_sends_goaway_applies_each_patch_once() {
    let config_maps = ConfigMaps::create(500, &["--goaway-chance=0.02"]);
    let server = config_maps.connect();
    let requests = (config_maps.paths.iter()).map(|path| {
        patch(
            path,
            "application/json-patch+json",
            r#"[{"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/b"}]"#,
        )
    });
    for result in send_all(&server, requests).await {
        result.unwrap();
    }
    assert!(config_maps.connections() > 1);
    for path in &config_maps.paths {
        let finalizers = &config_maps.read(path)["metadata"]["finalizers"];
        assert_eq!(
            *finalizers,
            json!(["example.com/a", "example.com/b"]),
            "{path}"
        );
    }
}

/// The proxy closes its connections in the middle of the requests.
#[tokio::test]
async fn only_a_patch_that_may_be_applied_has_an_unknown_outcome() {
    let mut config_maps = ConfigMaps::create(200, &[]);
    let server = config_maps.connect();
    let requests: Vec<_> = config_maps
        .paths
        .iter()
        .map(|path| merge_patch(path))
        .collect();
    let (results, ()) = tokio::join!(send_all(&server, requests), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        config_maps.proxy = RecordingProxy::start(Protocol::Http, None).unwrap();
    });
    let mut unknown = 0;
    for (path, result) in config_maps.paths.iter().zip(results) {
        let is_patched = config_maps.read(path)["data"]["patched"] == "yes";
        match result {
            Ok(_) => assert!(is_patched, "{path}"),
            Err(error) if is_unknown(&error) => unknown += 1,
            Err(error) => assert!(!is_patched, "{path}: {error}"),
        }
    }
    assert!((1..=IN_FLIGHT).contains(&unknown), "{unknown}");
}
