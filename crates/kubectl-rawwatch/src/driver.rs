//! Carries out the demands of a watcher: sends requests, reads streams, waits. At the same time, it
//! carries out at most one side request.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::pin::{Pin, pin};
use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, End, Reply, StreamingReply};
use tokio::time::{Sleep, sleep_until};

use crate::clock::{COMPARED_EVERY, Clock};
use crate::output::printer::PathPrinter;
use crate::requests::Requests;
use crate::target::WatchTarget;
use crate::watcher::{Closed, Demand, Input, SideRequest, Stop, Watcher};
use crate::wire::framer::{Framer, Unusable};

/// The minimum time between two looks at a stream after which it may have ended unseen. A look
/// normally comes after [`COMPARED_EVERY`] at the latest.
const MIN_PAUSE: Duration = Duration::from_secs(10);
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
    /// The time of the last look.
    last_look: Duration,
    /// Whether the process did not look at the stream for a long time, and has not seen since that it
    /// is still open. The process may have been stopped, or its output blocked.
    was_out_of_sight: bool,
}

impl Stream {
    /// Records a look at the stream. Returns whether it is late.
    fn look(&mut self, now: Duration) -> bool {
        let is_late = now.saturating_sub(self.last_look) > MIN_PAUSE;
        self.was_out_of_sight |= is_late;
        self.last_look = now;
        is_late
    }
}

type FutureReply<'a> = Pin<Box<dyn Future<Output = Result<Reply, Error>> + 'a>>;

/// The side request in progress, if any.
#[derive(Default)]
struct Side<'a> {
    request: Option<SideRequest>,
    reply: Option<FutureReply<'a>>,
}

impl Side<'_> {
    /// Waits for the response. Cancel safe.
    async fn reply(&mut self) -> Result<Reply, Error> {
        let Some(reply) = &mut self.reply else {
            return pending().await;
        };
        let reply = reply.await;
        *self = Self::default();
        reply
    }
}

impl<'a> Driver<'a> {
    pub(crate) async fn run(mut self, mut clock: Clock) -> Result<Infallible, Stop> {
        let requests = self.requests();
        let mut stream = None;
        // A watch that was opened with the LIST before it.
        let mut opened = None;
        let mut side = Side::default();
        loop {
            let demand = self.watcher.borrow().demand();
            match &demand {
                Demand::Read { until } => {
                    let Some(stream) = &mut stream else {
                        unreachable!("a stream is read only after it was opened")
                    };
                    self.read(&mut clock, *until, stream, &mut side).await?;
                }
                Demand::List {
                    token,
                    metadata_only,
                    whole,
                } => {
                    stream = None;
                    let listed = requests.list(token, *metadata_only, *whole);
                    let Some(listed) = self.beside(&clock, &demand, &mut side, listed).await?
                    else {
                        continue;
                    };
                    opened = listed.watch;
                    match listed.page {
                        Ok(reply) => self.step(clock.now(), Input::Page(reply.body()))?,
                        Err(error) => self.step(clock.now(), Input::Failed(error))?,
                    }
                }
                Demand::Watch { from, timeout } => {
                    let reply = async {
                        match opened.take() {
                            Some(reply) => Ok(reply),
                            None => requests.watch(from, *timeout).await,
                        }
                    };
                    if let Some(reply) = self.beside(&clock, &demand, &mut side, reply).await? {
                        stream = self.start_stream(&mut clock, reply)?;
                    }
                }
                Demand::Wait { until } => {
                    stream = None;
                    let pause = sleep_until(clock.at(*until));
                    if let Some(()) = self.beside(&clock, &demand, &mut side, pause).await? {
                        self.step(clock.now(), Input::Elapsed)?;
                    }
                }
            }
        }
    }

