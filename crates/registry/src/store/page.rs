//! Where a page of a scan begins: what the end of the page before leaves of the prefix.

use std::cmp::Ordering;

use super::{Scan, Value};

/// What a scan's `after` leaves.
#[derive(Debug)]
pub(super) enum Beyond<'a> {
    /// Every row of the prefix.
    All,
    /// Rows of the prefix whose other key columns come after these.
    Rest(&'a [Value]),
    /// No row.
    Nothing,
}

/// Holds a scan's `after` against its prefix, so that a query has to compare only the columns behind it.
pub(super) fn beyond<'a>(scan: &Scan<'a>) -> Beyond<'a> {
    let Some(after) = scan.after else { return Beyond::All };
    let (fixed, rest) = after.split_at(scan.prefix.len());
    let order = fixed.cmp(scan.prefix);
    match if scan.backwards { order.reverse() } else { order } {
        Ordering::Less => Beyond::All,
        Ordering::Equal if !rest.is_empty() => Beyond::Rest(rest),
        Ordering::Equal | Ordering::Greater => Beyond::Nothing,
    }
}
