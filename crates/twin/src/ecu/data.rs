//! What can be read by identifier.

use headlock_lock::{Phase, Span};
use headlock_wire::uds::{Did, DidList, Nrc, Response};

use super::{Ecu, Outcome, Peer, Served};
use crate::input::Request;
use crate::record::PhaseKind;
use crate::twin::kind;

/// What the lock does: 0 open, 1 armed, 2 checking, 3 waiting, 4 locked out; then its failed attempts. Shape: three bytes.
pub const LOCK_STATE: Did = Did(0xFD00);
/// Attempts left before it is locked out for good. Shape: two bytes; FFFF is no limit.
pub const ATTEMPTS_LEFT: Did = Did(0xFD01);
/// Seconds left of a wait. Shape: four bytes; FFFFFFFF is a wait that is not counted in time.
pub const WAIT_LEFT: Did = Did(0xFD02);
/// The supply. Shape: four bytes, millivolts.
pub const SUPPLY_MV: Did = Did(0xFD03);
/// How much of a firmware package is safe, and which. Shape: four bytes, then the 32 bytes of its header's digest.
pub const DOWNLOAD_PROGRESS: Did = Did(0xFD04);

/// The most identifiers in one request; more would be no diagnosis.
const MOST_DIDS: usize = 32;

impl Ecu {
    pub(super) fn read_data(&mut self, peer: Peer, dids: DidList<'_>) -> Served {
        let mut records = Vec::with_capacity(32);
        let mut known = false;
        let mut denied = false;
        if dids.iter().count() > MOST_DIDS {
            return Err(Nrc::IncorrectMessageLengthOrInvalidFormat);
        }
        for did in dids.iter() {
            let from = records.len();
            records.extend(did.0.to_be_bytes());
            match self.datum(peer, did, &mut records) {
                Ok(()) => known = true,
                // Of several identifiers those that there are get answered (ISO 14229-1, 11.2.1).
                Err(nrc) => {
                    denied |= nrc == Nrc::SecurityAccessDenied;
                    records.truncate(from);
                }
            }
        }
        match (denied, known) {
            (true, _) => Err(Nrc::SecurityAccessDenied),
            (false, false) => Err(Nrc::RequestOutOfRange),
            (false, true) if records.len() + 1 > peer.bytes_max => Err(Nrc::ResponseTooLong),
            (false, true) => Ok(Outcome::of(&Response::ReadDataByIdentifier(&records))),
        }
    }

    fn datum(&mut self, peer: Peer, did: Did, out: &mut Vec<u8>) -> Result<(), Nrc> {
        match did {
            Did::ACTIVE_SESSION => {
                let session = self.conversations.get(&peer.tester).map_or(1, |c| c.session.byte());
                out.push(session);
            }
            Did::PART_NUMBER => out.extend(self.part_number.as_bytes()),
            Did::SOFTWARE_NUMBER | Did::SOFTWARE_VERSION => {
                self.allowed(peer, Request::ReadFirmware)?;
                out.extend(self.twin.firmware.as_str().as_bytes());
            }
            Did::SERIAL => {
                self.allowed(peer, Request::ReadSerial)?;
                out.extend(self.twin.serial.as_bytes());
            }
            Did::VIN => out.extend(self.vin),
            SUPPLY_MV => out.extend(self.supply_mv().to_be_bytes()),
            DOWNLOAD_PROGRESS => {
                let (safe, digest) = self.download.progress();
                out.extend(u32::try_from(safe).unwrap_or(u32::MAX).to_be_bytes());
                out.extend(digest);
            }
            LOCK_STATE | ATTEMPTS_LEFT | WAIT_LEFT => {
                self.allowed(peer, Request::ReadState)?;
                self.lock_datum(did, out);
            }
            _ => return Err(Nrc::RequestOutOfRange),
        }
        Ok(())
    }

    /// Reading costs nothing where no source says otherwise; what a reading says not to be answered is answered to nobody.
    fn allowed(&mut self, peer: Peer, request: Request) -> Result<(), Nrc> {
        let word = crate::diagnostics::word(&request);
        let named = self.twin.spec.behaviour.diagnostic.iter().any(|spec| spec.request == word);
        match self.twin.offer(word) {
            Some(spec) => {
                self.unlocked(peer, super::routine::level_of(spec))?;
                if spec.unstable || !spec.loses.is_empty() {
                    self.ask(request);
                }
                Ok(())
            }
            None if named => Err(Nrc::RequestOutOfRange),
            None => Ok(()),
        }
    }

    fn lock_datum(&self, did: Did, out: &mut Vec<u8>) {
        let state = &self.twin.locks[0].keeper.state;
        match did {
            LOCK_STATE => {
                out.push(match kind(&state.phase) {
                    PhaseKind::Open => 0,
                    PhaseKind::Armed => 1,
                    PhaseKind::Checking => 2,
                    PhaseKind::Waiting => 3,
                    PhaseKind::LockedOut => 4,
                });
                out.extend(state.tally.failed.to_be_bytes());
            }
            ATTEMPTS_LEFT => out.extend(self.twin.attempts_left(0).unwrap_or(u16::MAX).to_be_bytes()),
            _ => {
                let left_s = match state.phase {
                    Phase::Waiting { left: Span::Time { ms }, .. } => {
                        u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX - 1)
                    }
                    Phase::Waiting { .. } => u32::MAX,
                    _ => 0,
                };
                out.extend(left_s.to_be_bytes());
            }
        }
    }
}
