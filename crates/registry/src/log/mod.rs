//! The transparency log: what was released, and refused, in a tree that outsiders can verify.
//!
//! Shape, on disk: tiles and entry bundles as c2sp.org/tlog-tiles has them; `checkpoint`, signed by the log; `witnessed`, the newest
//! checkpoint that witnesses cosigned; `staged/`, batches under way; `synced`, the tree that is known durable. A leaf is a commitment: personal data stands beside the log and can
//! be erased without touching it.

mod audit;
mod base64;
mod checkpoint;
mod cosign;
mod decimal;
mod durable;
mod failure;
mod files;
mod growth;
mod hash;
mod head;
mod key;
mod leaf;
mod ledger;
mod lookout;
mod note;
mod proof;
mod receipt;
mod recent;
mod recover;
mod rows;
mod signer;
mod spine;
mod staged;
mod store;
mod tile;
mod tiles;
mod tree;
mod unwritten;
mod verify;
mod witness;
mod witness_key;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosign::{Policy, PolicyError, Unwitnessed};
pub use durable::SYNCED;
pub use failure::{AppendError, CosignatureError, LedgerError, OpenError, ProofError, SettleError, SyncError};
pub use files::{Disk, Files, ReadFiles};
pub use growth::{Growth, Rim};
pub use hash::{HASH_BYTES, Hash};
pub use head::{FileHead, FileHeadError, Head, HeadError, Swap};
pub use key::{KeyError, KeyKind, SecretKey, VerifierKey};
pub use leaf::{COMMITMENT_BYTES, Commitment, Event, EventError, SALT_BYTES, Salt};
pub use ledger::{Ledger, Prepared};
pub use lookout::{Lookout, LookoutError};
pub use note::{MAX_NOTE_BYTES, MAX_SIGNATURES, Note, NoteError, NoteSignature, Signed};
pub use proof::{Nodes, consistency, inclusion, root};
pub use receipt::{MAX_RECEIPT_BYTES, Opening, Receipt};
pub use rows::Rows;
pub use staged::Staged;
pub use store::{CHECKPOINT, Log, MAX_BATCH, WITNESSED};
pub use tile::{Layer, TILE_HEIGHT, TILE_WIDTH, Tile};
pub use tiles::{ReadError, TiledTree, Tiles};
pub use tree::{Edge, TreeHead};
pub use verify::{Finding, Findings, MAX_FINDINGS, Outsider, Progress, ReceiptError, Report, Seen, Shown};
pub use witness::{Refusal, Submission, Witness};
pub use witness_key::{WitnessKeyError, make as make_witness_key, read as read_witness_key};
