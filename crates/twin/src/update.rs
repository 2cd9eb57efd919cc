//! Firmware: by USB, and by a tester.

use headlock_profile::behaviour::{RequestWord, WrongFileSpec};
use regex_lite::Regex;

use crate::effects::{self, Firmware, RESTART_MS};
use crate::input::{Install, Stick};
use crate::record::Record;
use crate::twin::Twin;

/// Firmware being written.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) until_ms: u64,
    pub(crate) ends: JobEnd,
    /// What a cut in the middle does.
    cut: WrongFileSpec,
    /// The version that runs afterwards, where it is known.
    version: Option<headlock_profile::Firmware>,
}

impl Job {
    pub(crate) const fn bricks_if_cut(&self) -> bool {
        matches!(self.cut, WrongFileSpec::Bricks)
    }
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
        // What a tester has sent does not come from the stick.
        let from_stick = |job: &Job| job.ends != JobEnd::Unprotected && job.version.is_none();
        if stick.is_none() && self.job.as_ref().is_some_and(from_stick) {
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
        let until_ms = self.now_ms.saturating_add(takes_s.saturating_mul(1000));
        self.job = Some(Job { until_ms, ends, cut, version: None });
    }

    /// Writes firmware that was taken through the connector and checked: as long, and as dangerous when cut, as the reading says.
    pub(crate) fn install(&mut self, install: Install) {
        let reflash = self.offer(RequestWord::Reflash).map(|spec| spec.takes_s);
        let update = self.spec.behaviour.update.as_ref().map(|update| (update.takes_s, update.cut));
        match (install.unprotected, reflash, update) {
            (true, Some(takes_s), _) => self.start_job(takes_s, JobEnd::Unprotected, WrongFileSpec::Bricks),
            (false, _, Some((takes_s, cut))) => self.start_job(takes_s, JobEnd::Updated, cut),
            (true, None, _) | (false, _, None) => {
                self.record(Record::UpdateRefused("this unit takes no such firmware by a tester under this reading"));
            }
        }
        if let Some(job) = &mut self.job {
            job.version = Some(install.firmware);
        }
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
        if let (Some(version), false) = (&job.version, job.ends == JobEnd::Bricked) {
            self.firmware.clone_from(version);
        }
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
