//! The time, from the host. It never goes back here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock in milliseconds since 1970. One that was set back stands still until it has caught up.
#[derive(Clone)]
pub struct Clock {
    now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    last_ms: Arc<AtomicU64>,
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        let since = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of(move || u64::try_from(since().as_millis()).unwrap_or(u64::MAX))
    }

    /// Another's.
    pub fn of(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { now_ms: Arc::new(now_ms), last_ms: Arc::default() }
    }

    /// The time in milliseconds.
    pub fn now_ms(&self) -> u64 {
        let now_ms = (self.now_ms)();
        now_ms.max(self.last_ms.fetch_max(now_ms, Ordering::Relaxed))
    }

    /// The time in seconds.
    pub fn now_s(&self) -> u64 {
        self.now_ms() / 1000
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Clock(…)")
    }
}
