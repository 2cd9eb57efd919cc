//! The unit as an ECU: requests of UDS (ISO 14229-1) in, responses out, the twin behind it.
//!
//! One way through: bytes -> [`Request`](headlock_wire::uds::Request) -> [`Twin::apply`] -> [`Response`] -> bytes. Time is an
//! argument. Each tester has its own session and its own unlocked level, so that nobody acts on what somebody else unlocked.

mod data;
mod download;
mod obd;
mod package;
mod retained;
mod routine;
mod security;
mod serve;
mod trouble;

use std::collections::BTreeMap;

use headlock_wire::uds::{Level, Nrc, Response, Session};

pub use data::{ATTEMPTS_LEFT, DOWNLOAD_PROGRESS, LOCK_STATE, SUPPLY_MV, WAIT_LEFT};
pub use package::{Content, HEADER_BYTES_MAX, Package, PackageError, SIGNED_CONTEXT};
pub use retained::{BadImage, Retained};
pub use routine::RoutineId;
pub use security::{HmacKeys, KEY_BYTES, KeyProvider, SEED_BYTES};
pub use trouble::{DTC_EEPROM, DTC_KEY_STUCK, DTC_LOW_SUPPLY};

use crate::input::Input;
use crate::record::{Answer, Record};
use crate::twin::Twin;
use download::Download;
use security::Security;
use trouble::Troubles;

/// How long an ECU keeps a session without a request, in milliseconds (S3, ISO 14229-2).
pub const S3_MS: u64 = 5_000;
/// An answer comes within this many milliseconds, or a response pending does (P2).
pub const P2_MS: u16 = 50;
/// After a response pending: within this many milliseconds (P2*).
pub const P2_STAR_MS: u64 = 5_000;

/// Who asks: a number that whoever hosts the ECU gives to each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TesterId(pub u64);

/// Who asks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Who.
    pub tester: TesterId,
    /// It asked all ECUs at once: some refusals are withheld.
    pub functional: bool,
    /// The longest message that can reach the ECU this way, in bytes.
    pub bytes_max: usize,
}

/// One response, and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whom it is for.
    pub to: TesterId,
    /// The request was functional.
    pub functional: bool,
    /// The response.
    pub bytes: Vec<u8>,
}

/// What is known of an ECU beside its unit.
pub struct Provisioned {
    /// The number of the vehicle that it sits in.
    pub vin: [u8; 17],
    /// The vehicle maker's part number.
    pub part_number: String,
    /// Answers what key a seed wants.
    pub keys: Box<dyn KeyProvider + Send>,
    /// The public key of who signs its firmware; none takes no firmware.
    pub maker: Option<[u8; 32]>,
    /// Random bytes, new at each start: seeds are made from them.
    pub entropy: [u8; 32],
}

/// A head unit that testers can talk to.
pub struct Ecu {
    twin: Twin,
    vin: [u8; 17],
    part_number: String,
    maker: Option<[u8; 32]>,
    security: Security,
    conversations: BTreeMap<TesterId, Conversation>,
    troubles: Troubles,
    download: Download,
    pending: Option<Pending>,
    /// The self test was run to its end since the last start.
    self_tested: bool,
    /// What a routine did to the locks may be missing in the memory.
    unwritten: bool,
    /// A restart that is due once its answer is on its way.
    reset_due: Option<u64>,
    generation: u64,
    noted: Option<retained::Noted>,
}

/// What one tester has brought about.
#[derive(Clone, Debug)]
struct Conversation {
    session: Session,
    unlocked: Option<Level>,
    seed: Option<(Level, [u8; SEED_BYTES])>,
    heard_ms: u64,
}

impl Conversation {
    const fn new(now_ms: u64) -> Self {
        Self { session: Session::Default, unlocked: None, seed: None, heard_ms: now_ms }
    }
}

/// A request whose answer takes longer than P2.
#[derive(Clone, Debug)]
struct Pending {
    peer: Peer,
    sid: u8,
    done_ms: u64,
    /// The next response pending is due.
    again_ms: u64,
    answer: Vec<u8>,
}

/// What a service came to.
type Served = Result<Outcome, Nrc>;

/// A service's answer.
enum Outcome {
    /// A positive response.
    Now(Vec<u8>),
    /// A positive response, which comes after so many milliseconds.
    Later(u64, Vec<u8>),
}

