//! Firmware through 34, 36 and 37: taken into a second memory, checked, and only then written.
//!
//! What was taken stays when a transfer breaks off, and a tester that reads how much is safe goes on from there. The unit runs its
//! old firmware until the whole package was checked and the ECU restarts.

use headlock_profile::Firmware;
use headlock_profile::behaviour::RequestWord;
use headlock_wire::uds::{Memory, Nrc, Response};
use sha2::{Digest, Sha256};

use super::package::{Content, Package, PackageError};
use super::{Ecu, Outcome, Peer, Served, TesterId, routine};
use crate::input::Install;

/// The most bytes that one `36` may have.
const BLOCK_BYTES_MAX: usize = 128 * 1024 + 2;
/// The longest package, in bytes.
const PACKAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What was taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Download {
    staged: Vec<u8>,
    package: Option<Package>,
    /// Of the payload so far.
    digest: Sha256,
    active: Option<Active>,
    ready: bool,
    generation: u64,
}

#[derive(Clone, Debug)]
struct Active {
    tester: TesterId,
    /// The counter of the next block.
    counter: u8,
    /// A block was taken already.
    began: bool,
    end: usize,
    /// The longest `36` that it was told to send.
    block_bytes_max: usize,
}

impl Download {
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn staged(&self) -> &[u8] {
        &self.staged
    }

    /// Bytes that are safe, and the digest of the header that they begin with.
    pub(super) fn progress(&self) -> (usize, [u8; 32]) {
        let header = self.package.as_ref().and_then(|package| self.staged.get(..package.header_bytes));
        (self.staged.len(), header.map_or([0; 32], |header| Sha256::digest(header).into()))
    }

    pub(super) fn released_by(&mut self, tester: TesterId) {
        if self.active.as_ref().is_some_and(|active| active.tester == tester) {
            self.active = None;
        }
    }

    /// Who sends firmware now.
    pub(super) fn sender(&self) -> Option<TesterId> {
        self.active.as_ref().map(|active| active.tester)
    }

    /// The package that waits to be written.
    pub(super) fn take_ready(&mut self) -> Option<Install> {
        if !std::mem::take(&mut self.ready) {
            return None;
        }
        let package = self.package.take();
        self.discard();
        let package = package?;
        let firmware: Firmware = package.version.parse().ok()?;
        Some(Install { unprotected: package.content == Content::Unprotected, firmware })
    }

    fn discard(&mut self) {
        let generation = self.generation + 1;
        *self = Self { generation, ..Self::default() };
    }

    /// Takes bytes, and looks at the header as soon as it is complete.
    fn take(&mut self, data: &[u8], unit: &str, maker: &[u8; 32]) -> Result<(), PackageError> {
        self.staged.extend_from_slice(data);
        if self.package.is_some() {
            self.digest.update(data);
            return Ok(());
        }
        let Some(package) = Package::parse(&self.staged)? else { return Ok(()) };
        package.verify(&self.staged, maker)?;
        if package.unit != unit {
            return Err(PackageError::OtherUnit { found: package.unit, wanted: unit.to_owned() });
        }
        if package.version.parse::<Firmware>().is_err() {
            return Err(PackageError::Header);
        }
        self.digest.update(&self.staged[package.header_bytes..]);
        self.package = Some(package);
        Ok(())
    }

    /// Whether all of it is there and is what was signed.
    fn complete(&self) -> Result<(), PackageError> {
        let package = self.package.as_ref().ok_or(PackageError::Header)?;
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        let whole = self.staged.len() == package.bytes() && digest == package.payload_digest;
        if whole { Ok(()) } else { Err(PackageError::Payload) }
    }

    /// What was staged before a cut; whatever does not check is dropped.
    pub(super) fn restore(&mut self, staged: &[u8], ready: bool, unit: &str, maker: Option<&[u8; 32]>) {
        self.discard();
        let taken = maker.is_some_and(|maker| self.take(staged, unit, maker).is_ok());
        if !taken || staged.is_empty() {
            self.discard();
        }
        self.ready = ready && self.complete().is_ok();
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.ready
    }
}

impl Ecu {
    /// What of a package is safe: a host keeps it, so that a kill costs no transfer.
    pub fn staged(&self) -> &[u8] {
        self.download.staged()
    }

    /// A number that changes when what was staged is dropped: only until then it grows at its end alone.
    pub const fn staged_epoch(&self) -> u64 {
        self.download.generation()
    }

