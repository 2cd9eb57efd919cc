//! What was read of a unit.

use headlock_link::tester::{LinkError, LockReport, ReadDtc, Tester};
use headlock_profile::Firmware;
use headlock_wire::elm327::{Identity, Kind, Unfit};
use headlock_wire::uds::{Did, DtcStatus};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::paint;

/// What an adapter turned out to be.
#[derive(Clone, Debug)]
pub(super) struct Adapter {
    claims: String,
    /// The firmware of an STN, as it tells it.
    stn: Option<String>,
    is: &'static str,
    cannot: Vec<String>,
    unfit_for_flashing: Option<String>,
}

impl Adapter {
    pub(super) fn of(identity: &Identity) -> Self {
        let is = match identity.kind {
            Kind::Genuine => "a genuine ELM327",
            Kind::FairClone => "a faithful copy",
            Kind::CloneV15 => "a copy that lacks commands of the version it claims",
            Kind::TwoByte => "a copy that reads only two bytes of a request",
            Kind::FreezesOnLongReplies => "a copy that freezes on long answers",
            Kind::HangsOnTpa0 => "a copy that hangs on ATTPA0",
            Kind::Stn => "an STN chip",
            Kind::Unknown => "nothing that says what it is",
        };
        // That is tried when it matters: it can freeze a bad copy.
        let unfit = identity.fit_for_flashing().err().filter(|why| *why != Unfit::LongRepliesUntested);
        let unfit = unfit.map(|why| why.to_string());
        let cannot = identity.cannot.iter().map(|ability| format!("{ability:?}")).collect();
        let (claims, stn) = (identity.claimed.clone(), identity.stn.clone());
        Self { claims, stn, is, cannot, unfit_for_flashing: unfit }
    }

    fn json(&self) -> Value {
        json!({ "claims": self.claims, "stn": self.stn, "is": self.is, "cannot": self.cannot, "unfit_for_flashing": self.unfit_for_flashing })
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) adapter: Option<Adapter>,
    vin: Option<String>,
    supply_mv: Option<u32>,
    part_number: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) software: Option<String>,
    dtcs: Option<Vec<ReadDtc>>,
    pub(super) lock: Option<LockReport>,
    /// What could not be read, and why.
    not_read: Vec<(&'static str, &'static str, String)>,
}

impl Report {
    /// Reads all that a unit tells; what one does not tell is noted, a line that breaks is an error.
    pub(super) fn read(tester: &mut Tester, adapter: Option<Adapter>) -> Result<Self, Failure> {
        let mut reading = Reading::default();
        let vin = reading.take("vin", tester.vin())?;
        let supply_mv = reading.take("supply", tester.supply_mv())?;
        let part_number = reading.take("part number", tester.read_text(Did::PART_NUMBER))?;
        let serial = reading.take("serial", tester.read_text(Did::SERIAL))?;
        let software = match reading.take("software", tester.read_text(Did::SOFTWARE_NUMBER))? {
            Some(software) => Some(software),
            None => tester.read_text(Did::SOFTWARE_VERSION).ok(),
        };
        let dtcs = reading.take("trouble codes", tester.dtcs(CONFIRMED_OR_FAILING))?;
        let lock = reading.take("lock", tester.lock())?.flatten();
        let not_read = reading.not_read;
        Ok(Self { adapter, vin, supply_mv, part_number, serial, software, dtcs, lock, not_read })
    }

    pub(super) fn json(&self) -> Value {
        let dtc =
            |read: &ReadDtc| json!({ "code": read.dtc.to_string(), "status": read.status.map(|status| status.0) });
        json!({
            "adapter": self.adapter.as_ref().map(Adapter::json),
            "vin": self.vin,
            "supply_mv": self.supply_mv,
            "part_number": self.part_number,
            "serial": self.serial,
            "software": self.software,
            "dtcs": self.dtcs.as_ref().map(|dtcs| dtcs.iter().map(dtc).collect::<Vec<_>>()),
            "lock": self.lock.as_ref().map(|lock| json!({
                "state": lock.state, "failed": lock.failed,
                "attempts_left": lock.attempts_left, "wait_left_s": lock.wait_left_s,
            })),
            "not_read": self.not_read.iter().map(|(what, word, why)| json!({ "what": what, "error": word, "why": why })).collect::<Vec<_>>(),
            "situation": {
                "serial": self.serial,
                "firmware": self.software.as_ref().filter(|text| text.parse::<Firmware>().is_ok()),
                "attempts": self.lock.as_ref().map(|lock| lock.failed),
            },
        })
    }

