//! Trouble codes: what the unit tests of itself, and what a tester may read and clear.

use std::collections::BTreeSet;

use headlock_wire::uds::{Dtc, DtcAnswer, DtcReport, DtcStatus, Nrc, Response};

use super::{Ecu, Outcome, Served, TesterId};
use crate::record::Record;
use crate::twin::Twin;

/// The EEPROM does not hold what is written: U3000-46, calibration or parameter memory failure.
pub const DTC_EEPROM: Dtc = Dtc(0x00F0_0046);
/// The supply is too low to write: U3003-16, circuit voltage below threshold.
pub const DTC_LOW_SUPPLY: Dtc = Dtc(0x00F0_0316);
/// A key is down all the time: B1A01-23, signal stuck low.
pub const DTC_KEY_STUCK: Dtc = Dtc(0x009A_0123);

/// A key held for longer than this is stuck, in milliseconds.
const STUCK_MS: u64 = 60_000;
/// The bits of a status that are told.
const AVAILABLE: DtcStatus = DtcStatus(0x7F);
/// A code that was never tested.
const UNTESTED: DtcStatus = DtcStatus::NOT_COMPLETED_SINCE_CLEAR.and(DtcStatus::NOT_COMPLETED_THIS_CYCLE);
const FAILED: DtcStatus = DtcStatus::TEST_FAILED
    .and(DtcStatus::TEST_FAILED_THIS_CYCLE)
    .and(DtcStatus::PENDING)
    .and(DtcStatus::CONFIRMED)
    .and(DtcStatus::FAILED_SINCE_CLEAR);
/// All codes.
const EVERY_GROUP: u32 = 0xFF_FFFF;
/// Codes are written as in ISO 14229-1.
const FORMAT: u8 = 1;

const CODES: [Dtc; 3] = [DTC_EEPROM, DTC_LOW_SUPPLY, DTC_KEY_STUCK];

/// The codes and their status.
#[derive(Clone, Debug)]
pub(super) struct Troubles {
    status: [DtcStatus; 3],
    /// The memory has failed since the last clear.
    memory_failed: bool,
    /// Who has switched the setting of codes off: it stays off for as long as anybody wants that.
    off_by: BTreeSet<TesterId>,
}

impl Default for Troubles {
    fn default() -> Self {
        Self { status: [UNTESTED; 3], memory_failed: false, off_by: BTreeSet::new() }
    }
}

impl Troubles {
    /// Runs the tests; true if a status changed.
    pub(super) fn observe(&mut self, twin: &Twin) -> bool {
        let before = self.status;
        if twin.records.contains(&Record::SupplyBack) {
            self.begin_cycle();
        }
        // What a low supply keeps from being written is no fault of the memory.
        let writes = twin.supply_allows_writes();
        self.memory_failed |= twin.records.iter().any(|record| match record {
            Record::FailedClosed => true,
            Record::WriteFailed => writes,
            _ => false,
        });
        if !self.off_by.is_empty() || !twin.alive() {
            return before != self.status;
        }
        let low = twin.car.mv < twin.spec.saves_above_mv.max(twin.spec.works_above_mv);
        let stuck = twin.panel.held != 0 && twin.now_ms.saturating_sub(twin.panel.down_at_ms) > STUCK_MS;
        for (status, fails) in self.status.iter_mut().zip([self.memory_failed, low, stuck]) {
            let tested = status.without(UNTESTED);
            *status = if fails { tested.and(FAILED) } else { tested.without(DtcStatus::TEST_FAILED) };
        }
        before != self.status
    }

    /// A bit for each code that fails now.
    pub(super) fn failing(&self) -> u8 {
        let bits = self.status.iter().zip([1, 2, 4]);
        bits.filter(|(status, _)| status.meets(DtcStatus::TEST_FAILED)).map(|(_, bit)| bit).sum()
    }

