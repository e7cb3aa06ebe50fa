//! A throw-away Kubernetes control plane: the real etcd and the real kube-apiserver on loopback
//! ports, for tests and for the playground.
//!
//! ```no_run
//! use control_plane::{ControlPlane, User};
//!
//! # fn main() -> anyhow::Result<()> {
//! let control_plane = ControlPlane::shared();
//! let robot = User::ServiceAccount { namespace: "default", name: "robot" };
//! let status = control_plane
//!     .kubectl()?
//!     .args(["auth", "whoami"])
//!     .env("KUBECONFIG", control_plane.kubeconfig(&robot)?)
//!     .status()?;
//! assert!(status.success());
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//! - [`ControlPlane`] (`control_plane.rs`): starts both servers; objects, compaction, kubectl
//! - [`History`] (`history.rs`): what was committed, by etcd itself
//! - [`Server`] (`server.rs`): one process, stopped, killed, started again
//! - [`User`] (`user.rs`): kubeconfigs and credentials, made by `pki.rs`
//! - [`Tool`] (`tools.rs`): where the programs come from
//! - [`build_plugins`] (`plugins.rs`): the programs of this workspace that a user installs
//! - `watchdog.rs`, `watchdog.sh`: cleans up, whatever becomes of the owner
//! - [`Client`] (`client.rs`): HTTP connections of one user, the admin's too
//! - `bin/playground/`: what `cargo playground` runs; `bin/control-plane.rs`: the same from a script

mod client;
mod control_plane;
mod history;
mod pki;
mod plugins;
mod server;
mod tools;
mod user;
mod watchdog;

pub use client::Client;
pub use control_plane::{Builder, ControlPlane, Created};
pub use history::{Committed, History, READABLE_STORAGE};
pub use plugins::build_plugins;
pub use server::Server;
pub use tools::Tool;
pub use user::User;
