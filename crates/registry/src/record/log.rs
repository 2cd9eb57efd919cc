//! What the leaves of the log say, and what a registry is.

use super::field::record;

record!(
    /// The opening of one leaf. Without it the leaf says nothing any more.
    Opened in "opened", key 1 long {
        /// Which leaf.
        leaf: u64,
        /// The salt of its commitment; none once it is erased.
        salt: Option<[u8; 32]>,
        /// The event's bytes; none once it is erased.
        event: Option<Vec<u8>>,
    }
);

record!(
    /// What one commit used up of limits, and the idempotency keys that it remembers.
    Lately in "lately", key 1 long {
        /// The commit.
        version: u64,
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Limits: 16 bytes of what it is of and eight of the theoretical arrival time each.
        tats: Vec<u8>,
        /// Idempotency keys: 16 bytes of the key and 16 of the request each.
        requests: Vec<u8>,
    }
);

record!(
    /// One thing that holds for all of a registry.
    Setting in "setting", key 1 {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    }
);
