//! Leaves as both stores keep them: one row a batch, the leaves one after the other, under the number of the first.

use super::{Damage, StoreError};
use crate::log::{COMMITMENT_BYTES, Commitment};

/// The row of a batch.
pub(super) fn joined(leaves: &[Commitment]) -> Vec<u8> {
    leaves.iter().flat_map(|leaf| leaf.0).collect()
}

/// Takes from a row what comes next after `from` and the leaves that are there already, up to the limit.
pub(super) fn take(
    first: Option<u64>,
    bytes: &[u8],
    from: u64,
    limit: usize,
    leaves: &mut Vec<Commitment>,
) -> Result<(), StoreError> {
    let next = from + leaves.len() as u64;
    let damage = Damage::Leaves { first: next };
    let (row, rest) = bytes.as_chunks::<COMMITMENT_BYTES>();
    let begun = leaves.is_empty();
    // Only the first row may begin before what is asked for.
    let skip = first.and_then(|first| next.checked_sub(first)).filter(|skip| begun || *skip == 0).ok_or(damage)?;
    if !rest.is_empty() || row.is_empty() {
        return Err(damage.into());
    }
    let wanted = row.iter().skip(usize::try_from(skip).map_err(|_| damage)?).take(limit - leaves.len());
    leaves.extend(wanted.map(|leaf| Commitment(*leaf)));
    Ok(())
}
