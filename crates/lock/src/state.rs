//! The state of a lock: a small value that fits into a record.

use crate::policy::{MAX_FORGIVENESS, Policy, Span};

/// A running wait is written to the record whenever its rest crosses a multiple of this many milliseconds.
pub const CHECKPOINT_MS: u64 = 60_000;

/// Everything a lock remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What it is doing.
    pub phase: Phase,
    /// What it has counted.
    pub tally: Tally,
    /// What was configured.
    pub config: Config,
    /// Quiet time since the last failure, in milliseconds, one for each forgiveness rule of the policy.
    pub quiet_ms: [u64; MAX_FORGIVENESS],
}

/// What a lock is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Plays.
    Open {
        /// Milliseconds with supply since it opened.
        for_ms: u64,
    },
    /// Asks for its code.
    Armed,
    /// An attempt is charged; the code is being compared.
    Checking,
    /// Takes no code until the wait is over.
    Waiting {
        /// The whole wait.
        full: Span,
        /// What is left of it.
        left: Span,
        /// Its clock has started to count.
        begun: bool,
    },
    /// Permanently refuses.
    LockedOut,
}

/// What a lock has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tally {
    /// Failed attempts since the counter was last cleared.
    pub failed: u16,
    /// Failed attempts in the running round.
    pub in_round: u16,
    /// Completed rounds.
    pub rounds: u16,
    /// Times that extra attempts were given.
    pub extras: u16,
}

/// What was configured, by the maker, a tool or the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Code checking is on.
    pub enabled: bool,
    /// The owner asked for the lock. Matters where the policy says so.
    pub opted_in: bool,
    /// There is a code to ask for.
    pub code_set: bool,
}

impl State {
    /// A unit as it leaves the production line with this policy: open, nothing counted.
    pub const fn fresh(policy: &Policy) -> Self {
        Self {
            phase: Phase::Open { for_ms: 0 },
            tally: Tally { failed: 0, in_round: 0, rounds: 0, extras: 0 },
            config: Config { enabled: true, opted_in: !policy.arming.opt_in, code_set: true },
            quiet_ms: [0; MAX_FORGIVENESS],
        }
    }

    /// The same unit asking for its code.
    pub const fn armed(policy: &Policy) -> Self {
        Self { phase: Phase::Armed, ..Self::fresh(policy) }
    }
}
