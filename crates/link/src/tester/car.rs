//! What a workshop does with a head unit: read, clear, enter the code, run routines, write firmware.

use std::time::{Duration, Instant};

use headlock_twin::ecu::{ATTEMPTS_LEFT, DOWNLOAD_PROGRESS, LOCK_STATE, Package, PackageError, SUPPLY_MV, WAIT_LEFT};
use headlock_wire::uds::{
    Did, DidList, Dtc, DtcAnswer, DtcReport, DtcStatus, Level, Memory, Request, Reset, Response, Routine, Session,
};
use sha2::{Digest, Sha256};

use super::{LinkError, Tester};

/// How long firmware may take to be written before the ECU answers again.
const INSTALLING: Duration = Duration::from_mins(15);
/// How often it is asked meanwhile.
const ASKING: Duration = Duration::from_millis(200);
/// The longest prefix of a block that carries no payload: service and counter.
const BLOCK_OVERHEAD: usize = 2;

/// A trouble code and its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadDtc {
    /// The code.
    pub dtc: Dtc,
    /// Its status; none where only the code was told.
    pub status: Option<DtcStatus>,
}

/// How the lock stands, as this project's ECUs tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockReport {
    /// open, armed, checking, waiting, locked-out.
    pub state: &'static str,
    /// Failed attempts.
    pub failed: u16,
    /// Attempts left before it is locked out for good; none if there is no limit, or it does not tell.
    pub attempts_left: Option<u16>,
    /// Seconds left of a wait in time.
    pub wait_left_s: Option<u32>,
}

/// Knows the key for a seed of a level.
pub type KeyFor = dyn Fn(Level, &[u8]) -> Option<Vec<u8>>;

/// What is to be written, and who may do it.
pub struct Flash<'a> {
    /// The whole package.
    pub package: &'a [u8],
    /// The key for a seed of level 5.
    pub key: &'a KeyFor,
    /// Told the bytes that are safe, and all of them.
    pub progress: &'a mut dyn FnMut(usize, usize),
}

impl std::fmt::Debug for Flash<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flash").field("bytes", &self.package.len()).finish_non_exhaustive()
    }
}

impl Tester {
    fn ask_for(&mut self, request: &Request<'_>) -> Result<Vec<u8>, LinkError> {
        let mut room = vec![0; 64];
        if let Request::RoutineControl { option: extra, .. } | Request::SendKey { key: extra, .. } = request {
            room.resize(64 + extra.len(), 0);
        }
        let length = request.encode(false, &mut room).map_err(|_| LinkError::EmptyRequest)?;
        self.request(&room[..length])
    }

    /// The data of one identifier.
    ///
    /// # Errors
    /// The ECU has none, or does not answer.
    pub fn read(&mut self, did: Did) -> Result<Vec<u8>, LinkError> {
        let bytes = did.0.to_be_bytes();
        let dids = DidList::of(&bytes).ok_or(LinkError::EmptyRequest)?;
        let answer = self.ask_for(&Request::ReadDataByIdentifier(dids))?;
        match Response::decode(&answer)? {
            Response::ReadDataByIdentifier([_, _, data @ ..]) => Ok(data.to_vec()),
            _ => Err(LinkError::Shape { what: "an answer to a read", bytes: answer.len() }),
        }
    }

    /// The data of one identifier as text, without what fills it up.
    ///
    /// # Errors
    /// As [`Self::read`], or it is no text.
    pub fn read_text(&mut self, did: Did) -> Result<String, LinkError> {
        let data = self.read(did)?;
        let bytes = data.len();
        let text = String::from_utf8(data).map_err(|_| LinkError::Shape { what: "a text", bytes })?;
        let text = text.trim_matches(|c: char| c == '\0' || c == ' ' || c == '\u{FF}');
        if text.chars().any(char::is_control) {
            Err(LinkError::Shape { what: "a text", bytes })
        } else {
            Ok(text.to_owned())
        }
    }