    fn requests(&self) -> Requests<'a> {
        Requests {
            server: self.server,
            target: self.target,
            watcher: self.watcher,
        }
    }

    fn step(&mut self, now: Duration, input: Input<'_>) -> Result<(), Stop> {
        self.watcher.borrow_mut().step(now, input, &mut self.output)
    }

    /// Waits for the result of a demand, while a side request runs. Returns `None` if the response
    /// to the side request replaces the demand.
    async fn beside<T>(
        &mut self,
        clock: &Clock,
        demand: &Demand,
        side: &mut Side<'a>,
        result: impl Future<Output = T>,
    ) -> Result<Option<T>, Stop> {
        let mut result = pin!(result);
        loop {
            self.follow_side_request(side);
            tokio::select! {
                biased;
                reply = side.reply() => match reply {
                    Ok(reply) => self.step(clock.now(), Input::SidePage(reply.body()))?,
                    Err(error) => self.step(clock.now(), Input::SideFailed(error))?,
                },
                result = &mut result => return Ok(Some(result)),
            }
            if self.watcher.borrow().demand() != *demand {
                return Ok(None);
            }
        }
    }

    /// Starts the side request that the watcher needs. Cancels one that it no longer needs.
    fn follow_side_request(&self, side: &mut Side<'a>) {
        let request = self.watcher.borrow().side_request();
        if request == side.request {
            return;
        }
        let requests = self.requests();
        side.reply = request
            .clone()
            .map(|request| Box::pin(requests.check(request)) as FutureReply<'a>);
        side.request = request;
    }

    /// Starts to read a stream, if the server has opened it.
    fn start_stream(
        &mut self,
        clock: &mut Clock,
        reply: Result<StreamingReply, Error>,
    ) -> Result<Option<Stream>, Stop> {
        let stream = match reply {
            Ok(reply) => Stream {
                reply,
                framer: Framer::new(self.max_event_size),
                next_look: Box::pin(sleep_until(clock.at(clock.now() + COMPARED_EVERY))),
                last_look: clock.now(),
                was_out_of_sight: false,
            },
            Err(error) => {
                self.step(clock.now(), Input::Failed(error))?;
                return Ok(None);
            }
        };
        // Ignores a suspend that predates this stream.
        let _ = clock.take_suspend();
        self.step(clock.now(), Input::Opened)?;
        Ok(Some(stream))
    }

    /// Reads the next chunk, or waits for it.
    async fn read(
        &mut self,
        clock: &mut Clock,
        until: Duration,
        stream: &mut Stream,
        side: &mut Side<'a>,
    ) -> Result<(), Stop> {
        let next_look = stream.next_look.deadline().min(clock.at(until));
        if next_look != stream.next_look.deadline() {
            stream.next_look.as_mut().reset(next_look);
        }
        let (reply, timer) = (&mut stream.reply, &mut stream.next_look);
        let arrival = async {
            tokio::select! {
                biased;
                chunk = reply.chunk() => Some(chunk),
                () = timer.as_mut() => None,
            }
        };
        let demand = Demand::Read { until };
        let Some(arrival) = self.beside(clock, &demand, side, arrival).await? else {
            return Ok(());
        };
        let arrived = clock.now();
        let is_late = stream.look(arrived);
        match arrival {
            Some(Ok(bytes)) => {
                self.take_chunk(arrived, &bytes, &mut stream.framer)?;
                let waited = clock.now().saturating_sub(arrived);
                self.watcher.borrow_mut().waited_for_output(waited);
                Ok(())
            }
            Some(Err(end)) => {
                if stream.was_out_of_sight {
                    self.watcher.borrow_mut().lost_sight();
                }
                let closed = closed(end, stream.framer.incomplete_length());
                self.step(arrived, Input::Closed(closed))
            }
            None => {
                // The first look after a pause may come too early to see an end.
                stream.was_out_of_sight = is_late;
                self.look_at_clocks(clock, until, &mut stream.next_look)
            }
        }
    }

    /// Handles a suspend of the system, or the time of the demand, if it has come.
    fn look_at_clocks(
        &mut self,
        clock: &mut Clock,
        until: Duration,
        next_look: &mut Pin<Box<Sleep>>,
    ) -> Result<(), Stop> {
        let now = clock.now();
        next_look.as_mut().reset(clock.at(now + COMPARED_EVERY));
        match clock.take_suspend() {
            Some(suspended) => {
                self.watcher.borrow_mut().lost_sight();
                let reason = format!("the system was suspended for {suspended:.0?}");
                self.step(now, Input::Closed(Closed::Broken(reason)))
            }
            None if now < until => Ok(()),
            None => self.step(now, Input::Elapsed),
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
            if !self.watcher.borrow().is_streaming() {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use clap::Parser;
    use faulty_server::{Answer, FaultyServer, Reply};
    use tokio::time::{sleep, timeout};

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
            output: PathPrinter::new(PATH, &target.subject, 0, &printer),
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
