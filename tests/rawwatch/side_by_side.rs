use std::fmt::Write as _;
use std::process::Command;

use control_plane::{ControlPlane, JSON_STORAGE, User};
use oracle::{Event, announced_gap};
use rustix::process::Signal;
use serde_json::{Deserializer, Value};

use super::oracle::events;
use super::plugin::*;

/// A client that watches the API server.
struct Client {
    name: &'static str,
    run: Run,
}

/// How a client dealt with the end of the API server.
struct Ending {
    name: &'static str,
    /// The exit code; `None` when the client keeps running.
    exit_code: Option<i32>,
    /// How many events the client neither printed nor announced as a gap.
    lost: usize,
    /// How many missing events lie in an announced gap.
    in_announced_gaps: usize,
    stderr: String,
}

/// The table in docs/rawwatch.md is the output of this test.
#[test]
fn only_rawwatch_reports_every_event_across_an_api_server_restart() {
    let server = ControlPlane::builder()
        .api_server_flag(JSON_STORAGE)
        // After SIGTERM the API server serves watches for this long, by default a minute.
        .api_server_flag("--request-timeout=4s")
        .start()
        .unwrap();
    let killed = watch_an_end(&server, "killed", || server.api_server().kill().unwrap());
    let stopped = watch_an_end(&server, "stopped", || server.api_server().stop().unwrap());
    let mut table = "\
        | | `kill -9`: exit code | events lost | SIGTERM: exit code | events lost |\n\
        |---|---|---|---|---|\n"
        .to_owned();
    for (killed, stopped) in killed.iter().zip(&stopped) {
        let (name, killed, stopped) = (killed.name, killed.cells(), stopped.cells());
        let _ = writeln!(table, "| `{name}` | {killed} | {stopped} |");
    }
    for ending in killed.iter().chain(&stopped) {
        let _ = writeln!(table, "{}: {:?}", ending.name, ending.stderr);
    }
    eprintln!("{table}");

    let codes = |endings: &[Ending]| -> Vec<Option<i32>> {
        endings.iter().map(|ending| ending.exit_code).collect()
    };
    // curl's exit code depends on the HTTP version.
    let killed_codes = codes(&killed);
    assert_eq!(killed_codes[..2], [Some(0), Some(1)], "{table}");
    assert_ne!(killed_codes[2], Some(0), "{table}");
    assert_eq!(
        codes(&stopped),
        [Some(0), Some(0), Some(0), None],
        "{table}"
    );
    for ending in killed.iter().chain(&stopped) {
        let is_ours = ending.exit_code.is_none();
        assert_eq!(ending.lost == 0, is_ours, "{}: {table}", ending.name);
        assert!(
            is_ours || ending.in_announced_gaps == 0,
            "{}: {table}",
            ending.name
        );
    }
    let silent = [&killed[0], &stopped[0], &stopped[1], &stopped[2]];
    assert!(
        silent.iter().all(|ending| ending.stderr.is_empty()),
        "{table}"
    );
}

impl Ending {
    /// Returns the client's two cells of the table.
    fn cells(&self) -> String {
        let code = self
            .exit_code
            .map_or("keeps running".to_owned(), |code| code.to_string());
        let gap = if self.in_announced_gaps > 0 {
            format!(" ({} in an announced gap)", self.in_announced_gaps)
        } else {
            String::new()
        };
        format!("{code} | {}{gap}", self.lost)
    }
}

/// Lets every client watch while the API server ends and restarts, and objects change.
fn watch_an_end(server: &ControlPlane, label: &str, end: impl FnOnce()) -> Vec<Ending> {
    let history = server.history("/registry/configmaps/default/").unwrap();
    let first = create(server, &format!("{label}-first"), label);
    let mut clients = clients(server, label);
    for client in &mut clients {
        client.wait_for("-first");
    }
    // Some clients print a LIST before they watch.
    create(server, &format!("{label}-live"), label);
    for client in &mut clients {
        client.wait_for("-live");
    }
    end();
    server.api_server().start().unwrap();
    change(server, &first, "1");
    create(server, &format!("{label}-second"), label);
    change(server, &first, "2");
    delete(server, &first);
    create(server, &format!("{label}-last"), label);
    clients.last_mut().unwrap().wait_for("-last");
    let history = events(&history, &format!("{label}-last"));
    clients
        .into_iter()
        .map(|client| client.finish(&history))
        .collect()
}

impl Client {
    /// Waits for a line that contains a name.
    fn wait_for(&mut self, name: &str) {
        while !self.run.line().contains(name) {}
    }

    /// Stops rawwatch, which alone keeps running, and returns what the client printed and missed.
    fn finish(mut self, history: &[Event]) -> Ending {
        let is_running = self.name == OURS && self.run.is_running();
        if is_running {
            self.run.signal(Signal::TERM);
        }
        let outcome = self.run.wait();
        let gaps: Vec<_> = outcome.stderr.lines().filter_map(announced_gap).collect();
        // kubectl prints an event over several lines.
        let seen: Vec<Event> = Deserializer::from_str(&outcome.stdout)
            .into_iter::<Value>()
            .map_while(Result::ok)
            .filter_map(|event| Event::from_json(&event))
            .collect();
        let missing = history.iter().filter(|event| !seen.contains(event));
        let (in_announced_gaps, lost): (Vec<&Event>, Vec<&Event>) =
            missing.partition(|event| event.is_in(&gaps));
        Ending {
            name: self.name,
            exit_code: if is_running { None } else { outcome.code },
            lost: lost.len(),
            in_announced_gaps: in_announced_gaps.len(),
            stderr: outcome.stderr,
        }
    }
}

/// The client that keeps running.
const OURS: &str = "kubectl rawwatch";

/// Starts every client. The last one is rawwatch.
fn clients(server: &ControlPlane, label: &str) -> Vec<Client> {
    let selector = format!("of={label}");
    let path = format!("{CONFIG_MAPS}?watch=1&labelSelector=of%3D{label}");
    let mut get = server.kubectl().unwrap();
    get.args(["get", "configmaps", "--watch", "--output-watch-events"])
        .args(["--output=json", "--selector", &selector]);
    let mut raw = server.kubectl().unwrap();
    raw.args(["get", "--raw", &path]);
    let (certificate, key) = server.admin_certificate();
    let mut curl = Command::new("curl");
    curl.args(["--no-buffer", "--silent", "--show-error", "--cacert"])
        .arg(server.certificate_authority())
        .arg("--cert")
        .arg(certificate)
        .arg("--key")
        .arg(key)
        .arg(format!("{}{path}", server.url()));
    let mut ours = command(&server.kubeconfig(&User::Admin).unwrap());
    ours.args([CONFIG_MAPS, "--selector", &selector]);
    [
        ("kubectl get --watch", get),
        ("kubectl get --raw '…?watch=1'", raw),
        ("curl --no-buffer '…?watch=1'", curl),
        (OURS, ours),
    ]
    .map(|(name, mut command)| Client {
        name,
        run: Run::start(&mut command),
    })
    .into()
}
