//! How often: a rate limit whose whole state is one time.
//!
//! The generic cell rate algorithm: instead of a bucket that is refilled, the state is the time at which the bucket would be full again
//! (the *theoretical arrival time*, `tat_ms`). A request moves it on by what it costs, and is refused if that puts it further ahead of now
//! than a whole bucket takes to fill.
//!
//! Source: ATM Forum, Traffic Management Specification 4.1 (af-tm-0121.000), 4.4.2, the virtual scheduling form; ITU-T I.371, annex A.

use serde::Deserialize;

/// So many tokens a period, all of them at once if none was taken for that long.
///
/// Shape: in configuration, `{ burst = 20, period_ms = 86400000 }`. A token comes back every `period_ms / burst` milliseconds, rounded up
/// to a whole one: never more often than was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rate {
    burst: u32,
    token_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    burst: u32,
    period_ms: u64,
}

/// Why numbers are not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Nothing would ever be allowed.
    #[error("a burst of 0 allows nothing")]
    Nothing,
    /// More than one token a millisecond, the finest that is counted here.
    #[error("{burst} tokens in {period_ms} ms are more than one a millisecond")]
    Fast {
        /// Tokens.
        burst: u32,
        /// In how long.
        period_ms: u64,
    },
    /// A bucket that would take longer to fill than time can be counted.
    #[error("a period of {period_ms} ms is longer than a thousand years")]
    Slow {
        /// The period.
        period_ms: u64,
    },
}

/// What a limit says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on, and keep this state.
    Allowed {
        /// The state after it.
        tat_ms: u64,
    },
    /// Not now.
    Refused {
        /// After this many milliseconds the same request is allowed, if no other comes between.
        retry_after_ms: u64,
        /// The state after it: the one that was given, unless the clock was set back. Then it must be kept, or the wait would never end.
        tat_ms: u64,
    },
    /// Never: it costs more than a full bucket holds. The state stays as it was.
    TooMuch {
        /// What a full bucket holds.
        burst: u32,
    },
}

const PERIOD_MS_MAX: u64 = 1_000 * 366 * 86_400_000;

impl Rate {
    /// A rate of `burst` tokens every `period_ms`.
    ///
    /// # Errors
    /// No tokens, more than one a millisecond, or a period of more than a thousand years.
    pub const fn new(burst: u32, period_ms: u64) -> Result<Self, RateError> {
        if burst == 0 {
            return Err(RateError::Nothing);
        }
        if period_ms < burst as u64 {
            return Err(RateError::Fast { burst, period_ms });
        }
        if period_ms > PERIOD_MS_MAX {
            return Err(RateError::Slow { period_ms });
        }
        Ok(Self { burst, token_ms: period_ms.div_ceil(burst as u64) })
    }

    /// Tokens in a full bucket.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// How long one token takes to come back.
    pub const fn token_ms(self) -> u64 {
        self.token_ms
    }

    /// How long an empty bucket takes to fill; the longest that a limit makes anybody wait.
    pub const fn window_ms(self) -> u64 {
        self.token_ms * self.burst as u64
    }
}

impl TryFrom<Written> for Rate {
    type Error = RateError;

    fn try_from(written: Written) -> Result<Self, RateError> {
        Self::new(written.burst, written.period_ms)
    }
}

/// Whether a request that takes `cost` tokens is allowed at this time. The state of one that never asked is 0.
///
/// The clock: set back, it refills nothing, and empties the bucket at worst: the wait is never longer than [`Rate::window_ms`]. Set
/// forward, it refills as if that time had passed.
pub const fn check(rate: Rate, tat_ms: u64, at_ms: u64, cost: u32) -> Verdict {
    if cost > rate.burst {
        return Verdict::TooMuch { burst: rate.burst };
    }
    // Further ahead than an empty bucket, the state was written under another clock.
    let empty_ms = at_ms.saturating_add(rate.window_ms());
    let kept_ms = if tat_ms > empty_ms { empty_ms } else { tat_ms };
    let from_ms = if kept_ms > at_ms { kept_ms } else { at_ms };
    // No sum overflows: both terms are below a thousand years, but for the clock itself.
    let ahead_ms = (from_ms - at_ms) + rate.token_ms * cost as u64;
    if ahead_ms > rate.window_ms() {
        return Verdict::Refused { retry_after_ms: ahead_ms - rate.window_ms(), tat_ms: kept_ms };
    }
    Verdict::Allowed { tat_ms: if cost == 0 { kept_ms } else { at_ms.saturating_add(ahead_ms) } }
}
