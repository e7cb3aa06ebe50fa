//! Carries out the demands of a watcher: sends requests, reads streams, waits.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, End, Reply, StreamingReply};
use kubectl_plugin::request::ApiRequest;
use tokio::time::{Sleep, sleep_until, timeout};

use crate::clock::{COMPARED_EVERY, Clock};
use crate::output::printer::PathPrinter;
use crate::target::WatchTarget;
use crate::watcher::{Closed, Demand, Input, Stop, Watcher};
use crate::wire::framer::{Framer, Unusable};
use crate::wire::version::Version;

/// The timeout of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);
/// The timeout of a LIST. An API server gives up after a minute (its `--request-timeout`), so a
/// longer silence means that it is unreachable.
const LIST_TIMEOUT: Duration = Duration::from_secs(90);
/// The timeout for the start of a stream.
const OPEN_TIMEOUT: Duration = Duration::from_mins(1);

/// Watches one path until something ends the run.
pub(crate) struct Driver<'a> {
    pub(crate) server: &'a ApiServer,
    pub(crate) target: &'a WatchTarget,
    pub(crate) watcher: &'a RefCell<Watcher>,
    pub(crate) output: PathPrinter<'a>,
    /// The maximum length of a line, in bytes.
    pub(crate) max_event_size: usize,
}

/// An open stream, and the incomplete line at its end.
struct Stream {
    reply: StreamingReply,
    framer: Framer,
    /// The timer for the next comparison of the clocks. It is kept from chunk to chunk, because
    /// setting a timer costs as much as handling an event.
    next_look: Pin<Box<Sleep>>,
}

impl Driver<'_> {
    pub(crate) async fn run(mut self, mut clock: Clock) -> Result<Infallible, Stop> {
        let mut stream = None;
        loop {
            let demand = self.watcher.borrow().demand();
            match (demand, &mut stream) {
                (Demand::Read { until }, Some(stream)) => {
                    self.read(&mut clock, until, stream).await?;
                }
                (Demand::Probe, Some(_)) => {
                    let reply = self.list(self.target.probe(), PROBE_TIMEOUT).await;
                    self.take_page(clock.now(), reply)?;
                }
                (Demand::Audit { token }, Some(_)) => {
                    let request = self.target.list(&token, true, false);
                    let reply = self.list(request, LIST_TIMEOUT).await;
                    self.take_page(clock.now(), reply)?;
                }
                (
                    Demand::List {
                        token,
                        metadata_only,
                        whole,
                    },
                    _,
                ) => {
                    stream = None;
                    let request = self.target.list(&token, metadata_only, whole);
                    let reply = self.list(request, LIST_TIMEOUT).await;
                    self.take_page(clock.now(), reply)?;
                }
                (Demand::Watch { from, timeout }, _) => {
                    stream = self.open(&mut clock, &from, timeout).await?;
                }
                (Demand::Wait { until }, _) => {
                    stream = None;
                    sleep_until(clock.at(until)).await;
                    self.step(clock.now(), Input::Elapsed)?;
                }
                (Demand::Read { .. } | Demand::Probe | Demand::Audit { .. }, None) => {
                    unreachable!("these demands only follow an open stream")
                }
            }
        }
    }

    fn step(&mut self, now: Duration, input: Input<'_>) -> Result<(), Stop> {
        self.watcher.borrow_mut().step(now, input, &mut self.output)
    }

    /// Sends a LIST and reads the whole response.
    async fn list(&self, request: ApiRequest, limit: Duration) -> Result<Reply, Error> {
        timeout(limit, self.server.look_up(request))
            .await
            .unwrap_or_else(|_| Err(no_answer(limit)))
    }

    fn take_page(&mut self, now: Duration, reply: Result<Reply, Error>) -> Result<(), Stop> {
        match reply {
            Ok(reply) => self.step(now, Input::Page(reply.body())),
            Err(error) => self.step(now, Input::Failed(error)),
        }
    }

    async fn open(
        &mut self,
        clock: &mut Clock,
        from: &Version,
        length: Duration,
    ) -> Result<Option<Stream>, Stop> {
        let reply = self.server.open(self.target.watch(from, length));
        let reply = timeout(OPEN_TIMEOUT, reply).await;
        let opened = match reply.unwrap_or_else(|_| Err(no_answer(OPEN_TIMEOUT))) {
            Ok(reply) => Some(Stream {
                reply,
                framer: Framer::new(self.max_event_size),
                next_look: Box::pin(sleep_until(clock.at(clock.now() + COMPARED_EVERY))),
            }),
            Err(error) => {
                self.step(clock.now(), Input::Failed(error))?;
                return Ok(None);
            }
        };
        // Ignores a suspend that predates this stream.
        let _ = clock.take_suspend();
        self.step(clock.now(), Input::Opened)?;
        Ok(opened)
    }

    /// Reads the next chunk, or waits for it.
    async fn read(
        &mut self,
        clock: &mut Clock,
        until: Duration,
        stream: &mut Stream,
    ) -> Result<(), Stop> {
        let next_look = stream.next_look.deadline().min(clock.at(until));
        if next_look != stream.next_look.deadline() {
            stream.next_look.as_mut().reset(next_look);
        }
        tokio::select! {
                biased;
                chunk = stream.reply.chunk() => match chunk {
                    Ok(bytes) => {
                        let arrived = clock.now();
                        self.take_chunk(arrived, &bytes, &mut stream.framer)?;
                        self.watcher
                            .borrow_mut()
                            .waited_for_output(clock.now().saturating_sub(arrived));
                        Ok(())
                    }
                    Err(end) => {
                        let closed = closed(end, stream.framer.incomplete_length());
                        self.step(clock.now(), Input::Closed(closed))
                    }
                },
                () = stream.next_look.as_mut() => {
                    let now = clock.now();
                    stream.next_look.as_mut().reset(clock.at(now + COMPARED_EVERY));
                    match clock.take_suspend() {
                        Some(suspended) => {
        let reason = format!("the system was suspended for {suspended:.0?}");
                            self.step(now, Input::Closed(Closed::Broken(reason)))
                        }
                        None if now < until => Ok(()),
                        None => self.step(now, Input::Elapsed),
                    }
                }
            }
    }

    /// Handles the lines of a chunk, as long as the watcher demands them.
    fn take_chunk(
        &mut self,
        now: Duration,
        mut bytes: &[u8],
        framer: &mut Framer,
    ) -> Result<(), Stop> {
        loop {
            match framer.next(&mut bytes) {
                Ok(Some(line)) => self.step(now, Input::Line(line))?,
                Ok(None) => return Ok(()),
                Err(Unusable::Torn(size)) => self.step(now, Input::Torn(size))?,
                Err(Unusable::TooLong) => return Err(self.too_long().into()),
            }
            if !self.watcher.borrow().wants_lines() {
                return Ok(());
            }
        }
    }

    fn too_long(&self) -> Error {
        Error::protocol(format!(
            "{}: the server sent a line of more than {} bytes",
            self.target.path, self.max_event_size
        ))
        .with_hint("raise the limit with --max-event-size=BYTES")
    }
}

