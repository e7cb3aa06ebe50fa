//! The names of the server, the context and the user of a connection.

/// A server, and the names that selected it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTarget {
    /// The context's name; `None` if there is no context.
    pub context: Option<String>,
    /// The cluster's name in the kubeconfig; `None` if only flags are used, and in a Pod.
    pub cluster: Option<String>,
    /// The user's name in the kubeconfig, which may differ from the user name on the server.
    pub user: Option<String>,
    /// The kubeconfig file that defines the user; `None` if only flags are used, and in a Pod.
    pub user_file: Option<String>,
    /// The server's address, with its base path and without a trailing slash.
    pub server: String,
    /// The namespace from `-n`, the context or the Pod, or else `default`.
    pub namespace: String,
}
