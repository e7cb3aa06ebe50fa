//! The `User-Agent` of every request, in client-go's form
//! (`client-go/rest/config.go`, `DefaultKubernetesUserAgent`).

use std::env;
use std::path::Path;

use http::HeaderValue;
use http::header::USER_AGENT;

use crate::request::ApiRequest;

/// Adds the `User-Agent`, unless the request has one.
pub(super) fn with_user_agent(mut request: ApiRequest) -> ApiRequest {
    request.headers.entry(USER_AGENT).or_insert_with(user_agent);
    request
}

/// Returns, for example, `kubectl-rawpatch/0.1.0 (linux/amd64)`, with Go's names for systems.
fn user_agent() -> HeaderValue {
    let program = env::args_os().next().unwrap_or_default();
    let program = Path::new(&program)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let system = match env::consts::OS {
        "macos" => "darwin",
        system => system,
    };
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        architecture => architecture,
    };
    let version = env!("CARGO_PKG_VERSION");
    HeaderValue::try_from(format!("{program}/{version} ({system}/{architecture})"))
        .unwrap_or(HeaderValue::from_static("kubectl-plugin"))
}