    pub(super) fn request_download(&mut self, peer: Peer, data_format: u8, memory: Memory) -> Served {
        let held = self.download.active.as_ref();
        if held.is_some_and(|active| active.tester != peer.tester) {
            return Err(Nrc::UploadDownloadNotAccepted);
        }
        let end = memory.address.checked_add(memory.size).filter(|end| *end <= PACKAGE_BYTES_MAX);
        let resumes = memory.address == u64::try_from(self.download.staged.len()).unwrap_or(u64::MAX);
        let (Some(end), 0, true) = (end, data_format, memory.size > 0 && (memory.address == 0 || resumes)) else {
            return Err(Nrc::RequestOutOfRange);
        };
        if memory.address == 0 {
            self.download.discard();
        }
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        self.download.ready = false;
        let block_bytes_max = peer.bytes_max.min(BLOCK_BYTES_MAX);
        self.download.active = Some(Active { tester: peer.tester, counter: 1, began: false, end, block_bytes_max });
        let block_bytes_max = u64::try_from(block_bytes_max).unwrap_or(u64::MAX);
        Ok(Outcome::of(&Response::RequestDownload { block_bytes_max }))
    }

    /// Whether this tester has unlocked what firmware is behind; where none is taken at all there is nothing to unlock.
    pub(super) fn may_download(&self, peer: Peer) -> Result<(), Nrc> {
        if !self.takes_firmware() {
            return Err(Nrc::UploadDownloadNotAccepted);
        }
        let offer = self.twin.offer(RequestWord::Reflash);
        self.unlocked(peer, offer.map_or(Some(0x05), routine::level_of))
    }

    /// Some unit takes no firmware by its connector at all.
    fn takes_firmware(&self) -> bool {
        let behaviour = &self.twin.spec.behaviour;
        self.maker.is_some() && (behaviour.update.is_some() || self.twin.offer(RequestWord::Reflash).is_some())
    }

    pub(super) fn transfer(&mut self, peer: Peer, counter: u8, data: &[u8]) -> Served {
        let download = &mut self.download;
        let Some(active) = download.active.as_mut().filter(|active| active.tester == peer.tester) else {
            return Err(Nrc::RequestSequenceError);
        };
        let answer = Ok(Outcome::of(&Response::TransferData { counter, record: &[] }));
        // The answer to a block was lost, and the tester sends it again (ISO 14229-1, 14.5).
        if active.began && counter == active.counter.wrapping_sub(1) {
            return answer;
        }
        if counter != active.counter {
            return Err(Nrc::WrongBlockSequenceCounter);
        }
        if data.is_empty() || data.len() + 2 > active.block_bytes_max {
            return Err(Nrc::IncorrectMessageLengthOrInvalidFormat);
        }
        if download.staged.len() + data.len() > active.end {
            return Err(Nrc::TransferDataSuspended);
        }
        (active.counter, active.began) = (active.counter.wrapping_add(1), true);
        let Some(maker) = &self.maker else { return Err(Nrc::UploadDownloadNotAccepted) };
        match download.take(data, &self.twin.spec.unit_id, maker) {
            Ok(()) => answer,
            Err(why) => {
                download.discard();
                Err(refusal(&why))
            }
        }
    }

    pub(super) fn transfer_exit(&mut self, peer: Peer, record: &[u8]) -> Served {
        let download = &mut self.download;
        let active = download.active.as_ref().filter(|active| active.tester == peer.tester);
        let active = active.ok_or(Nrc::RequestSequenceError)?;
        if !record.is_empty() {
            return Err(Nrc::IncorrectMessageLengthOrInvalidFormat);
        }
        if download.staged.len() < active.end {
            return Err(Nrc::RequestSequenceError);
        }
        download.active = None;
        if let Err(why) = download.complete() {
            download.discard();
            return Err(refusal(&why));
        }
        let wants_reflash = download.package.as_ref().is_some_and(|package| package.content == Content::Unprotected);
        let offered = if wants_reflash {
            self.twin.offer(RequestWord::Reflash).is_some()
        } else {
            self.twin.spec.behaviour.update.is_some()
        };
        if !offered {
            download.discard();
            return Err(Nrc::ConditionsNotCorrect);
        }
        download.ready = true;
        Ok(Outcome::of(&Response::RequestTransferExit { record: &[] }))
    }
}

/// A package for another unit is out of range; anything else is a failure of programming.
const fn refusal(why: &PackageError) -> Nrc {
    match why {
        PackageError::OtherUnit { .. } => Nrc::RequestOutOfRange,
        PackageError::NoPackage | PackageError::Header | PackageError::Signature | PackageError::Payload => {
            Nrc::GeneralProgrammingFailure
        }
    }
}
