//! Routines: what a tester can have the unit do to its lock.

use headlock_profile::behaviour::{DiagnosticSpec, RequestWord};
use headlock_profile::{Code, Provenance};
use headlock_wire::uds::{Nrc, Response, Routine};

use super::{Ecu, Outcome, Peer, Served, written};
use crate::input::Request;
use crate::record::{Answer, Record};
use crate::twin::Twin;

/// How long the self test takes, in milliseconds.
const SELF_TEST_MS: u64 = 2_000;

/// The routines. Shape: two bytes; the range FDxx is the supplier's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoutineId {
    /// FD10: enter the code; the option is its characters. Answers 0 opened, 1 wrong, 2 refused, 3 ignored.
    EnterCode,
    /// FD11: clear the attempt counter and end a wait.
    ClearAttempts,
    /// FD12: open the lock without the code.
    ClearSecurity,
    /// FD13: switch code checking off.
    DisableChecking,
    /// FD14: the self test. Answers a byte: 0, or the bits of what fails (1 EEPROM, 2 supply, 4 key).
    SelfTest,
    /// FD15: end a permanent lock.
    ClearLockedOut,
    /// FD16: pair with this vehicle.
    Pair,
}

impl RoutineId {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::EnterCode,
        Self::ClearAttempts,
        Self::ClearSecurity,
        Self::DisableChecking,
        Self::SelfTest,
        Self::ClearLockedOut,
        Self::Pair,
    ];

    /// Its number.
    pub const fn number(self) -> u16 {
        match self {
            Self::EnterCode => 0xFD10,
            Self::ClearAttempts => 0xFD11,
            Self::ClearSecurity => 0xFD12,
            Self::DisableChecking => 0xFD13,
            Self::SelfTest => 0xFD14,
            Self::ClearLockedOut => 0xFD15,
            Self::Pair => 0xFD16,
        }
    }

    /// What the catalogue calls it; the self test is every unit's.
    pub const fn word(self) -> Option<RequestWord> {
        match self {
            Self::EnterCode => Some(RequestWord::EnterCode),
            Self::ClearAttempts => Some(RequestWord::ClearAttempts),
            Self::ClearSecurity => Some(RequestWord::ResetLock),
            Self::DisableChecking => Some(RequestWord::DisableChecking),
            Self::ClearLockedOut => Some(RequestWord::ClearLockedOut),
            Self::Pair => Some(RequestWord::Pair),
            Self::SelfTest => None,
        }
    }

    fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|routine| routine.number() == number)
    }

    const fn request(self) -> Option<Request> {
        match self {
            Self::ClearAttempts => Some(Request::ClearAttempts),
            Self::ClearSecurity => Some(Request::ResetLock),
            Self::DisableChecking => Some(Request::DisableChecking),
            Self::ClearLockedOut => Some(Request::ClearLockedOut),
            Self::Pair => Some(Request::Pair),
            Self::EnterCode | Self::SelfTest => None,
        }
    }
}

/// The level that an offer is behind: what its reading names, or what its kind wants where it names none.
pub(super) fn level_of(spec: &DiagnosticSpec) -> Option<u8> {
    spec.security.map_or_else(
        || match spec.request {
            RequestWord::ReadSerial | RequestWord::ReadFirmware | RequestWord::ReadState | RequestWord::EnterCode => {
                None
            }
            RequestWord::ClearAttempts | RequestWord::Pair => Some(0x01),
            RequestWord::ResetLock | RequestWord::ClearLockedOut | RequestWord::DisableChecking => Some(0x03),
            RequestWord::Reflash => Some(0x05),
        },
        |level| (level > 0).then_some(level),
    )
}

impl Twin {
    /// What this unit, with this firmware, answers to some tester.
    pub(crate) fn offer(&self, word: RequestWord) -> Option<&DiagnosticSpec> {
        let offers = self.spec.behaviour.diagnostic.iter();
        offers.filter(|spec| spec.request == word).find(|s| s.supported && s.firmware.contains(&self.firmware))
    }
}

impl Ecu {
    pub(super) fn routine(&mut self, peer: Peer, action: Routine, number: u16, option: &[u8]) -> Served {
        let routine = RoutineId::of(number).ok_or(Nrc::RequestOutOfRange)?;
        if let Some(word) = routine.word() {
            let spec = self.twin.offer(word).ok_or(Nrc::RequestOutOfRange)?;
            self.unlocked(peer, level_of(spec))?;
        }
        let done = |status: &[u8]| written(&Response::RoutineControl { action, routine: number, status });
        match (action, routine) {
            (Routine::Start, RoutineId::EnterCode) => {
                self.enter_code(option).map(|status| Outcome::Now(done(&[status])))
            }
            // One tester at a time: an answer that is owed to another one stays owed.
            (Routine::Start | Routine::Results, RoutineId::SelfTest) if option.is_empty() && self.pending.is_some() => {
                Err(Nrc::BusyRepeatRequest)
            }
            (Routine::Start, RoutineId::SelfTest) if option.is_empty() => {
                Ok(Outcome::Later(SELF_TEST_MS, done(&[self.troubles.failing()])))
            }
            (Routine::Results, RoutineId::SelfTest) if option.is_empty() && !self.self_tested => {
                Err(Nrc::RequestSequenceError)
            }
            (Routine::Results, RoutineId::SelfTest) if option.is_empty() => {
                Ok(Outcome::Now(done(&[self.troubles.failing()])))
            }
            (Routine::Start, routine) if option.is_empty() => {
                let request = routine.request().ok_or(Nrc::RequestOutOfRange)?;
                match self.ask(request) {
                    Some(Answer::Done) if self.was_written() => Ok(Outcome::Now(done(&[]))),
                    Some(Answer::Done) => Err(Nrc::GeneralProgrammingFailure),
                    _ => Err(Nrc::ConditionsNotCorrect),
                }
            }
            (Routine::Start, _) | (Routine::Results, RoutineId::SelfTest) => {
                Err(Nrc::IncorrectMessageLengthOrInvalidFormat)
            }
            // All but the self test are over before they are answered: there is nothing to stop and nothing to fetch.
            (Routine::Stop | Routine::Results, _) => Err(Nrc::SubFunctionNotSupported),
        }
    }

    /// Whether what a routine did to the locks is in the memory, and not only until the next cut of the supply.
    fn was_written(&mut self) -> bool {
        let failed = self.twin.records.contains(&Record::WriteFailed);
        // A state that was not written once is not written again by itself: it does not change any more.
        let locks = 0..self.twin.locks.len();
        self.unwritten = failed || (self.unwritten && !locks.into_iter().all(|lock| self.twin.persist(lock)));
        !self.unwritten
    }

    fn enter_code(&mut self, option: &[u8]) -> Result<u8, Nrc> {
        let text = str::from_utf8(option).map_err(|_| Nrc::RequestOutOfRange)?;
        let code = Code::new(text, Provenance::Stated).map_err(|_| Nrc::RequestOutOfRange)?;
        // What nobody could type is no attempt.
        if !self.twin.has_shape_of_code(code.reveal()) {
            return Err(Nrc::RequestOutOfRange);
        }
        match self.ask(Request::EnterCode(code)) {
            Some(Answer::Verdict(verdict)) => Ok(match verdict {
                crate::Verdict::Opened => 0,
                crate::Verdict::Wrong => 1,
                crate::Verdict::Refused => 2,
                crate::Verdict::Ignored => 3,
            }),
            _ => Err(Nrc::ConditionsNotCorrect),
        }
    }
}
