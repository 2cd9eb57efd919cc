//! How a ledger's folder comes to the database's head: what is known durable stays, the rest is written again from the leaves.

use super::checkpoint::CheckpointError;
use super::durable::{self, SYNCED};
use super::failure::{LedgerError, OpenError};
use super::files::{self, Files};
use super::growth::{Growth, Rim};
use super::leaf::Commitment;
use super::note::{Note, NoteError};
use super::proof;
use super::signer::{self, Signer};
use super::store::WITNESSED;
use super::tiles::Tiles;
use super::tree::TreeHead;

/// Leaves that are brought at a time.
const AT_ONCE: usize = 1 << 16;

/// Compares what was published with the head, brings the folder to it, and makes all of it durable.
///
/// The leaves are read twice: nothing in the folder changes before they are known to come to the head and to all that was published.
pub(super) fn recover<E>(
    files: &impl Files,
    signer: &Signer,
    (head, checkpoint): (TreeHead, &Note),
    mut leaves: impl FnMut(u64, usize) -> Result<Vec<Commitment>, E>,
) -> Result<Rim, LedgerError<E>> {
    let published = published(files, signer)?;
    let synced = signer.kept(files, SYNCED).map_err(OpenError::from)?;
    let witnessed = signer.kept(files, WITNESSED).map_err(OpenError::from)?;
    let known: Vec<TreeHead> = [published, synced, witnessed].into_iter().flatten().collect();
    for known in &known {
        if known.size > head.size {
            return Err(OpenError::RolledBack { published: known.size, head: head.size }.into());
        }
        if known.size == head.size && *known != head {
            return Err(OpenError::Fork { published: known.size }.into());
        }
    }
    let start = synced.and_then(|synced| durable_rim(files, synced, &known)).unwrap_or_default();
    let from = start.edge.size();
    if from == head.size && synced == published && synced.is_some() {
        durable::clean(files, from, &start).map_err(OpenError::from)?;
        return Ok(start);
    }
    match walk(start.clone(), head, &known, &mut leaves, |_| Ok(())) {
        // From the beginning it shows whether the database parts with what was published, or is not what its own head says.
        Err(LedgerError::Differs { .. }) if from > 0 => {
            walk(Rim::default(), head, &known, &mut leaves, |_| Ok(()))?;
            return Err(LedgerError::Differs { size: head.size });
        }
        checked => checked?,
    };
    let rim = walk(start, head, &known, &mut leaves, |growth| {
        growth.write(files, true).map_err(|why| OpenError::from(why).into())
    })?;
    let finish = || {
        signer::publish(files, checkpoint)?;
        durable::clean(files, from, &rim)?;
        files::put(files, SYNCED, &checkpoint.to_bytes())
    };
    finish().map_err(OpenError::from)?;
    Ok(rim)
}

/// What was published last. A power cut may leave a checkpoint that is cut off, or of zeros: that is as good as none.
fn published(files: &impl Files, signer: &Signer) -> Result<Option<TreeHead>, OpenError> {
    match signer.published(files) {
        Err(OpenError::Checkpoint(CheckpointError::Note(NoteError::Form | NoteError::Characters))) => Ok(None),
        published => published,
    }
}

/// The rim of the tree that is known durable; none if its tiles are damaged after all, or older trees are not in it.
fn durable_rim(files: &impl Files, synced: TreeHead, known: &[TreeHead]) -> Option<Rim> {
    let rim = Rim::read(files, synced).ok()??;
    let tiles = Tiles::new(files);
    let older = known.iter().filter(|known| known.size < synced.size);
    let mut older =
        older.map(|known| proof::root(&tiles.tree(synced.size), known.size).is_ok_and(|root| root == known.root));
    older.all(|holds| holds).then_some(rim)
}

/// Takes leaves until a tree is grown to this head, and compares it on its way with what is known of it.
pub(super) fn walk<E>(
    mut rim: Rim,
    head: TreeHead,
    known: &[TreeHead],
    leaves: &mut impl FnMut(u64, usize) -> Result<Vec<Commitment>, E>,
    mut each: impl FnMut(&mut Growth) -> Result<(), LedgerError<E>>,
) -> Result<Rim, LedgerError<E>> {
    loop {
        let reached = rim.edge.head();
        let size = reached.size;
        if known.iter().any(|known| known.size == size && *known != reached) {
            return Err(OpenError::Fork { published: size }.into());
        }
        if size >= head.size {
            return if reached == head { Ok(rim) } else { Err(LedgerError::Differs { size: head.size }) };
        }
        let next = known.iter().map(|known| known.size).filter(|known| *known > size).fold(head.size, u64::min);
        let limit = usize::try_from(next - size).unwrap_or(AT_ONCE).min(AT_ONCE);
        let mut batch = leaves(size, limit).map_err(LedgerError::Leaves)?;
        batch.truncate(limit);
        if batch.is_empty() {
            return Err(OpenError::Behind { have: size, need: head.size }.into());
        }
        let mut growth = Growth::of(&rim, &batch);
        each(&mut growth)?;
        rim = growth.rim;
    }
}