    pub(super) fn print(&self) {
        if let Some(adapter) = &self.adapter {
            paint::heading("Adapter");
            let stn = adapter.stn.as_ref().map_or_else(String::new, |firmware| format!(" and {firmware:?}"));
            paint::item("·", &format!("says {:?}{stn}; is {}", adapter.claims, adapter.is));
            if !adapter.cannot.is_empty() {
                paint::item("·", &format!("cannot: {}", adapter.cannot.join(", ")));
            }
            if let Some(why) = &adapter.unfit_for_flashing {
                paint::item("·", &format!("no firmware is sent through it: {why}"));
            }
        }
        paint::heading("Unit");
        let volts = self.supply_mv.map(|mv| format!("{}.{:02} V", mv / 1_000, mv % 1_000 / 10));
        for (name, value) in [
            ("vehicle", &self.vin),
            ("supply", &volts),
            ("part number", &self.part_number),
            ("serial", &self.serial),
            ("software", &self.software),
        ] {
            if let Some(value) = value {
                paint::item("·", &format!("{name} {value}"));
            }
        }
        match self.dtcs.as_deref() {
            None => {}
            Some([]) => paint::item("·", "no trouble codes"),
            Some(dtcs) => dtcs.iter().for_each(|read| {
                let now = read.status.is_some_and(|status| status.meets(DtcStatus::TEST_FAILED));
                paint::item("✗", &format!("trouble {}{}", read.dtc, if now { ", now" } else { "" }));
            }),
        }
        self.print_lock();
        for (what, _, why) in &self.not_read {
            paint::item("?", &format!("{what}: {why}"));
        }
    }

    pub(super) fn print_lock(&self) {
        let Some(lock) = &self.lock else { return };
        let left = lock.attempts_left.map_or_else(String::new, |left| format!(", {left} left for good"));
        let wait = match lock.wait_left_s {
            Some(s) if s > 0 => format!(", waits {s} s more"),
            _ => String::new(),
        };
        paint::item("·", &format!("lock {}, {} wrong codes{left}{wait}", lock.state, lock.failed));
    }
}

/// How the reading goes.
#[derive(Debug, Default)]
struct Reading {
    /// Something was heard.
    answered: bool,
    silences: u32,
    not_read: Vec<(&'static str, &'static str, String)>,
}

impl Reading {
    /// Notes what one does not tell; a line that breaks, or on which nobody is, is an error.
    fn take<T>(&mut self, what: &'static str, read: Result<T, LinkError>) -> Result<Option<T>, LinkError> {
        let error = match read {
            Ok(value) => {
                self.answered = true;
                return Ok(Some(value));
            }
            Err(error) => error,
        };
        self.answered |= matches!(error, LinkError::Negative { .. });
        self.silences += u32::from(matches!(error, LinkError::TimedOut));
        let broken =
            matches!(error, LinkError::Closed | LinkError::Io(_) | LinkError::NotDelivered(_) | LinkError::Unfit(_));
        if broken || (self.silences > MOST_SILENCES && !self.answered) {
            return Err(error);
        }
        self.not_read.push((what, error.word(), error.to_string()));
        Ok(None)
    }
}

/// Values that nobody answers before nobody is there.
const MOST_SILENCES: u32 = 2;

/// What a workshop wants to see.
const CONFIRMED_OR_FAILING: DtcStatus = DtcStatus::CONFIRMED.and(DtcStatus::TEST_FAILED).and(DtcStatus::PENDING);
