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
//! | name | file | does |
//! |---|---|---|
//! | [`ControlPlane`] | `control_plane.rs` | starts both servers, creates objects, compacts etcd, runs kubectl |
//! | [`Server`] | `server.rs` | starts, stops and kills one server process |
//! | [`History`] | `history.rs` | records every change that etcd commits |
//! | [`User`] | `user.rs`, `pki.rs` | issues credentials and writes kubeconfigs |
//! | [`Client`] | `client.rs` | sends HTTP requests as one user |
//! | [`restore_default_signals`] | `signals.rs` | gives programs the default actions of signals |
//! | [`Tool`] | `tools.rs` | finds etcd, kube-apiserver and the rest, or builds them |
//! | [`build_plugins`] | `plugins.rs` | builds the plugins of this workspace |
//! | `Watchdog` | `watchdog.rs`, `watchdog.sh` | kills the servers when their owner dies |
//!
//! `bin/playground/` is the program behind `cargo playground`; `bin/control-plane.rs` offers a
//! control plane to shell scripts.

mod client;
mod control_plane;
mod history;
mod pki;
mod plugins;
mod server;
mod signals;
mod tools;
mod user;
mod watchdog;

pub use client::Client;
pub use control_plane::{Builder, ControlPlane, Created};
pub use history::{Committed, History, JSON_STORAGE};
pub use plugins::build_plugins;
pub use server::Server;
pub use signals::restore_default_signals;
pub use tools::Tool;
pub use user::User;
