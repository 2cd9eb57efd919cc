//! Firmware: by USB, and by a tester.

use headlock_profile::behaviour::WrongFileSpec;
use regex_lite::Regex;

use crate::effects::{self, Firmware, RESTART_MS};
use crate::input::Stick;
use crate::record::Record;
use crate::twin::Twin;

/// Firmware being written.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) until_ms: u64,
    pub(crate) ends: JobEnd,
    /// What a cut in the middle does.
    cut: WrongFileSpec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// The update of the `[reading.update]` table.
    Updated,
    /// Firmware without protection.
    Unprotected,
    /// The unit is dead.
    Bricked,
}

impl Twin {
    pub(crate) fn usb(&mut self, stick: Option<Stick>) {
        if stick.is_none() && self.job.as_ref().is_some_and(|job| job.ends != JobEnd::Unprotected) {
            self.cut_job();
        }
        self.stick = stick;
        let Some(stick) = self.stick.clone() else { return };
        if !self.on || !self.alive() {
            self.record(Record::UpdateRefused("the unit is off"));
            return;
        }
        let Some(update) = self.spec.behaviour.update.clone() else {
            self.record(Record::UpdateRefused("this unit takes no firmware by USB under this reading"));
            return;
        };
        if let Some(wanted) = &update.filesystem
            && !wanted.eq_ignore_ascii_case(&stick.filesystem)
        {
            self.record(Record::UpdateRefused("the stick has another file system than the unit reads"));
            return;
        }
        let Ok(pattern) = Regex::new(&format!("^(?:{})$", update.file)) else { return };
        let Some(file) = stick.files.iter().find(|file| pattern.is_match(&file.name)) else {
            self.record(Record::UpdateRefused("no firmware file in the root of the stick"));
            return;
        };
        let ends = match (file.for_another_unit, update.wrong_file) {
            (false, _) => JobEnd::Updated,
            (true, WrongFileSpec::Bricks) => JobEnd::Bricked,
            (true, WrongFileSpec::Refused) => {
                self.record(Record::UpdateRefused("the file is for another unit"));
                return;
            }
        };
        self.start_job(update.takes_s, ends, update.cut);
    }

    pub(crate) fn start_job(&mut self, takes_s: u64, ends: JobEnd, cut: WrongFileSpec) {
        self.record(Record::UpdateStarted);
        self.entry.clear();
        self.menu = None;
        self.job = Some(Job { until_ms: self.now_ms.saturating_add(takes_s.saturating_mul(1000)), ends, cut });
    }

    /// The supply or the stick went in the middle.
    pub(crate) fn cut_job(&mut self) {
        if let Some(job) = self.job.take() {
            match job.cut {
                WrongFileSpec::Bricks => self.brick(),
                WrongFileSpec::Refused => {
                    self.record(Record::UpdateRefused("cut in the middle; the old firmware stands"));
                }
            }
        }
    }

    fn brick(&mut self) {
        self.broken.bricked = true;
        self.on = false;
        self.record(Record::Bricked);
    }

    pub(crate) fn job_done(&mut self) {
        let Some(job) = self.job.take() else { return };
        match job.ends {
            JobEnd::Bricked => self.brick(),
            JobEnd::Updated => {
                self.record(Record::UpdateDone);
                let update = self.spec.behaviour.update.clone();
                self.lose(update.as_ref().map(|u| u.loses.as_slice()).unwrap_or_default());
                let opens = update.is_some_and(|u| u.opens);
                self.cause(effects::of_firmware(Firmware::Update { opens }));
                self.reboot(RESTART_MS);
            }
            JobEnd::Unprotected => {
                self.record(Record::UpdateDone);
                self.cause(effects::of_firmware(Firmware::Unprotected));
                self.reboot(RESTART_MS);
            }
        }
    }
}
