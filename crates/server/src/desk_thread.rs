//! The one thread that owns the desk: it takes whatever waits, has all of it committed at once, and answers each.
//!
//! Nothing is answered before it is durable. While a commit is under way the next batch gathers by itself, so there is nothing to wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use headlock_registry::desk::{Action, Command, Credential, Desk, Fault, Outcome, Refusal};
use headlock_registry::log::Disk;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::metrics::Metrics;

/// How often things that are due are looked for.
const TICK: Duration = Duration::from_mins(1);

/// How long what is not urgent waits for other work to go along with.
const REST: Duration = Duration::from_millis(200);

/// The same where leaves of the last batches are not published yet.
const SOON: Duration = Duration::from_millis(50);

/// Nothing can be said about what was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unavailable;

/// Why a command does not come to the desk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unqueued {
    /// Too many wait.
    Full,
    /// The desk is no longer there.
    Gone,
}

type Answer = Result<Result<Outcome, Refusal>, Unavailable>;

/// Looks at the desk between two batches.
type Look = Box<dyn FnOnce(&mut Desk<Disk>) + Send>;

/// What the thread is given.
#[allow(clippy::large_enum_variant, reason = "nearly all are of the large kind")]
enum Job {
    /// To be decided and made durable.
    Do(Command, oneshot::Sender<Answer>),
    /// Something that only looks at the desk.
    Look(Look),
    /// Finish what waits, and end.
    Stop,
}

/// How the thread works.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) queue: usize,
    pub(crate) batch: usize,
    pub(crate) sync_every: Duration,
}

/// The way to the desk.
#[derive(Debug)]
pub(crate) struct DeskQueue {
    jobs: SyncSender<Job>,
    left: Sender<Action>,
    waiting: Arc<AtomicI64>,
    generation: Arc<AtomicU64>,
    metrics: Arc<Metrics>,
}

impl DeskQueue {
    /// Has something done; what it came to is durable when this answers.
    pub(crate) async fn run(&self, credential: Credential, action: Action) -> Result<Answer, Unqueued> {
        let (answer, answered) = oneshot::channel();
        self.push(Job::Do(Command { credential, action }, answer))?;
        answered.await.map_err(|_| Unqueued::Gone)
    }

    /// Looks at the desk, between two batches.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Desk<Disk>) -> T + Send + 'static,
    ) -> Result<T, Unqueued> {
        let (answer, answered) = oneshot::channel();
        let look = move |desk: &mut Desk<Disk>| drop(answer.send(look(desk)));
        self.push(Job::Look(Box::new(look)))?;
        answered.await.map_err(|_| Unqueued::Gone)
    }

    /// Something has left, as this says. It is kept with the next batch.
    pub(crate) fn left(&self, what: Action) {
        // The thread has ended: nobody will ask whether it left.
        let _ = self.left.send(what);
    }

    /// Moves on with every change that could take somebody's rights away, before that change is answered.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Ends the thread after what waits now. Blocks while the queue is full.
    pub(crate) fn stop(&self) {
        let _ = self.jobs.send(Job::Stop);
    }

    fn push(&self, job: Job) -> Result<(), Unqueued> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.metrics.queue_length(waiting);
        self.jobs.try_send(job).map_err(|why| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match why {
                TrySendError::Full(_) => Unqueued::Full,
                TrySendError::Disconnected(_) => Unqueued::Gone,
            }
        })
    }
}

/// The thread's own end.
pub(crate) struct DeskThread {
    jobs: Receiver<Job>,
    left: Receiver<Action>,
    waiting: Arc<AtomicI64>,
    generation: Arc<AtomicU64>,
    metrics: Arc<Metrics>,
    clock: Clock,
    pace: Pace,
}

/// A queue, and what works it off.
pub(crate) fn desk_queue(pace: Pace, clock: Clock, metrics: Arc<Metrics>) -> (DeskQueue, DeskThread) {
    let (jobs, jobs_out) = sync_channel(pace.queue);
    let (left, left_out) = channel();
    let (waiting, generation) = (Arc::<AtomicI64>::default(), Arc::<AtomicU64>::default());
    let queue = DeskQueue {
        jobs,
        left,
        waiting: Arc::clone(&waiting),
        generation: Arc::clone(&generation),
        metrics: Arc::clone(&metrics),
    };
    (queue, DeskThread { jobs: jobs_out, left: left_out, waiting, generation, metrics, clock, pace })
}

/// Why a desk's time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was told to stop.
    Stopped,
    /// The log's folder lost what was written to it: the desk has to be opened anew.
    LogLost,
}

impl DeskThread {
    /// Works until it is told to stop, then makes the log durable.
    pub(crate) fn run(&self, desk: &mut Desk<Disk>) -> End {
        let opened = Command { credential: Credential::Console, action: Action::Unsealed };
        self.work(desk, vec![(opened, None)]);
        let mut due = Due { tick: Instant::now(), sync: Instant::now() + self.pace.sync_every };
        loop {
            let mut batch = Vec::new();
            let mut looks = Vec::new();
            let rest = if desk.ledger().is_published() { REST } else { SOON };
            let stop = self.gather(rest, &mut batch, &mut looks);
            let now = Instant::now();
            if due.tick <= now {
                due.tick = now + TICK;
                batch.push((Command { credential: Credential::Console, action: Action::Tick }, None));
            }
            if batch.is_empty() {
                publish(desk);
            } else {
                self.work(desk, batch);
            }
            looks.into_iter().for_each(|look| look(desk));
            if stop || due.sync <= now {
                due.sync = now + self.pace.sync_every;
                let synced = self.sync(desk);
                if stop {
                    return End::Stopped;
                }
                if synced.is_err() {
                    return End::LogLost;
                }
            }
        }
    }

