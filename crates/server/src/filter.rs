//! The first filter: how often one session or one address asks for anything at all. It forgets when the service ends; the limits that
//! count are the desk's, and in the store.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use headlock_registry::desk::Credential;

use crate::config::Limits;
use crate::problem::Problem;

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// Rates by session and by address.
#[derive(Debug)]
pub(crate) struct Filter {
    lookups: Keyed<[u8; 32]>,
    attempts: Keyed<IpAddr>,
    clock: DefaultClock,
}

impl Filter {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = |a_minute| Quota::per_minute(NonZeroU32::new(a_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            lookups: Keyed::hashmap(quota(limits.lookups_a_minute)),
            attempts: Keyed::hashmap(quota(limits.attempts_a_minute)),
            clock: DefaultClock::default(),
        }
    }

    /// One look-up of a session or certificate.
    pub(crate) fn look_up(&self, credential: Credential) -> Result<(), Problem> {
        let (Credential::Token(key) | Credential::Certificate(key)) = credential else { return Ok(()) };
        self.lookups.check_key(&key).map_err(|until| self.too_many(until.wait_time_from(self.clock.now())))
    }

    /// One try to sign in, or one share.
    pub(crate) fn attempt(&self, address: IpAddr) -> Result<(), Problem> {
        // An IPv6 host has a whole /64 to itself.
        let key = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(six) => IpAddr::V6((six.to_bits() & !u128::from(u64::MAX)).into()),
        };
        self.attempts.check_key(&key).map_err(|until| self.too_many(until.wait_time_from(self.clock.now())))
    }

    /// Forgets who has not asked for a while.
    pub(crate) fn forget(&self) {
        self.lookups.retain_recent();
        self.attempts.retain_recent();
    }

    #[allow(clippy::unused_self, reason = "it stands beside the filters that it speaks for")]
    fn too_many(&self, wait: std::time::Duration) -> Problem {
        Problem::too_many(wait.as_secs().saturating_add(1))
    }
}
