//! What keeps codes unread at rest: data keys that seal them, a key over those keys, and its shares on paper.
//!
//! A [`DataKey`] seals codes and is kept wrapped under the [`Kek`]. The `Kek` is never in the store: it is joined from [`Share`]s that
//! custodians type in, or read from a [`key_file`].

mod aead;
mod data_key;
mod kek;
pub mod key_file;
mod paper;
mod sealer;
mod share;

pub use aead::{OVERHEAD_BYTES, OpenError};
pub use data_key::DataKey;
pub use kek::{FINGERPRINT_BYTES, Kek};
pub use paper::PaperError;
pub use sealer::{MESSAGES_MAX, SealError, Sealer};
pub use share::{JoinError, Share, ShareError, SplitError};