    /// The vehicle's number: by identifier or, from an ECU that only knows OBD, by mode 09.
    ///
    /// # Errors
    /// It tells neither.
    pub fn vin(&mut self) -> Result<String, LinkError> {
        let first = match self.read(Did::VIN) {
            Err(why @ (LinkError::Negative { .. } | LinkError::TimedOut | LinkError::Adapter(_))) => why,
            Ok(data) => return vin_of(&data),
            Err(why) => return Err(why),
        };
        match self.request(&[0x09, 0x02]) {
            Ok(answer) => vin_of(answer.get(3..).unwrap_or_default()),
            Err(_) => Err(first),
        }
    }

    /// The supply, in millivolts: as the adapter measures it, or as the ECU does.
    ///
    /// # Errors
    /// Neither tells.
    pub fn supply_mv(&mut self) -> Result<u32, LinkError> {
        let unit = self.supply_of_unit();
        match self.transport.supply_mv()? {
            Some(mv) => Ok(mv),
            None => unit,
        }
    }

    fn supply_of_unit(&mut self) -> Result<u32, LinkError> {
        match self.read(SUPPLY_MV) {
            Ok(data) => match data[..] {
                [a, b, c, d] => Ok(u32::from_be_bytes([a, b, c, d])),
                _ => Err(LinkError::Shape { what: "a supply", bytes: data.len() }),
            },
            // Mode 01, parameter 42: the supply of the control module, a millivolt a bit.
            Err(LinkError::Negative { .. } | LinkError::TimedOut) => match self.request(&[0x01, 0x42])?[..] {
                [_, _, high, low] => Ok(u16::from_be_bytes([high, low]).into()),
                ref answer => Err(LinkError::Shape { what: "a supply", bytes: answer.len() }),
            },
            Err(why) => Err(why),
        }
    }

    /// The trouble codes that meet the mask; from an ECU that only knows OBD, the confirmed ones.
    ///
    /// # Errors
    /// It tells neither.
    pub fn dtcs(&mut self, mask: DtcStatus) -> Result<Vec<ReadDtc>, LinkError> {
        let answer = match self.ask_for(&Request::ReadDtcInformation(DtcReport::ByStatusMask(mask))) {
            Err(LinkError::Negative { .. } | LinkError::TimedOut) => return self.obd_dtcs(),
            answer => answer?,
        };
        match Response::decode(&answer)? {
            Response::ReadDtcInformation(list @ DtcAnswer::List { .. }) => {
                Ok(list.iter().map(|(dtc, status)| ReadDtc { dtc, status: Some(status) }).collect())
            }
            _ => Err(LinkError::Shape { what: "a list of trouble codes", bytes: answer.len() }),
        }
    }

    fn obd_dtcs(&mut self) -> Result<Vec<ReadDtc>, LinkError> {
        let answer = self.request(&[0x03])?;
        let wrong = LinkError::Shape { what: "a list of trouble codes", bytes: answer.len() };
        let [_, count, codes @ ..] = &answer[..] else { return Err(wrong) };
        if codes.len() != 2 * usize::from(*count) {
            return Err(wrong);
        }
        let read = |pair: &[u8]| ReadDtc { dtc: Dtc::of([pair[0], pair[1], 0]), status: None };
        Ok(codes.chunks_exact(2).map(read).collect())
    }

    /// Clears all trouble codes.
    ///
    /// # Errors
    /// The ECU refuses, or does not answer.
    pub fn clear_dtcs(&mut self) -> Result<(), LinkError> {
        self.ask_for(&Request::ClearDiagnosticInformation { group: 0x00FF_FFFF }).map(|_| ())
    }

