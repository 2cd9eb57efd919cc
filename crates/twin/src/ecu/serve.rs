//! One request of UDS, through the checks in the standard's order (ISO 14229-1, 8.7.2).

use headlock_wire::uds::{
    Malformed, Nrc, POSITIVE_OFFSET, Request, Reset, Response, SUPPRESS_POSITIVE, ServiceId, Session, Timing,
};

use super::{Conversation, Ecu, Outcome, P2_MS, P2_STAR_MS, Peer, Pending, Served, negative};

/// What a unit needs for a restart before it listens again, in milliseconds.
const BEFORE_RESET_MS: u64 = 20;
/// The shortest `34`: how it is packed, the widths, and a byte each of address and size.
const SHORTEST_DOWNLOAD: usize = 5;

impl Ecu {
    pub(super) fn serve(&mut self, now_ms: u64, peer: Peer, bytes: &[u8]) -> Option<Vec<u8>> {
        let sid = bytes[0];
        let (served, suppressed) = match self.checked(peer, bytes) {
            Ok((request, suppressed)) => (self.carry_out(now_ms, peer, &request), suppressed),
            Err(nrc) => (Err(nrc), false),
        };
        match served {
            Ok(Outcome::Now(_)) if suppressed => None,
            Ok(Outcome::Now(answer)) => Some(answer),
            // After a response pending a final answer is owed, whatever was suppressed (ISO 14229-1, 8.2.2).
            Ok(Outcome::Later(ms, answer)) => {
                let (done_ms, again_ms) = (now_ms + ms, now_ms + P2_STAR_MS * 3 / 4);
                self.pending = Some(Pending { peer, sid, done_ms, again_ms, answer });
                Some(negative(sid, Nrc::RequestCorrectlyReceivedResponsePending))
            }
            Err(nrc) if peer.functional && nrc.withheld_when_functional() => None,
            Err(nrc) => Some(negative(sid, nrc)),
        }
    }

    fn session(&self, peer: Peer) -> Session {
        self.conversations.get(&peer.tester).map_or(Session::Default, |conversation| conversation.session)
    }

    /// Service, session, length, sub-function, in this order.
    fn checked<'a>(&self, peer: Peer, bytes: &'a [u8]) -> Result<(Request<'a>, bool), Nrc> {
        let service = ServiceId::of(bytes[0]).ok_or(Nrc::ServiceNotSupported)?;
        let session = self.session(peer);
        if !works_in(service, session) {
            return Err(Nrc::ServiceNotSupportedInActiveSession);
        }
        self.before_the_rest(peer, service, &bytes[1..])?;
        Request::decode(bytes).map_err(|why| why.nrc().unwrap_or(Nrc::GeneralReject))
    }

    /// What comes before the whole length and the parameters: sub-functions that only this ECU, or another session, is without,
    /// and the security of a service.
    fn before_the_rest(&self, peer: Peer, service: ServiceId, rest: &[u8]) -> Result<(), Nrc> {
        let sub_function = rest.first().map(|byte| byte & !SUPPRESS_POSITIVE);
        match (service, sub_function) {
            (ServiceId::DiagnosticSessionControl, Some(sub))
                if sub == Session::Programming.byte() && self.session(peer) == Session::Default =>
            {
                Err(Nrc::SubFunctionNotSupportedInActiveSession)
            }
            (ServiceId::SecurityAccess, Some(sub)) if !self.has_level(sub) => Err(Nrc::SubFunctionNotSupported),
            (ServiceId::RequestDownload, _) if rest.len() + 1 < SHORTEST_DOWNLOAD => {
                Err(Nrc::IncorrectMessageLengthOrInvalidFormat)
            }
            (ServiceId::RequestDownload, _) => self.may_download(peer),
            _ => Ok(()),
        }
    }

    fn carry_out(&mut self, now_ms: u64, peer: Peer, request: &Request<'_>) -> Served {
        match *request {
            Request::DiagnosticSessionControl { session } => Ok(self.change_session(now_ms, peer, session)),
            Request::EcuReset { reset } => self.reset(now_ms, peer, reset),
            Request::ClearDiagnosticInformation { group } => self.clear_troubles(group),
            Request::ReadDtcInformation(report) => Ok(self.read_troubles(report)),
            Request::ReadDataByIdentifier(dids) => self.read_data(peer, dids),
            Request::RequestSeed { level, record } => self.request_seed(peer, level, record),
            Request::SendKey { level, key } => self.send_key(peer, level, key),
            Request::RoutineControl { action, routine, option } => self.routine(peer, action, routine, option),
            Request::RequestDownload { data_format, memory } => self.request_download(peer, data_format, memory),
            Request::TransferData { counter, data } => self.transfer(peer, counter, data),
            Request::RequestTransferExit { record } => self.transfer_exit(peer, record),
            Request::TesterPresent => Ok(Outcome::of(&Response::TesterPresent)),
            Request::ControlDtcSetting { on, record } => {
                if !record.is_empty() {
                    return Err(Malformed::Parameter.nrc().unwrap_or(Nrc::RequestOutOfRange));
                }
                self.troubles.set(peer.tester, on);
                Ok(Outcome::of(&Response::ControlDtcSetting { on }))
            }
        }
    }

    /// A change of session locks again, and ends what was behind a level. What was not stays, except in the default session: codes
    /// that are not set are still not (ISO 14229-1, 10.2.1).
    fn change_session(&mut self, now_ms: u64, peer: Peer, session: Session) -> Outcome {
        if session == Session::Default {
            self.leave(peer.tester);
        } else {
            self.download.released_by(peer.tester);
            let conversation = Conversation { session, ..Conversation::new(now_ms) };
            self.conversations.insert(peer.tester, conversation);
        }
        let p2_star_10ms = u16::try_from(P2_STAR_MS / 10).unwrap_or(u16::MAX);
        Outcome::of(&Response::DiagnosticSessionControl { session, timing: Timing { p2_ms: P2_MS, p2_star_10ms } })
    }

    /// The answer goes first, so that the tester knows. Nobody restarts what another tester waits for, or sends firmware to.
    fn reset(&mut self, now_ms: u64, peer: Peer, reset: Reset) -> Served {
        let waits = self.pending.as_ref().map(|pending| pending.peer.tester);
        if waits.into_iter().chain(self.download.sender()).any(|tester| tester != peer.tester) {
            return Err(Nrc::ConditionsNotCorrect);
        }
        self.reset_due = Some(now_ms + BEFORE_RESET_MS);
        Ok(Outcome::of(&Response::EcuReset { reset }))
    }
}

/// In which sessions a service is served at all.
const fn works_in(service: ServiceId, session: Session) -> bool {
    match service {
        ServiceId::SecurityAccess | ServiceId::RoutineControl | ServiceId::ControlDtcSetting => {
            !matches!(session, Session::Default)
        }
        ServiceId::RequestDownload | ServiceId::TransferData | ServiceId::RequestTransferExit => {
            matches!(session, Session::Programming)
        }
        ServiceId::DiagnosticSessionControl
        | ServiceId::EcuReset
        | ServiceId::ClearDiagnosticInformation
        | ServiceId::ReadDtcInformation
        | ServiceId::ReadDataByIdentifier
        | ServiceId::TesterPresent => true,
    }
}

/// The identifier of a positive response.
pub(super) const fn positive(sid: u8) -> u8 {
    sid.wrapping_add(POSITIVE_OFFSET)
}
