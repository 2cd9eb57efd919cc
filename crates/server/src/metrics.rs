//! What the service counts, as Prometheus reads it. No label names a person, a unit or a vehicle.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use headlock_registry::desk::{Action, Outcome, Refusal};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// A route as the router has it, or `none`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route(pub(crate) std::sync::Arc<str>);

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&&*self.0, encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: Route,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OnRoute {
    route: Route,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Because {
    why: &'static str,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<OnRoute, Histogram>,
    batches: Histogram,
    commits: Histogram,
    syncs: Histogram,
    queue: Gauge,
    unsealed: Gauge,
    connections: Gauge,
    log_size: Gauge<u64, AtomicU64>,
    releases: Counter,
    pending: Counter,
    denials: Family<Because, Counter>,
    exports: Counter,
    faults: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.000_1, 2.0, 18));
        let mut registry = Registry::with_prefix("headlock");
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            commits: seconds(),
            syncs: seconds(),
            queue: Gauge::default(),
            unsealed: Gauge::default(),
            connections: Gauge::default(),
            log_size: Gauge::default(),
            releases: Counter::default(),
            pending: Counter::default(),
            denials: Family::default(),
            exports: Counter::default(),
            faults: Counter::default(),
        };
        registry.register("requests", "Requests answered", metrics.requests.clone());
        let time = "Time from a request's head to its answer";
        registry.register_with_unit("request", time, Unit::Seconds, metrics.seconds.clone());
        registry.register("batch_commands", "Commands in a batch", metrics.batches.clone());
        registry.register_with_unit("commit", "Time of a batch", Unit::Seconds, metrics.commits.clone());
        registry.register_with_unit("log_sync", "Time of a sync of the log", Unit::Seconds, metrics.syncs.clone());
        registry.register("queue", "Commands that wait for the desk", metrics.queue.clone());
        registry.register("unsealed", "1 while the desk is open", metrics.unsealed.clone());
        registry.register("connections", "Connections", metrics.connections.clone());
        registry.register("log_leaves", "Leaves of the log", metrics.log_size.clone());
        registry.register("releases", "Codes and keys handed out", metrics.releases.clone());
        registry.register("pending", "Requests left to a second person", metrics.pending.clone());
        registry.register("denials", "What the desk refused", metrics.denials.clone());
        registry.register("exports", "Files for the escrow that were begun", metrics.exports.clone());
        registry.register("faults", "Batches that could not be answered", metrics.faults.clone());
        Self { registry, ..metrics }
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> Option<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).ok().map(|()| text)
    }

    pub(crate) fn answered(&self, route: Route, status: u16, took: Duration) {
        self.seconds.get_or_create(&OnRoute { route: route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Answered { route, status }).inc();
    }

    pub(crate) fn batch(&self, commands: usize, took: Duration, log_size: u64) {
        self.batches.observe(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
        self.commits.observe(took.as_secs_f64());
        self.log_size.set(log_size);
    }

    pub(crate) fn synced(&self, took: Duration) {
        self.syncs.observe(took.as_secs_f64());
    }

    pub(crate) fn queue_length(&self, length: i64) {
        self.queue.set(length);
    }

    pub(crate) fn unsealed(&self, is: bool) {
        self.unsealed.set(i64::from(is));
    }

    pub(crate) fn connected(&self) {
        self.connections.inc();
    }

    pub(crate) fn disconnected(&self) {
        self.connections.dec();
    }

    pub(crate) fn fault(&self) {
        self.faults.inc();
    }

    pub(crate) fn decided(&self, action: &Action, outcome: &Result<Outcome, Refusal>) {
        match (action, outcome) {
            (_, Ok(Outcome::Released(_))) => drop(self.releases.inc()),
            (Action::Release(_), Ok(Outcome::Pending(_))) => drop(self.pending.inc()),
            (_, Ok(Outcome::Exporter(_))) => drop(self.exports.inc()),
            (_, Err(refusal)) => drop(self.denials.get_or_create(&Because { why: word(refusal) }).inc()),
            _ => {}
        }
    }
}

const fn word(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotSignedIn => "not-signed-in",
        Refusal::SignIn => "sign-in",
        Refusal::Locked { .. } => "locked",
        Refusal::NotAllowed { .. } => "not-allowed",
        Refusal::NotFound => "not-found",
        Refusal::TooMany { .. } => "too-many",
        Refusal::Rule { .. } => "rule",
        Refusal::Conflict(_) => "conflict",
        Refusal::Invalid { .. } => "invalid",
    }
}
