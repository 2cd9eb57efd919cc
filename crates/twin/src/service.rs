//! Service menus, the pinhole, and what they do.

use headlock_lock::{Clears, Event, Phase};
use headlock_profile::behaviour::{DoesWord, LossWord, ShowsWord};

use crate::input::KeyId;
use crate::record::Record;
use crate::twin::{Menu, Twin};

impl Twin {
    pub(crate) fn open_service(&mut self, service: u8) -> bool {
        let Some(spec) = self.spec.behaviour.service.get(usize::from(service)) else { return false };
        let works =
            spec.supported && spec.firmware.contains(&self.firmware) && spec.works_while.contains(&self.moment());
        if !works || self.job.is_some() {
            return false;
        }
        let until_ms = self.now_ms.saturating_add(spec.timeout_s * 1000);
        let at_once = spec.next.is_none() && spec.confirm.is_none();
        self.entry.clear();
        self.menu = Some(Menu { service, item: 0, shows: None, until_ms });
        if at_once {
            self.perform(service, 0);
        }
        true
    }

    /// A press while a menu is open; false if none is.
    pub(crate) fn menu_press(&mut self, key: KeyId) -> bool {
        let Some(menu) = self.menu else { return false };
        let keys = self.spec.menus[usize::from(menu.service)];
        let spec = &self.spec.behaviour.service[usize::from(menu.service)];
        let items = u8::try_from(spec.item.len()).unwrap_or(u8::MAX);
        let until_ms = self.now_ms.saturating_add(spec.timeout_s * 1000);
        if keys.leave == Some(key) {
            self.menu = None;
        } else if let Some(part) = menu.shows {
            self.show_part(Menu { until_ms, ..menu }, part + 1);
        } else if keys.next == Some(key) {
            self.menu = Some(Menu { item: (menu.item + 1) % items, until_ms, ..menu });
        } else if keys.previous == Some(key) {
            self.menu = Some(Menu { item: (menu.item + items - 1) % items, until_ms, ..menu });
        } else if keys.confirm == Some(key) {
            self.perform(menu.service, menu.item);
        }
        true
    }

    pub(crate) fn menu_deadline(&self) -> Option<u64> {
        self.menu.map(|menu| menu.until_ms)
    }

    /// A key turned the page; behind the last one the menu goes on, or closes where the gesture showed the item at once.
    fn show_part(&mut self, menu: Menu, part: u8) {
        let more = usize::from(part) < self.shown(menu.service, menu.item).len();
        let spec = &self.spec.behaviour.service[usize::from(menu.service)];
        let direct = spec.next.is_none() && spec.confirm.is_none();
        self.menu = match (more, direct) {
            (true, _) => Some(Menu { shows: Some(part), ..menu }),
            (false, true) => None,
            (false, false) => Some(Menu { shows: None, ..menu }),
        };
    }

    fn perform(&mut self, service: u8, item: u8) {
        let Some(spec) =
            self.spec.behaviour.service.get(usize::from(service)).and_then(|s| s.item.get(usize::from(item)))
        else {
            return;
        };
        let (shows, does, costs, reboot_ms, loses) =
            (spec.shows, spec.does, spec.costs_attempts, spec.reboot_ms, spec.loses.clone());
        for _ in 0..costs {
            self.charge();
        }
        if shows.is_some() {
            let until_ms =
                self.now_ms.saturating_add(self.spec.behaviour.service[usize::from(service)].timeout_s * 1000);
            self.menu = Some(Menu { service, item, shows: Some(0), until_ms });
        } else {
            self.menu = None;
        }
        self.lose(&loses);
        self.does(does);
        if let Some(ms) = reboot_ms {
            self.reboot(ms);
        }
    }

    /// Uses up an attempt without a code.
    fn charge(&mut self) {
        if matches!(self.locks[0].state.phase, Phase::Armed) {
            self.feed(0, Event::CodeEntered);
            if self.persist(0) {
                self.feed(0, Event::Mismatched);
            } else {
                self.feed(0, Event::PersistFailed);
            }
        }
    }

    pub(crate) fn does(&mut self, does: DoesWord) {
        match does {
            DoesWord::Nothing => {}
            DoesWord::Opens => {
                self.feed(0, Event::Released);
            }
            DoesWord::ClearsAttempts => {
                self.feed(0, Event::Cleared(Clears { attempts: true, rounds: true, wait: true, locked_out: false }));
            }
            DoesWord::ClearsAll => {
                self.feed(0, Event::Cleared(Clears::ALL));
            }
            DoesWord::ErasesCode => {
                self.feed(0, Event::Released);
                self.feed(0, Event::CodeSet(false));
            }
            DoesWord::DisablesChecking => {
                self.feed(0, Event::Enabled(false));
            }
        }
    }

    pub(crate) fn lose(&mut self, losses: &[LossWord]) {
        for loss in losses {
            if !self.lost.contains(loss) {
                self.lost.push(*loss);
            }
            self.record(Record::Lost(*loss));
        }
    }

    /// What an item shows, screen by screen.
    pub(crate) fn shown(&self, service: u8, item: u8) -> Vec<String> {
        let found = self.spec.behaviour.service.get(usize::from(service)).and_then(|s| s.item.get(usize::from(item)));
        match found.and_then(|item| item.shows) {
            None => Vec::new(),
            Some(ShowsWord::Serial) => self.spec.serial_screens(&self.serial),
            Some(ShowsWord::Firmware) => vec![format!("SW: {}", self.firmware)],
            Some(ShowsWord::ProductionDate) => vec!["DATE 2010-05".to_owned()],
            Some(ShowsWord::Challenge) => vec![self.challenge_shown().unwrap_or_default()],
            Some(ShowsWord::AttemptsLeft) => {
                vec![self.attempts_left(0).map_or_else(|| "NO LIMIT".to_owned(), |left| format!("LEFT {left}"))]
            }
        }
    }

    pub(crate) fn pinhole(&mut self, pressed: bool) {
        self.car.pinhole_since = pressed.then_some(self.now_ms);
    }

    pub(crate) fn pinhole_deadline(&self) -> Option<u64> {
        let since = self.car.pinhole_since?;
        let spec = self.spec.behaviour.pinhole.as_ref()?;
        self.alive().then_some(since + spec.hold_ms)
    }

    pub(crate) fn pinhole_reached(&mut self) {
        self.car.pinhole_since = None;
        if let Some(spec) = self.spec.behaviour.pinhole.clone() {
            self.lose(&spec.loses);
            self.does(spec.does);
            self.broken.frozen = false;
            self.reboot(2_000);
        }
    }
}