impl Outcome {
    /// Writes a response.
    fn of(response: &Response<'_>) -> Self {
        Self::Now(written(response))
    }
}

fn written(response: &Response<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 16];
    loop {
        match response.encode(&mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                return bytes;
            }
            Err(_) => bytes.resize(bytes.len() * 8, 0),
        }
    }
}

impl std::fmt::Debug for Ecu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ecu").field("unit", &self.twin.spec().unit_id()).finish_non_exhaustive()
    }
}

impl Ecu {
    /// An ECU around a unit, as it leaves the production line.
    ///
    /// The unit's memory gets room for the record of SecurityAccess, beside those of its locks.
    pub fn new(mut twin: Twin, provisioned: Provisioned) -> Self {
        twin.attach_security();
        Self {
            twin,
            vin: provisioned.vin,
            part_number: provisioned.part_number,
            maker: provisioned.maker,
            security: Security::new(provisioned.keys, provisioned.entropy),
            conversations: BTreeMap::new(),
            troubles: Troubles::default(),
            download: Download::default(),
            pending: None,
            self_tested: false,
            unwritten: false,
            reset_due: None,
            generation: 0,
            noted: None,
        }
    }

    /// The unit behind it.
    pub const fn twin(&self) -> &Twin {
        &self.twin
    }

    /// Lets something happen to the unit that is no request.
    pub fn happen(&mut self, now_ms: u64, input: Input) {
        self.twin.apply(now_ms, input);
        self.follow();
    }

    /// Cuts the supply at the `n`th byte written from now on, counted from 1.
    pub const fn schedule_cut(&mut self, n: u32, tear: crate::eeprom::Tear) {
        self.twin.schedule_cut(n, tear);
    }

    /// Drops a cut that no write has reached.
    pub const fn unschedule_cut(&mut self) {
        self.twin.unschedule_cut();
    }

    /// The supply of the unit, in millivolts.
    pub fn supply_mv(&self) -> u32 {
        if self.twin.car.cut { 0 } else { self.twin.car.mv }
    }

    /// The number of its vehicle.
    pub const fn vin(&self) -> [u8; 17] {
        self.vin
    }

    /// Takes one request; what is to be answered at once is added to `out`.
    pub fn request(&mut self, now_ms: u64, peer: Peer, bytes: &[u8], out: &mut Vec<Reply>) {
        self.poll(now_ms, out);
        if !self.listens() || bytes.is_empty() {
            return;
        }
        if let Some(conversation) = self.conversations.get_mut(&peer.tester) {
            conversation.heard_ms = now_ms;
        }
        let busy = self.pending.as_ref().is_some_and(|pending| pending.peer.tester == peer.tester);
        let answer = match *bytes {
            // Whoever waits may go on saying that it is there, if it wants no answer to that.
            [0x3E, 0x80] if busy => None,
            [sid, ..] if busy => Some(negative(sid, Nrc::BusyRepeatRequest)),
            [0x01..=0x0A, ..] => self.obd(bytes, peer.functional),
            _ => self.serve(now_ms, peer, bytes),
        };
        self.twin.settle_cut();
        self.follow();
        // The supply may have gone at a write of this very request: then nobody is left to answer.
        if self.twin.alive() {
            out.extend(answer.map(|bytes| Reply { to: peer.tester, functional: peer.functional, bytes }));
        }
    }

    /// Whether anybody would hear an answer: with supply and ignition, and not while firmware is being written.
    fn listens(&self) -> bool {
        self.twin.alive() && self.twin.car.ignition != headlock_lock::Ignition::Off && self.twin.job.is_none()
    }

