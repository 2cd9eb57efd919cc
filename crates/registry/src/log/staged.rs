//! A batch on disk before its head is swapped: a crash after the swap finds here what the tiles still lack.

use std::io;

use super::base64;
use super::decimal;
use super::files::{self, Files, ReadFiles};
use super::growth::Growth;
use super::hash::Hash;
use super::leaf::{COMMITMENT_BYTES, Commitment};
use super::tree::TreeHead;

const FOLDER: &str = "staged";
const FIRST_LINE: &str = "headlock-staged/v1";

/// Leaves that are to follow a tree, worked out and safe on disk. The swap of the head makes them part of the log, nothing else does.
#[derive(Clone, Debug)]
#[must_use = "swap the head from `base` to `head`, then settle it; or abandon it"]
pub struct Staged {
    pub(super) base: TreeHead,
    pub(super) growth: Growth,
}

impl Staged {
    /// The head that has to stand for the swap.
    pub const fn base(&self) -> TreeHead {
        self.base
    }

    /// The head to put there.
    pub const fn head(&self) -> TreeHead {
        self.growth.head()
    }

    /// Where its leaves will stand.
    pub const fn indexes(&self) -> std::ops::Range<u64> {
        self.base.size..self.growth.head().size
    }
}

/// What a file of a batch says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) base: TreeHead,
    pub(super) head: TreeHead,
    pub(super) leaves: Vec<Commitment>,
}

impl Batch {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { base, head, leaves } = self;
        let first = format!("{FIRST_LINE}\n{}\n{}\n{}\n{}\n", base.size, base.root, head.size, head.root);
        let mut bytes = first.into_bytes();
        leaves.iter().for_each(|leaf| bytes.extend_from_slice(&leaf.0));
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut line = || {
            let (line, after) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'\n')?)?;
            rest = &after[1..];
            str::from_utf8(line).ok()
        };
        let first = (line()? == FIRST_LINE).then_some(());
        let mut tree = || Some(TreeHead { size: decimal::parse(line()?)?, root: Hash::from_base64(line()?)? });
        let (base, head) = (tree()?, tree()?);
        let (leaves, half): (&[[u8; COMMITMENT_BYTES]], _) = rest.as_chunks();
        let whole = half.is_empty() && base.size.checked_add(leaves.len() as u64) == Some(head.size);
        first.filter(|()| whole).map(|()| Self { base, head, leaves: leaves.iter().copied().map(Commitment).collect() })
    }
}

/// Writes a batch.
pub(super) fn write(files: &impl Files, staged: &Staged, leaves: &[Commitment]) -> io::Result<()> {
    let batch = Batch { base: staged.base, head: staged.head(), leaves: leaves.to_vec() };
    files::put(files, &path(&batch.base, &batch.head), &batch.to_bytes())
}

/// The batch that led to this head, if its file is still there and says so.
pub(super) fn find(files: &impl ReadFiles, head: &TreeHead) -> io::Result<Option<Batch>> {
    for name in files.list(FOLDER)? {
        if name.ends_with(&suffix(head)) {
            let batch = files.read(&format!("{FOLDER}/{name}"))?.and_then(|bytes| Batch::from_bytes(&bytes));
            if let Some(batch) = batch.filter(|batch| batch.head == *head) {
                return Ok(Some(batch));
            }
        }
    }
    Ok(None)
}

/// Removes one batch.
pub(super) fn remove(files: &impl Files, base: &TreeHead, head: &TreeHead) -> io::Result<()> {
    files.remove(&path(base, head))
}

/// Removes the batches that cannot become the log any more, for it has gone on from where they begin.
///
/// One that begins where the log is stays: its swap may still be under way in a database that did not answer.
pub(super) fn clean(files: &impl Files, head: &TreeHead) -> io::Result<()> {
    for name in files.list(FOLDER)? {
        let base = name.split_once('-').and_then(|(base, _)| decimal::parse(base));
        if base.is_some_and(|base| base < head.size) {
            files.remove(&format!("{FOLDER}/{name}"))?;
        }
    }
    Ok(())
}

fn path(base: &TreeHead, head: &TreeHead) -> String {
    format!("{FOLDER}/{}{}", base.size, suffix(head))
}

fn suffix(head: &TreeHead) -> String {
    // The root tells apart what two writers stage after the same leaves; base64 has slashes.
    format!("-{}-{}", head.size, base64::encode(&head.root.0).replace('/', "_"))
}
