//! Failed sign-ins make an account wait: five are free, then a minute, doubling up to an hour, until one succeeds.
//!
//! Everything is kept as two numbers, so that a restart forgets nothing. While an account waits its password is not looked at, and such
//! a try is not counted: a stranger who keeps trying delays the owner by an hour at most, and never for good.
//!
//! The clock: a wait ends when the clock says so, and one that is set forward shortens it by as much. A clock that was set back would
//! lengthen it; [`Lockout::settled`] cuts it down to what this many failures cost, counted from now, and never ends it.

const FREE_FAILURES: u32 = 5;
const WAIT_MS_FIRST: u64 = 60_000;
const WAIT_MS_MAX: u64 = 3_600_000;

/// What is kept of an account's failed sign-ins. The default is an account without any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lockout {
    /// Failures since the last success.
    pub failures: u32,
    /// When the wait ends, in milliseconds since 1970; in the past, or 0, without one.
    pub until_ms: u64,
}

/// Whether a password is looked at now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is.
    Allowed,
    /// Not before this many milliseconds have passed.
    Wait {
        /// How many.
        wait_ms: u64,
    },
}

/// The state after a failure at this time. After a success it is [`Lockout::default`].
pub fn fail(state: Lockout, at_ms: u64) -> Lockout {
    let failures = state.failures.saturating_add(1);
    let wait_ms = wait_ms(failures);
    let until_ms = if wait_ms == 0 { 0 } else { at_ms.saturating_add(wait_ms) };
    Lockout { failures, until_ms }
}

/// Whether a password is looked at at this time. When it is not, and the state [`settled`](Lockout::settled) is another, keep that one.
pub fn allowed(state: Lockout, at_ms: u64) -> Admission {
    match state.settled(at_ms).until_ms.saturating_sub(at_ms) {
        0 => Admission::Allowed,
        wait_ms => Admission::Wait { wait_ms },
    }
}

impl Lockout {
    /// The same state, unless the clock was set back since: then its wait begins again now, and is no longer than it was.
    #[must_use]
    pub fn settled(self, at_ms: u64) -> Self {
        Self { until_ms: self.until_ms.min(at_ms.saturating_add(wait_ms(self.failures))), ..self }
    }
}

/// What the last of so many failures costs.
fn wait_ms(failures: u32) -> u64 {
    match failures.checked_sub(FREE_FAILURES) {
        None => 0,
        Some(doublings) => WAIT_MS_FIRST.checked_shl(doublings.min(16)).unwrap_or(WAIT_MS_MAX).min(WAIT_MS_MAX),
    }
}
