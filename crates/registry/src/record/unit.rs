//! Produced units, and the vehicles they were in.

use super::field::{record, words};
use super::names::{Region, Serial, Vin};

words!(
    /// What became of a unit.
    UnitState {
        /// In a vehicle, or on its way to one.
        InService = "in-service",
        /// Reported stolen.
        Stolen = "stolen",
        /// Taken out for another one.
        Exchanged = "exchanged",
        /// Scrapped.
        Scrapped = "scrapped",
    }
);

words!(
    /// What happened to a unit.
    PairingEvent {
        /// It left the factory.
        Produced = "produced",
        /// It was put into a vehicle.
        Paired = "paired",
        /// It was taken out for another one.
        Exchanged = "exchanged",
        /// Its firmware was written anew.
        Reflashed = "reflashed",
        /// It was reported stolen.
        Stolen = "stolen",
        /// It was found again.
        Recovered = "recovered",
        /// It was scrapped.
        Scrapped = "scrapped",
    }
);

record!(
    /// One produced unit.
    ///
    /// Invariant: `sealed` is the code under the data key `secret`, with serial and catalogue unit as associated data; or there is none, and
    /// `secret` is the key of the scheme that the code follows from.
    Unit in "unit", key 1 {
        /// Its number.
        serial: Serial,
        /// Its id in the catalogue.
        unit: String,
        /// Its firmware; empty where nobody said.
        firmware: String,
        /// Where it was sold.
        region: Region,
        /// A second number that belongs to it, where the catalogue wants one.
        companion: Option<String>,
        /// The vehicle that it is in.
        vin: Option<Vin>,
        /// What became of it.
        state: UnitState,
        /// Pairings so far.
        pairings: u32,
        /// The key of its code.
        secret: u32,
        /// Its code, sealed.
        sealed: Option<Vec<u8>>,
    }
);

record!(
    /// That a vehicle has, or had, a unit.
    VinUnit in "vin_unit", key 2 {
        /// The vehicle.
        vin: Vin,
        /// The unit.
        serial: Serial,
    }
);

record!(
    /// One line of a unit's history.
    Pairing in "pairing", key 2 {
        /// The unit.
        serial: Serial,
        /// Counted from 0.
        number: u32,
        /// When, in seconds since 1970.
        at_s: u64,
        /// What.
        event: PairingEvent,
        /// The vehicle, where it was about one.
        vin: Option<Vin>,
        /// Firmware afterwards, where it changed.
        firmware: Option<String>,
        /// Who entered it.
        by: String,
    }
);
