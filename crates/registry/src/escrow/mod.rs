//! What leaves for the escrow: whom it is for, the file that only they open, and the table in it.

mod age_file;
mod recipient;
mod table;

pub use age_file::{AgeFile, SealedFile};
pub use recipient::{Recipient, RecipientError};
pub(crate) use table::{END, MARK};
pub use table::{Manifest, Table};
