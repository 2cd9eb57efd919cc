//! What can be wrong with a store that something else has written to.

/// What stands in a store and cannot have been written by the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A database with tables, and none of them ours.
    #[error("the database is of something else")]
    Foreign,
    /// The row that says where the store stands, or the schema's version, is missing.
    #[error("the store does not say where it stands")]
    NoStanding,
    /// A number below nothing, or a hash of another length.
    #[error("where the store stands is no version, size and root")]
    Standing,
    /// A column holds another kind than its table says, or nothing where something must be.
    #[error("a row of table {table} has another shape")]
    Row {
        /// Its name.
        table: &'static str,
    },
    /// Leaves are missing, overlap, or are no whole hashes.
    #[error("the leaves from {first} on are not those that were written")]
    Leaves {
        /// Where they begin.
        first: u64,
    },
    /// The database's own check found errors.
    #[error("the database's own check found errors")]
    Integrity,
}

impl From<Damage> for super::StoreError {
    fn from(why: Damage) -> Self {
        Self::Damaged(Box::new(why))
    }
}
