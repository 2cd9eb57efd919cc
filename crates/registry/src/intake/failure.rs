//! Why an intake stops.

use crate::desk::{BulkError, Fault, SealedUnits};
use crate::import::{BadPosition, OpenError, ReadError};
use crate::seal::SealError;

/// Why an intake stops. What was told to be taken stays; the same table again goes on there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// The table cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The table cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Bad rows, and all or nothing was asked for.
    #[error("{bad} bad rows; nothing was taken, as asked for. Mend them, or keep the good ones")]
    Refused {
        /// How many.
        bad: u64,
    },
    /// More rows than one key seals.
    #[error("a batch has at most {} rows", SealedUnits::MOST)]
    LargeBatch,
    /// The store says something of this import that no reader wrote.
    #[error("the store's place in this import: {0}; read it again from the start")]
    Position(#[from] BadPosition),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The desk did not take a batch.
    #[error(transparent)]
    Bulk(#[from] BulkError),
}

impl From<Fault> for IntakeError {
    fn from(fault: Fault) -> Self {
        Self::Bulk(BulkError::Fault(fault))
    }
}