fn closed(end: End, incomplete_length: usize) -> Closed {
    match end {
        End::Clean if incomplete_length == 0 => Closed::Clean,
        End::Clean => Closed::Broken(format!(
            "the stream ended in the middle of a line, after {incomplete_length} bytes"
        )),
        End::Broken(reason) => Closed::Broken(format!("the stream was cut off: {reason}")),
    }
}

fn no_answer(after: Duration) -> Error {
    Error::connection(format!(
        "Unable to connect to the server: no response within {after:?}"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use clap::Parser;
    use faulty_server::{Answer, FaultyServer, Reply};
    use tokio::time::sleep;

    use super::*;
    use crate::args::WatchArgs;
    use crate::output::printer::Printer;
    use crate::plan::options;
    use crate::representation::Headers;

    const PATH: &str = "/api/v1/namespaces/default/configmaps";
    const EMPTY: &str = r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"10"},"items":[]}"#;

    /// A stream that broke during a suspend does not fail by itself.
    #[tokio::test]
    async fn a_stream_is_renewed_at_once_after_a_suspend() {
        static APART: AtomicU64 = AtomicU64::new(0);
        let silence = Answer::Stream(Vec::new());
        let server = FaultyServer::start([Answer::Reply(Reply::json(200, EMPTY)), silence]);
        let server = server.unwrap();
        let kubeconfig = format!("--kubeconfig={}", server.kubeconfig().unwrap().display());
        let arguments = WatchArgs::parse_from(["kubectl-rawwatch", &kubeconfig, PATH]);
        let printer = RefCell::new(Printer::new(&arguments, 1).unwrap());
        let headers = Headers::new(&[], printer.borrow().representation()).unwrap();
        let api_server = ApiServer::connect(&arguments.connection).unwrap();
        let target = WatchTarget::new(PATH.parse().unwrap(), &arguments, headers).unwrap();
        let options = options(&arguments, &target, &printer.borrow()).unwrap();
        let watcher = RefCell::new(Watcher::new(options, 0));
        let driver = Driver {
            server: &api_server,
            target: &target,
            watcher: &watcher,
            output: PathPrinter::new(PATH, 0, &printer),
            max_event_size: 1000,
        };
        let clock = Clock::comparing(|| Duration::from_secs(APART.load(Ordering::Relaxed)));
        let sleeps = async {
            while server.requests().len() < 3 {
                // A suspend before the stream is open has no effect.
                APART.fetch_add(3600, Ordering::Relaxed);
                sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            stop = driver.run(clock) => panic!("{stop:?}"),
            renewed = timeout(Duration::from_secs(30), sleeps) => renewed.unwrap(),
        }
        assert!(server.requests()[2].target.contains("&resourceVersion=10"));
    }
}