    /// How the lock stands; none if the ECU does not tell.
    ///
    /// # Errors
    /// It does not answer, or with something else.
    pub fn lock(&mut self) -> Result<Option<LockReport>, LinkError> {
        let state = match self.read(LOCK_STATE) {
            Err(LinkError::Negative { .. }) => return Ok(None),
            read => read?,
        };
        let [state, high, low] = state[..] else {
            return Err(LinkError::Shape { what: "a state of a lock", bytes: state.len() });
        };
        let names = ["open", "armed", "checking", "waiting", "locked-out"];
        let Some(state) = names.get(usize::from(state)) else {
            return Err(LinkError::Shape { what: "a state of a lock", bytes: 3 });
        };
        let attempts_left = match self.read(ATTEMPTS_LEFT)?[..] {
            [0xFF, 0xFF] => None,
            [high, low] => Some(u16::from_be_bytes([high, low])),
            ref other => return Err(LinkError::Shape { what: "attempts", bytes: other.len() }),
        };
        let wait_left_s = match self.read(WAIT_LEFT)?[..] {
            [0xFF, 0xFF, 0xFF, 0xFF] => None,
            [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
            ref other => return Err(LinkError::Shape { what: "a wait", bytes: other.len() }),
        };
        Ok(Some(LockReport { state, failed: u16::from_be_bytes([high, low]), attempts_left, wait_left_s }))
    }

    /// Changes the session.
    ///
    /// # Errors
    /// The ECU refuses, or does not answer.
    pub fn session(&mut self, session: Session) -> Result<(), LinkError> {
        self.ask_for(&Request::DiagnosticSessionControl { session }).map(|_| ())
    }

    /// Unlocks a level with the key that `key` knows for its seed; nothing to do where it is unlocked.
    ///
    /// # Errors
    /// The key is not known, wrong, or the ECU makes one wait.
    pub fn unlock(&mut self, level: Level, key: &KeyFor) -> Result<(), LinkError> {
        let answer = self.ask_for(&Request::RequestSeed { level, record: &[] })?;
        let Response::Seed { seed, .. } = Response::decode(&answer)? else {
            return Err(LinkError::Shape { what: "a seed", bytes: answer.len() });
        };
        if seed.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let Some(key) = key(level, seed) else {
            return Err(LinkError::Unfit(
                "nobody here knows the key of this ECU; --key-file, or a registry".to_owned(),
            ));
        };
        self.ask_for(&Request::SendKey { level, key: &key }).map(|_| ())
    }

    /// Runs a routine, and answers what it says.
    ///
    /// # Errors
    /// The ECU refuses, or does not answer.
    pub fn routine(&mut self, routine: u16, option: &[u8]) -> Result<Vec<u8>, LinkError> {
        let request = Request::RoutineControl { action: Routine::Start, routine, option };
        let answer = self.ask_for(&request)?;
        match Response::decode(&answer)? {
            Response::RoutineControl { status, .. } => Ok(status.to_vec()),
            _ => Err(LinkError::Shape { what: "a routine's answer", bytes: answer.len() }),
        }
    }

    /// Restarts the ECU.
    ///
    /// # Errors
    /// It refuses, or does not answer.
    pub fn reset(&mut self) -> Result<(), LinkError> {
        self.ask_for(&Request::EcuReset { reset: Reset::Hard }).map(|_| ())
    }

    /// Writes firmware: goes on where a transfer of the same package broke off, restarts the ECU, and sees that it runs.
    ///
    /// # Errors
    /// The adapter is not fit for it, the package is none, or the ECU refuses. The old firmware runs on until the last block was
    /// taken and checked.
    pub fn flash(&mut self, flash: &mut Flash<'_>) -> Result<(), LinkError> {
        self.transport.prepare_for_flashing()?;
        let package = Package::parse(flash.package)?.ok_or(PackageError::NoPackage)?;
        if package.bytes() != flash.package.len() {
            return Err(PackageError::Payload.into());
        }
        self.session(Session::Extended)?;
        self.session(Session::Programming)?;
        self.unlock(LEVEL_FIRMWARE, flash.key)?;
        let from = self.safe_bytes(&flash.package[..package.header_bytes], flash.package.len());
        self.transfer(flash, from)?;
        self.reset()?;
        self.await_version(&package.version)
    }

    /// Bytes of this package that the ECU has already.
    fn safe_bytes(&mut self, header: &[u8], most: usize) -> usize {
        let Ok(progress) = self.read(DOWNLOAD_PROGRESS) else { return 0 };
        let Some((safe, digest)) = progress.split_first_chunk::<4>() else { return 0 };
        let safe = usize::try_from(u32::from_be_bytes(*safe)).unwrap_or(0);
        // One that is complete was not accepted: it starts over.
        if digest == &Sha256::digest(header)[..] && safe < most { safe } else { 0 }
    }

    fn transfer(&mut self, flash: &mut Flash<'_>, from: usize) -> Result<(), LinkError> {
        let whole = flash.package.len();
        let rest = &flash.package[from..];
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let memory = Memory { address: number(from), size: number(rest.len()), address_bytes: 4, size_bytes: 4 };
        let answer = self.ask_for(&Request::RequestDownload { data_format: 0, memory })?;
        let Response::RequestDownload { block_bytes_max } = Response::decode(&answer)? else {
            return Err(LinkError::Shape { what: "an answer to a download", bytes: answer.len() });
        };
        let most = usize::try_from(block_bytes_max).unwrap_or(usize::MAX).min(self.transport.bytes_max());
        let most = most.checked_sub(BLOCK_OVERHEAD).filter(|most| *most > 0);
        let most = most.ok_or(LinkError::Shape { what: "a block", bytes: 0 })?;
        let mut counter = 0_u8;
        let mut safe = from;
        let mut request = Vec::new();
        (flash.progress)(safe, whole);
        for block in rest.chunks(most) {
            counter = counter.wrapping_add(1);
            request.clear();
            request.extend([0x36, counter]);
            request.extend(block);
            self.request(&request)?;
            safe += block.len();
            (flash.progress)(safe, whole);
        }
        self.ask_for(&Request::RequestTransferExit { record: &[] }).map(|_| ())
    }

    /// Waits until the ECU answers again, and that with this version.
    fn await_version(&mut self, wanted: &str) -> Result<(), LinkError> {
        let until = Instant::now() + INSTALLING;
        // It answers its restart before it restarts.
        std::thread::sleep(ASKING);
        loop {
            match self.read_text(Did::SOFTWARE_NUMBER) {
                Ok(found) if found == wanted => return Ok(()),
                Ok(found) => return Err(LinkError::OtherVersion { found, wanted: wanted.to_owned() }),
                Err(why) if Instant::now() >= until => return Err(why),
                Err(LinkError::TimedOut | LinkError::Negative { .. } | LinkError::Adapter(_)) => {
                    std::thread::sleep(ASKING);
                }
                Err(why) => return Err(why),
            }
        }
    }
}

/// 17 digits and letters (ISO 3779), with or without bytes that fill them up; some cars' controllers know shorter ones, but then it is
/// not the vehicle's number.
fn vin_of(data: &[u8]) -> Result<String, LinkError> {
    let filling = |byte: &u8| matches!(byte, 0 | 0xFF | b' ');
    let from = data.iter().position(|byte| !filling(byte)).unwrap_or(data.len());
    let to = data.iter().rposition(|byte| !filling(byte)).map_or(from, |last| last + 1);
    let vin = &data[from..to];
    let fits = vin.len() == 17 && vin.iter().all(u8::is_ascii_alphanumeric);
    let text = String::from_utf8(vin.to_vec()).ok().filter(|_| fits);
    text.ok_or(LinkError::Shape { what: "a vehicle's number", bytes: data.len() })
}

/// The level that firmware is behind.
const LEVEL_FIRMWARE: Level = match Level::of(5) {
    Some(level) => level,
    None => panic!("a level"),
};
