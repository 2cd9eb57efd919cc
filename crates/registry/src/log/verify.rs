//! An outsider with only the public keys: was anything removed or changed, and is a receipt in it. Offline, from the files alone.

use std::io::ErrorKind;
use std::ops::Range;

use super::audit::Audit;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::cosign::{Policy, Unwitnessed};
use super::files::ReadFiles;
use super::key::VerifierKey;
use super::leaf::{Commitment, Event};
use super::note::{Note, Signed};
use super::proof;
use super::receipt::{Opening, Receipt};
use super::store::{CHECKPOINT, WITNESSED};
use super::tile::Tile;
use super::tiles::Tiles;
use super::tree::TreeHead;

/// Findings that a report lists; further ones are counted.
pub const MAX_FINDINGS: usize = 100;

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A file or folder is there and cannot be read.
    #[error("{path} cannot be read: {kind}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        kind: ErrorKind,
    },
    /// There is no checkpoint.
    #[error("there is no checkpoint")]
    NoCheckpoint,
    /// A checkpoint is not the log's.
    #[error("{path}: {why}")]
    Checkpoint {
        /// Which file.
        path: &'static str,
        /// Why.
        why: CheckpointError,
    },
    /// Too few witnesses, or a wrong cosignature.
    #[error("{path}: {why}")]
    Unwitnessed {
        /// Which file.
        path: &'static str,
        /// Why.
        why: Unwitnessed,
    },
    /// The log had more leaves: an old tree was put back.
    #[error("the log had {known} leaves, and has {found}: an older tree was put back")]
    Older {
        /// Leaves of a tree that was seen.
        known: u64,
        /// Leaves of this one.
        found: u64,
    },
    /// The log had other leaves: it was rewritten, or forked.
    #[error("the first {known} leaves are not those that were seen before: the log was rewritten")]
    Rewritten {
        /// Leaves of a tree that was seen.
        known: u64,
    },
    /// A tile is not there.
    #[error("{tile} is missing")]
    Missing {
        /// The tile.
        tile: Tile,
    },
    /// A tile is shorter or longer than it has to be.
    #[error("{tile} has {found} bytes instead of {wanted}")]
    Length {
        /// The tile.
        tile: Tile,
        /// Its bytes.
        found: usize,
        /// What they have to be.
        wanted: usize,
    },
    /// A part of a tile is not what the root was made of.
    #[error("{tile}, bytes {} to {}: not what the tree has there", bytes.start, bytes.end)]
    Differs {
        /// The tile.
        tile: Tile,
        /// Where, the end not included.
        bytes: Range<usize>,
    },
    /// The tiles do not come to the root, nor do the entries.
    #[error("neither the tiles nor the entries come to the checkpoint's root over {size} leaves")]
    Root {
        /// Leaves of the tree.
        size: u64,
    },
}

/// Findings, up to [`MAX_FINDINGS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    listed: Vec<Finding>,
    more: u64,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        if self.listed.len() < MAX_FINDINGS {
            self.listed.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// All of them.
    pub const fn count(&self) -> u64 {
        self.listed.len() as u64 + self.more
    }

    /// Those that are listed.
    pub fn listed(&self) -> &[Finding] {
        &self.listed
    }

    /// How many are not.
    pub const fn more(&self) -> u64 {
        self.more
    }

    /// Nothing was found.
    pub const fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Leaves so far.
    pub leaves: u64,
    /// Leaves of the tree.
    pub of: u64,
}

/// A witness that saw a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The witness's name.
    pub witness: String,
    /// When, in seconds since 1970.
    pub at_s: u64,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The log's tree; none without a checkpoint that can be believed.
    pub head: Option<TreeHead>,
    /// The newest tree that enough witnesses saw, and who did.
    pub witnessed: Option<(TreeHead, Vec<Seen>)>,
    /// Leaves that were hashed.
    pub leaves: u64,
    /// Tiles that were read.
    pub tiles: u64,
    /// What is wrong.
    pub findings: Findings,
}

impl Report {
    /// Nothing was removed or changed.
    pub const fn is_clean(&self) -> bool {
        self.head.is_some() && self.findings.is_empty()
    }
}

/// What a receipt shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<'r> {
    /// The leaf's place.
    pub index: u64,
    /// The tree it is in.
    pub head: TreeHead,
    /// What was logged, if the receipt says.
    pub event: Option<&'r Event>,
    /// Who saw that tree.
    pub seen: Vec<Seen>,
}

/// Why a receipt shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its witnesses.
    #[error(transparent)]
    Unwitnessed(#[from] Unwitnessed),
    /// It does not say what was logged, and nobody else did.
    #[error("the receipt does not say what was logged")]
    Closed,
    /// The leaf is not there: another event, another salt, another place, or another path.
    #[error("the path does not lead from what was logged to the checkpoint's root")]
    NotIncluded,
}

/// What an outsider trusts: the log's public keys, perhaps witnesses, and what was seen of the log before.
#[derive(Clone, Debug)]
pub struct Outsider {
    origin: String,
    keys: Vec<VerifierKey>,
    policy: Policy,
    known: Vec<TreeHead>,
}

