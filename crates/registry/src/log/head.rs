//! The tree head, the only thing of a log that changes: swapped if it is still what one thinks, so that no two can go on from it.

use std::error::Error;
use std::fmt;

use super::decimal;
use super::files::{self, Files};
use super::hash::Hash;
use super::tree::TreeHead;

/// Where the head stands. A database holds it beside its rows, and swaps it in the transaction that writes them.
pub trait Head {
    /// What stands there; none before the first swap.
    fn load(&mut self) -> Result<Option<TreeHead>, HeadError>;

    /// Puts `next` there if `expected` stands there; otherwise changes nothing.
    ///
    /// Of two that expect the same, one is answered [`Swap::Done`], at most. An error leaves open which of both stands.
    fn swap(&mut self, expected: Option<TreeHead>, next: TreeHead) -> Result<Swap, HeadError>;
}

/// How a swap went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The new head stands.
    Done,
    /// Another stood there, and stands.
    Stands(Option<TreeHead>),
}

/// What the place of the head had to say.
#[derive(Debug)]
pub struct HeadError(Box<dyn Error + Send + Sync>);

impl HeadError {
    /// Wraps the error of a store.
    pub fn new(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the place of the tree head: {}", self.0)
    }
}

impl Error for HeadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// Why a file is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileHeadError {
    /// Its text is another.
    #[error("the file is no tree head")]
    Malformed,
    /// Another is swapping at this moment.
    #[error("another holds the lock of the tree head")]
    Locked,
}

const FILE: &str = "head";
const LOCK: &str = "head.lock";
const FIRST_LINE: &str = "headlock-head/v1";

/// A head in a file of its own, for a log without a database.
#[derive(Clone, Debug)]
pub struct FileHead<F> {
    files: F,
}

impl<F: Files> FileHead<F> {
    /// The head in this folder; the log's own will do.
    pub const fn new(files: F) -> Self {
        Self { files }
    }

    fn read(&self) -> Result<Option<TreeHead>, HeadError> {
        let Some(bytes) = self.files.read(FILE).map_err(HeadError::new)? else { return Ok(None) };
        parse(&bytes).map(Some).ok_or_else(|| HeadError::new(FileHeadError::Malformed))
    }
}

impl<F: Files> Head for FileHead<F> {
    fn load(&mut self) -> Result<Option<TreeHead>, HeadError> {
        self.read()
    }

    fn swap(&mut self, expected: Option<TreeHead>, next: TreeHead) -> Result<Swap, HeadError> {
        let lock = self.files.lock(LOCK).map_err(HeadError::new)?;
        let Some(_held) = lock else { return Err(HeadError::new(FileHeadError::Locked)) };
        let stands = self.read()?;
        if stands != expected {
            return Ok(Swap::Stands(stands));
        }
        let text = format!("{FIRST_LINE}\n{}\n{}\n", next.size, next.root);
        files::put(&self.files, FILE, text.as_bytes()).map_err(HeadError::new)?;
        Ok(Swap::Done)
    }
}

fn parse(bytes: &[u8]) -> Option<TreeHead> {
    let mut lines = str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n');
    let (first, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let head = TreeHead { size: decimal::parse(size)?, root: Hash::from_base64(root)? };
    (first == FIRST_LINE && lines.next().is_none()).then_some(head)
}
