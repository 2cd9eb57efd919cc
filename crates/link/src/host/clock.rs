//! The time of the ECU: the wall's, as fast as is wanted.

use std::time::{Duration, Instant};

/// Where the ECU's clock stands.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    base_ms: u64,
    speed: u32,
}

impl Clock {
    /// Stands at `base_ms` now, and runs `speed` times as fast as the wall's; 0 counts as 1.
    pub fn new(base_ms: u64, speed: u32) -> Self {
        Self { start: Instant::now(), base_ms, speed: speed.max(1) }
    }

    /// The ECU's time, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        let real_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.base_ms.saturating_add(real_us.saturating_mul(self.speed.into()) / 1_000)
    }

    /// When the ECU's clock stands there.
    pub fn instant(&self, ms: u64) -> Instant {
        let real_us = ms.saturating_sub(self.base_ms).saturating_mul(1_000) / u64::from(self.speed);
        // A moment later rather than earlier, or it would not be due yet.
        self.start + Duration::from_micros(real_us.saturating_add(1))
    }

    /// Real time since its start, in microseconds: what transport protocols count.
    pub fn real_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// When [`Self::real_us`] stands there.
    pub fn real_instant(&self, us: u64) -> Instant {
        self.start + Duration::from_micros(us)
    }
}