    /// The codes that meet the mask.
    pub(super) fn meeting(&self, mask: DtcStatus) -> impl Iterator<Item = (Dtc, DtcStatus)> {
        CODES.into_iter().zip(self.status).filter(move |(_, status)| status.meets(mask))
    }

    /// A new operation cycle: nothing was tested in it, and nothing fails yet. What did not fail in the whole of the one before is
    /// pending no more (ISO 14229-1, annex D.2).
    fn begin_cycle(&mut self) {
        const OF_CYCLE: DtcStatus = DtcStatus::TEST_FAILED_THIS_CYCLE.and(DtcStatus::NOT_COMPLETED_THIS_CYCLE);
        self.memory_failed = false;
        for status in &mut self.status {
            let pending = if status.meets(OF_CYCLE) { *status } else { status.without(DtcStatus::PENDING) };
            *status = pending
                .without(DtcStatus::TEST_FAILED.and(DtcStatus::TEST_FAILED_THIS_CYCLE))
                .and(DtcStatus::NOT_COMPLETED_THIS_CYCLE);
        }
    }

    pub(super) fn set(&mut self, tester: TesterId, on: bool) {
        if on {
            self.off_by.remove(&tester);
        } else {
            self.off_by.insert(tester);
        }
    }

    /// The session that switched it off is over.
    pub(super) fn released_by(&mut self, tester: TesterId) {
        self.off_by.remove(&tester);
    }

    /// Clears one code, or all; false if there is no such one.
    pub(super) fn clear(&mut self, group: u32) -> bool {
        let mut known = group == EVERY_GROUP;
        for (code, status) in CODES.iter().zip(&mut self.status) {
            if group == EVERY_GROUP || group == code.0 {
                *status = UNTESTED;
                known = true;
            }
        }
        if group == EVERY_GROUP || group == DTC_EEPROM.0 {
            self.memory_failed = false;
        }
        known
    }

    /// What outlasts a cut of the supply.
    pub(super) fn retained(&self) -> Vec<(u32, u8)> {
        CODES.iter().zip(self.status).map(|(code, status)| (code.0, status.0)).collect()
    }

    pub(super) fn restore(&mut self, retained: &[(u32, u8)]) {
        for (code, status) in CODES.iter().zip(&mut self.status) {
            if let Some((_, kept)) = retained.iter().find(|(kept, _)| *kept == code.0) {
                *status = DtcStatus(*kept);
            }
        }
    }
}

impl Ecu {
    pub(super) fn read_troubles(&self, report: DtcReport) -> Outcome {
        let mask = match report {
            DtcReport::NumberByStatusMask(mask) | DtcReport::ByStatusMask(mask) => mask,
            DtcReport::Supported => DtcStatus(0xFF),
        };
        let sub_function = report.sub_function();
        let found: Vec<(Dtc, DtcStatus)> = match report {
            DtcReport::Supported => CODES.into_iter().zip(self.troubles.status).collect(),
            _ => self.troubles.meeting(mask).collect(),
        };
        if matches!(report, DtcReport::NumberByStatusMask(_)) {
            let count = u16::try_from(found.len()).unwrap_or(u16::MAX);
            let answer = DtcAnswer::Number { available: AVAILABLE, format: FORMAT, count };
            return Outcome::of(&Response::ReadDtcInformation(answer));
        }
        let records: Vec<u8> =
            found.iter().flat_map(|(code, status)| code.bytes().into_iter().chain([status.0])).collect();
        let answer = DtcAnswer::List { sub_function, available: AVAILABLE, records: &records };
        Outcome::of(&Response::ReadDtcInformation(answer))
    }

    pub(super) fn clear_troubles(&mut self, group: u32) -> Served {
        if !self.troubles.clear(group) {
            return Err(Nrc::RequestOutOfRange);
        }
        self.generation += 1;
        Ok(Outcome::of(&Response::ClearDiagnosticInformation))
    }
}
