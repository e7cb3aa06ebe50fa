//! The fields of a krew manifest. Unknown fields are errors.
//!
//! krew itself ignores unknown fields (`internal/index/indexscanner/scanner.go`), so a misspelt one would
//! go unnoticed. `files` is an error too: krew's default is right for our flat archives.

use serde::Deserialize;

/// A manifest (krew, `pkg/index/types.go`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) version: String,
    pub(super) homepage: String,
    pub(super) short_description: String,
    pub(super) description: String,
    pub(super) caveats: Option<String>,
    pub(super) platforms: Vec<Installation>,
}

/// The installation on one platform.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Installation {
    pub(super) selector: Selector,
    pub(super) uri: String,
    pub(super) sha256: String,
    pub(super) bin: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Selector {
    pub(super) match_labels: MatchLabels,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchLabels {
    pub(super) os: String,
    pub(super) arch: String,
}