impl Outsider {
    /// Someone who has the log's origin and keys.
    pub fn new(origin: &str, keys: Vec<VerifierKey>) -> Self {
        Self { origin: origin.to_owned(), keys, policy: Policy::none(), known: Vec::new() }
    }

    /// Who also asks for witnesses.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Who has also seen this tree: of an earlier visit, or of a receipt.
    #[must_use]
    pub fn with_known(mut self, head: TreeHead) -> Self {
        self.known.push(head);
        self
    }

    /// Reads all of a log; `progress` is called for each tile of entries.
    pub fn verify<F: ReadFiles>(&self, files: &F, progress: &mut dyn FnMut(Progress)) -> Report {
        let mut findings = Findings::default();
        let mut report = Report { head: None, witnessed: None, leaves: 0, tiles: 0, findings: Findings::default() };
        let newest = self.checkpoint(files, CHECKPOINT, &mut findings);
        let witnessed = self.checkpoint(files, WITNESSED, &mut findings);
        let Some((head, note)) = newest else {
            // A checkpoint that is there and is not believed has been found already.
            if findings.is_empty() {
                findings.push(Finding::NoCheckpoint);
            }
            report.findings = findings;
            return report;
        };
        report.head = Some(head);
        report.witnessed = self.witnessed((head, note), witnessed.clone(), &mut findings);
        let before = findings.count();
        let mut audit = Audit::new(files, &mut findings, progress, head);
        audit.run();
        (report.leaves, report.tiles) = (audit.leaves, audit.tiles);
        let tree_is_whole = findings.count() == before;
        for known in self.known.iter().copied().chain(witnessed.map(|(head, _)| head)) {
            if known.size > head.size {
                findings.push(Finding::Older { known: known.size, found: head.size });
                continue;
            }
            // Of a tree that is not what its checkpoint says, nothing older can be told.
            let root = proof::root(&Tiles::new(files).tree(head.size), known.size);
            if tree_is_whole && root.is_ok_and(|root| root != known.root) {
                findings.push(Finding::Rewritten { known: known.size });
            }
        }
        report.findings = findings;
        report
    }

    /// Checks a receipt alone. A caller that has what was logged from elsewhere passes its commitment.
    ///
    /// That the log still holds it: verify the log with the tree of the receipt as [`Outsider::with_known`].
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn receipt<'r>(&self, receipt: &'r Receipt, said: Option<Commitment>) -> Result<Shown<'r>, ReceiptError> {
        let (checkpoint, note) = Checkpoint::open(&receipt.checkpoint, &self.origin, &self.keys)?;
        let signed = self.policy.check(&note)?;
        let own = receipt.opening.as_ref().map(|Opening { salt, event }| salt.commit(event));
        // Both, if there are both: they must be the same.
        let leaf = own.or(said).ok_or(ReceiptError::Closed)?;
        let agree = said.is_none_or(|said| said == leaf);
        let head = checkpoint.head;
        if !agree || !head.includes(receipt.index, &leaf.leaf(), &receipt.path) {
            return Err(ReceiptError::NotIncluded);
        }
        Ok(Shown {
            index: receipt.index,
            head,
            event: receipt.opening.as_ref().map(|opening| &opening.event),
            seen: seen(&signed),
        })
    }

    fn checkpoint(
        &self,
        files: &impl ReadFiles,
        path: &'static str,
        findings: &mut Findings,
    ) -> Option<(TreeHead, Note)> {
        match files.read(path) {
            Ok(None) => None,
            Err(why) => {
                findings.push(Finding::Unreadable { path: path.to_owned(), kind: why.kind() });
                None
            }
            Ok(Some(bytes)) => match Checkpoint::open(&bytes, &self.origin, &self.keys) {
                Ok((checkpoint, note)) => Some((checkpoint.head, note)),
                Err(why) => {
                    findings.push(Finding::Checkpoint { path, why });
                    None
                }
            },
        }
    }

    /// The newest of the checkpoints that satisfies the policy.
    fn witnessed(
        &self,
        newest: (TreeHead, Note),
        witnessed: Option<(TreeHead, Note)>,
        findings: &mut Findings,
    ) -> Option<(TreeHead, Vec<Seen>)> {
        if self.policy.witnesses().is_empty() {
            return None;
        }
        let mut too_few = None;
        for (path, found) in [(CHECKPOINT, Some(newest)), (WITNESSED, witnessed)] {
            let Some((head, note)) = found else { continue };
            match self.policy.check(&note) {
                Ok(signed) if !signed.is_empty() => return Some((head, seen(&signed))),
                Ok(_) => {}
                Err(why @ Unwitnessed::Note(_)) => findings.push(Finding::Unwitnessed { path, why }),
                Err(why @ Unwitnessed::TooFew { .. }) => too_few = Some(Finding::Unwitnessed { path, why }),
            }
        }
        too_few.into_iter().for_each(|why| findings.push(why));
        None
    }
}

fn seen(signed: &[Signed<'_>]) -> Vec<Seen> {
    signed.iter().map(|signed| Seen { witness: signed.key.name().to_owned(), at_s: signed.at_s }).collect()
}