    /// Lets time pass: sessions end, delays run, late answers go.
    pub fn poll(&mut self, now_ms: u64, out: &mut Vec<Reply>) {
        self.twin.apply(now_ms, Input::Tick);
        self.follow();
        if self.reset_due.is_some_and(|at| at <= now_ms) {
            self.reset_due = None;
            self.restart(now_ms);
        }
        if !self.listens() {
            self.pending = None;
        }
        if let Some(pending) = &mut self.pending {
            if pending.done_ms <= now_ms {
                let Pending { peer, answer, .. } = pending.clone();
                self.pending = None;
                self.self_tested = true;
                if let Some(conversation) = self.conversations.get_mut(&peer.tester) {
                    conversation.heard_ms = now_ms;
                }
                out.push(Reply { to: peer.tester, functional: peer.functional, bytes: answer });
            } else if pending.again_ms <= now_ms {
                pending.again_ms = now_ms + P2_STAR_MS * 3 / 4;
                let bytes = negative(pending.sid, Nrc::RequestCorrectlyReceivedResponsePending);
                out.push(Reply { to: pending.peer.tester, functional: pending.peer.functional, bytes });
            }
        }
        let busy = self.pending.as_ref().map(|pending| pending.peer.tester);
        let expired = |conversation: &Conversation| {
            conversation.session != Session::Default && conversation.heard_ms + S3_MS <= now_ms
        };
        let ended: Vec<TesterId> =
            self.conversations.iter().filter(|(id, c)| expired(c) && busy != Some(**id)).map(|(id, _)| *id).collect();
        ended.into_iter().for_each(|tester| self.leave(tester));
    }

    /// When [`Self::poll`] is next due, in milliseconds.
    pub fn deadline_ms(&self) -> Option<u64> {
        let busy = self.pending.as_ref().map(|pending| pending.peer.tester);
        let sessions = self.conversations.iter().filter(|(id, c)| c.session != Session::Default && busy != Some(**id));
        let sessions = sessions.map(|(_, c)| c.heard_ms + S3_MS);
        let pending = self.pending.iter().map(|pending| pending.done_ms.min(pending.again_ms));
        let waits = |keeper: &headlock_lock::Keeper| matches!(keeper.state.phase, headlock_lock::Phase::Waiting { .. });
        let waiting = self.twin.locks.iter().map(|lock| &lock.keeper).chain(&self.twin.security).any(waits);
        // So that a wait is written down as it passes, also while nobody asks.
        let checkpoint = waiting.then(|| self.twin.now_ms + headlock_lock::CHECKPOINT_MS);
        let unit = self.twin.next_change_ms();
        sessions.chain(pending).chain(self.reset_due).chain(checkpoint).chain(unit).min()
    }

    /// A tester has gone, or its session is over: what it unlocked is locked.
    pub fn leave(&mut self, tester: TesterId) {
        if self.conversations.remove(&tester).is_some() {
            self.troubles.released_by(tester);
            self.download.released_by(tester);
        }
        if self.pending.as_ref().is_some_and(|pending| pending.peer.tester == tester) {
            self.pending = None;
        }
    }

    /// The ECU starts anew: sessions are over, and firmware that waits is written.
    fn restart(&mut self, now_ms: u64) {
        self.forget();
        let input = self.download.take_ready().map_or(Input::Restart, Input::Install);
        self.twin.apply(now_ms, input);
        self.follow();
    }

    /// Whatever no start knows of: sessions and what they unlocked, answers and restarts that were due.
    fn forget(&mut self) {
        let testers: Vec<TesterId> = self.conversations.keys().copied().collect();
        testers.into_iter().for_each(|tester| self.leave(tester));
        self.pending = None;
        self.self_tested = false;
        self.reset_due = None;
    }

    /// Takes note of what the unit did.
    fn follow(&mut self) {
        if !self.twin.alive() || self.twin.records.contains(&Record::SupplyLost) {
            self.forget();
        }
        let troubles = self.troubles.observe(&self.twin);
        if self.note() || troubles {
            self.generation += 1;
        }
    }

    /// A number that grows whenever anything changed that outlasts a cut of the supply.
    pub const fn generation(&self) -> u64 {
        self.generation.wrapping_add(self.twin.memory.generation()).wrapping_add(self.download.generation())
    }

    /// Asks the unit at the level of meaning; none if this reading offers no such request to anybody.
    fn ask(&mut self, request: crate::input::Request) -> Option<Answer> {
        let word = crate::diagnostics::word(&request);
        let tester = self.twin.offer(word)?.testers.first().cloned().unwrap_or_default();
        let now_ms = self.twin.now_ms();
        let records = self.twin.apply(now_ms, Input::Diagnostic { tester: tester.into(), request });
        records.iter().find_map(|record| match record {
            Record::Answer(answer) => Some(answer.clone()),
            _ => None,
        })
    }
}

fn negative(sid: u8, nrc: Nrc) -> Vec<u8> {
    written(&Response::Negative { sid, nrc })
}
