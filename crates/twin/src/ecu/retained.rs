//! What an ECU keeps when its supply goes, for a host to keep in its place.

use headlock_profile::Firmware;

use super::Ecu;
use crate::input::{Input, Supply};

/// What outlasts a cut of the supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retained {
    /// The unit's EEPROM: the records of its locks, and that of SecurityAccess.
    pub eeprom: Vec<u8>,
    /// The firmware that runs.
    pub firmware: String,
    /// Trouble codes and their status.
    pub troubles: Vec<(u32, u8)>,
    /// The number of the challenge that it shows next.
    pub challenge: u32,
    /// It is dead, or would be if the supply went now: firmware is being written, and the reading says that a cut kills it.
    pub bricked: bool,
    /// It sits in the vehicle that it was paired with.
    pub at_home: bool,
    /// A whole package waits for the restart.
    pub package_ready: bool,
}

/// What of it neither the memory nor the trouble codes keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    firmware: Firmware,
    challenge: u32,
    bricked: bool,
    at_home: bool,
    package_ready: bool,
}

/// The image is none of this unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadImage {
    /// Its EEPROM has another size.
    #[error("an EEPROM of {found} bytes; this unit has {wanted}")]
    Size {
        /// Of the image.
        found: usize,
        /// Of the unit.
        wanted: usize,
    },
    /// Its firmware is no version.
    #[error("{0:?} is no firmware version")]
    Firmware(String),
}

impl Ecu {
    /// What it would keep if the supply went now.
    pub fn retained(&self) -> Retained {
        Retained {
            eeprom: self.twin.memory.image().to_vec(),
            firmware: self.twin.firmware.to_string(),
            troubles: self.troubles.retained(),
            challenge: self.twin.challenge,
            bricked: self.bricks(),
            at_home: self.twin.car.at_home,
            package_ready: self.download.is_ready(),
        }
    }

    fn bricks(&self) -> bool {
        self.twin.broken.bricked || self.twin.job.as_ref().is_some_and(crate::update::Job::bricks_if_cut)
    }

    /// Looks again at what outlasts a cut; true if it changed.
    pub(super) fn note(&mut self) -> bool {
        let (bricked, package_ready) = (self.bricks(), self.download.is_ready());
        let same = self.noted.as_ref().is_some_and(|noted| {
            (noted.challenge, noted.bricked, noted.at_home, noted.package_ready)
                == (self.twin.challenge, bricked, self.twin.car.at_home, package_ready)
                && noted.firmware == self.twin.firmware
        });
        if !same {
            self.noted = Some(Noted {
                firmware: self.twin.firmware.clone(),
                challenge: self.twin.challenge,
                bricked,
                at_home: self.twin.car.at_home,
                package_ready,
            });
        }
        !same
    }

    /// Starts with what another one kept, after an outage of this length. `staged` is what it had taken of a package.
    ///
    /// # Errors
    /// The image is none of this unit; nothing was changed.
    pub fn restore(&mut self, retained: &Retained, staged: &[u8], outage_ms: u64) -> Result<(), BadImage> {
        let wanted = self.twin.memory.image().len();
        if retained.eeprom.len() != wanted {
            return Err(BadImage::Size { found: retained.eeprom.len(), wanted });
        }
        let firmware: Firmware =
            retained.firmware.parse().map_err(|_| BadImage::Firmware(retained.firmware.clone()))?;
        let now_ms = self.twin.now_ms();
        self.twin.apply(now_ms, Input::Supply(Supply::Cut));
        self.follow();
        self.twin.memory.replace_image(&retained.eeprom);
        self.twin.firmware = firmware;
        self.twin.challenge = retained.challenge;
        self.twin.broken.bricked = retained.bricked;
        self.twin.car.at_home = retained.at_home;
        self.troubles.restore(&retained.troubles);
        self.download.restore(staged, retained.package_ready, &self.twin.spec.unit_id, self.maker.as_ref());
        self.twin.apply(now_ms.saturating_add(outage_ms.max(1)), Input::Supply(Supply::Restored));
        self.follow();
        Ok(())
    }
}