    /// Answers everything that waits that the desk cannot answer, for a while.
    pub(crate) fn refuse(&self, while_: Duration) -> Option<End> {
        let until = Instant::now() + while_;
        loop {
            match self.jobs.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return Some(End::Stopped),
                Ok(Job::Do(_, answer)) => {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    let _ = answer.send(Err(Unavailable));
                }
                Ok(Job::Look(_)) => {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => return None,
            }
        }
    }

    /// Waits for something to do and takes all that waits; whether it is the end.
    fn gather(&self, rest: Duration, batch: &mut Vec<Work>, looks: &mut Vec<Look>) -> bool {
        let mut stop = false;
        let mut jobs = Vec::new();
        match self.jobs.recv_timeout(rest) {
            Ok(job) => {
                jobs.push(job);
                jobs.extend(self.jobs.try_iter().take(self.pace.batch - 1));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => jobs.push(Job::Stop),
        }
        // At the end everything that still waits is taken, however much that is.
        if jobs.iter().any(|job| matches!(job, Job::Stop)) {
            stop = true;
            jobs.extend(self.jobs.try_iter());
        }
        for job in jobs {
            match job {
                Job::Do(command, answer) => batch.push((command, Some(answer))),
                Job::Look(look) => looks.push(look),
                Job::Stop => {}
            }
        }
        let count = i64::try_from(batch.len() + looks.len()).unwrap_or_default();
        self.metrics.queue_length(self.waiting.fetch_sub(count, Ordering::Relaxed) - count);
        let left = self.left.try_iter().take(self.pace.batch);
        batch.extend(left.map(|action| (Command { credential: Credential::Console, action }, None)));
        stop
    }

    fn work(&self, desk: &mut Desk<Disk>, batch: Vec<Work>) {
        let (commands, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let begun = Instant::now();
        let applied = desk.apply(self.clock.now_ms(), &commands);
        self.metrics.batch(commands.len(), begun.elapsed(), desk.ledger().head().size);
        match applied {
            Ok(outcomes) => self.answer(&commands, outcomes, answers),
            Err(why) if commands.len() > 1 && is_of_one(&why) => {
                tracing::error!(%why, "one command spoils a batch of {}; each is tried by itself", commands.len());
                for (command, answer) in commands.into_iter().zip(answers) {
                    self.work(desk, vec![(command, answer)]);
                }
            }
            Err(why) => {
                tracing::error!(%why, "the desk cannot answer {} commands", commands.len());
                self.metrics.fault();
                for answer in answers.into_iter().flatten() {
                    let _ = answer.send(Err(Unavailable));
                }
            }
        }
    }

    fn answer(&self, commands: &[Command], outcomes: Vec<Result<Outcome, Refusal>>, answers: Vec<Option<Reply>>) {
        if commands.iter().zip(&outcomes).any(|(command, outcome)| takes_rights(&command.action, outcome)) {
            self.generation.fetch_add(1, Ordering::Release);
        }
        for ((command, outcome), answer) in commands.iter().zip(outcomes).zip(answers) {
            self.metrics.decided(&command.action, &outcome);
            if let Some(answer) = answer {
                // Who asked has gone; what was decided stands, and can be collected.
                let _ = answer.send(Ok(outcome));
            }
        }
    }

    fn sync(&self, desk: &mut Desk<Disk>) -> Result<(), Fault> {
        if desk.ledger().synced() == desk.ledger().head() {
            return Ok(());
        }
        let begun = Instant::now();
        let synced = desk.sync();
        self.metrics.synced(begun.elapsed());
        synced.inspect_err(|why| tracing::error!(%why, "the log is not durable"))
    }
}

/// What waited for further commits to be published with is published when none follow.
fn publish(desk: &mut Desk<Disk>) {
    if !desk.ledger().is_published()
        && let Err(why) = desk.publish()
    {
        tracing::error!(%why, "the log is not published");
    }
}

type Reply = oneshot::Sender<Answer>;
type Work = (Command, Option<Reply>);

struct Due {
    tick: Instant,
    sync: Instant,
}

/// Whether a fault comes from what one command touches, before anything was committed.
fn is_of_one(why: &Fault) -> bool {
    match why {
        Fault::NoUnit(_) | Fault::Sealed(_) => true,
        // A request is also looked at once its batch stands.
        Fault::Row { table } => *table != "request",
        _ => false,
    }
}

/// Whether this may have taken somebody's session or rights away.
fn takes_rights(action: &Action, outcome: &Result<Outcome, Refusal>) -> bool {
    match action {
        Action::Release(_) | Action::BreakGlass { .. } => matches!(outcome, Err(Refusal::Locked { .. })),
        Action::SignIn(_) | Action::SignInByIdentity(_) | Action::Delivered { .. } => false,
        Action::ReadNotices | Action::ReadWaiting => false,
        Action::AskExport { .. } | Action::AskRecipient { .. } | Action::AgreeExport { .. } => false,
        Action::RefuseExport { .. } | Action::TakeExport { .. } | Action::ExportLeft { .. } => false,
        Action::Collect { .. } | Action::ReadLog { .. } | Action::AddUnits { .. } | Action::Provision { .. } => false,
        Action::Tick => !matches!(outcome, Ok(Outcome::Due(0))),
        _ => true,
    }
}
