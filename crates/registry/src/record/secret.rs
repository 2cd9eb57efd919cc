//! Keys, wrapped by the key-encryption key.

use super::field::{record, words};

words!(
    /// What a key is for.
    SecretKind {
        /// Seals codes and what else is secret in a row.
        Data = "data",
        /// Signs the log.
        Log = "log",
        /// Codes follow from it.
        Scheme = "scheme",
        /// The keys of units for SecurityAccess follow from it.
        Devices = "devices",
    }
);

record!(
    /// One key.
    Secret in "secret", key 1 {
        /// Its number.
        number: u32,
        /// What it is for.
        kind: SecretKind,
        /// The key, wrapped; number and kind are its associated data.
        wrapped: Vec<u8>,
        /// When it was made, in seconds since 1970.
        created_s: u64,
    }
);
