//! Service menus, the pinhole, and what they do.

use headlock_lock::Phase;
use headlock_profile::behaviour::{DoesWord, LossWord, ShowsWord, VehicleNeed};
use headlock_profile::in_parts;

use crate::effects::{self, RESTART_MS};
use crate::input::KeyId;
use crate::record::Record;
use crate::twin::{Menu, Twin};

impl Twin {
    pub(crate) fn open_service(&mut self, service: u8) -> bool {
        let Some(spec) = self.spec.behaviour.service.get(usize::from(service)) else { return false };
        let works =
            spec.supported && spec.firmware.contains(&self.firmware) && spec.works_while.contains(&self.moment());
        let here = match spec.vehicle {
            VehicleNeed::Any => true,
            VehicleNeed::Home => self.car.at_home,
            VehicleNeed::Other => !self.car.at_home,
        };
        if !works || !here || self.job.is_some() {
            return false;
        }
        let until_ms = self.now_ms.saturating_add(spec.timeout_s.saturating_mul(1000));
        let at_once = spec.confirm.is_none();
        self.entry.clear();
        self.menu = Some(Menu { service, item: 0, shows: None, turns_ms: u64::MAX, until_ms });
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
        let until_ms = self.now_ms.saturating_add(spec.timeout_s.saturating_mul(1000));
        let browses = keys.confirm.is_none() && (keys.next.is_some() || keys.previous.is_some());
        let moved = match (keys.next == Some(key), keys.previous == Some(key)) {
            (true, _) => Some(if menu.item + 1 >= items { 0 } else { menu.item + 1 }),
            (_, true) => Some(if menu.item == 0 { items - 1 } else { menu.item - 1 }),
            _ => None,
        };
        match (menu.shows, moved) {
            _ if keys.leave == Some(key) => self.menu = None,
            (_, Some(item)) if browses => {
                self.menu = Some(Menu { item, shows: None, until_ms, ..menu });
                self.perform(menu.service, item);
            }
            (Some(part), _) => self.show_part(Menu { until_ms, ..menu }, part + 1),
            (None, Some(item)) => self.menu = Some(Menu { item, until_ms, ..menu }),
            (None, None) if keys.confirm == Some(key) => self.perform(menu.service, menu.item),
            (None, None) => {}
        }
        true
    }

    /// A knob that is the menu's `next` or `previous` was turned; false if no menu is open.
    pub(crate) fn menu_turn(&mut self, knob: KeyId, clicks: i32) -> bool {
        let Some(menu) = self.menu else { return false };
        let keys = self.spec.menus[usize::from(menu.service)];
        if keys.next == Some(knob) || keys.previous == Some(knob) {
            let items =
                i32::try_from(self.spec.behaviour.service[usize::from(menu.service)].item.len()).unwrap_or(1).max(1);
            let forward = if keys.next == Some(knob) { clicks } else { -clicks };
            let item = u8::try_from((i32::from(menu.item) + forward).rem_euclid(items)).unwrap_or(0);
            let timeout_ms = self.spec.behaviour.service[usize::from(menu.service)].timeout_s.saturating_mul(1000);
            self.menu = Some(Menu { item, shows: None, until_ms: self.now_ms.saturating_add(timeout_ms), ..menu });
            if keys.confirm.is_none() {
                self.perform(menu.service, item);
            }
        }
        true
    }

    pub(crate) fn menu_deadline(&self) -> Option<u64> {
        self.menu.map(|menu| menu.until_ms.min(menu.turns_ms))
    }

    pub(crate) fn menu_deadline_reached(&mut self) {
        let Some(menu) = self.menu else { return };
        match menu.shows {
            Some(part) if menu.until_ms > self.now_ms => {
                let parts = u8::try_from(self.shown(menu.service, menu.item).len()).unwrap_or(u8::MAX).max(1);
                self.menu = Some(self.at_part(menu, (part + 1) % parts));
            }
            _ => self.menu = None,
        }
    }

    /// The menu at a part; the next one follows by itself where the item says so.
    fn at_part(&self, menu: Menu, part: u8) -> Menu {
        let item = &self.spec.behaviour.service[usize::from(menu.service)].item[usize::from(menu.item)];
        let turns_ms = item.turns_after_ms.map_or(u64::MAX, |ms| self.now_ms.saturating_add(ms.max(1)));
        Menu { shows: Some(part), turns_ms, ..menu }
    }

    /// A key turned the page; behind the last one the menu goes on, or closes where the gesture showed the item at once.
    fn show_part(&mut self, menu: Menu, part: u8) {
        let more = usize::from(part) < self.shown(menu.service, menu.item).len();
        let spec = &self.spec.behaviour.service[usize::from(menu.service)];
        let direct = spec.confirm.is_none() && spec.next.is_none() && spec.previous.is_none();
        self.menu = match (more, direct) {
            (true, _) => Some(self.at_part(menu, part)),
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
            let until_ms = self
                .now_ms
                .saturating_add(self.spec.behaviour.service[usize::from(service)].timeout_s.saturating_mul(1000));
            self.menu = Some(self.at_part(Menu { service, item, shows: None, turns_ms: u64::MAX, until_ms }, 0));
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
        if matches!(self.locks[0].keeper.state.phase, Phase::Armed) {
            let _ = self.enter(0, |_, _| false);
        }
    }

    pub(crate) fn does(&mut self, does: DoesWord) {
        self.cause(effects::of_item(does));
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
        let Some(item) = found else { return Vec::new() };
        let whole = match item.shows {
            None => return Vec::new(),
            Some(ShowsWord::Serial) if item.screens.is_empty() => return self.spec.serial_screens(&self.serial),
            Some(ShowsWord::Serial) => self.spec.cleaned(&self.serial),
            Some(ShowsWord::Firmware) => format!("SW: {}", self.firmware),
            Some(ShowsWord::ProductionDate) => "DATE 2010-05".to_owned(),
            Some(ShowsWord::Challenge) => self.challenge_shown().unwrap_or_default(),
            Some(ShowsWord::AttemptsLeft) => {
                self.attempts_left(0).map_or_else(|| "NO LIMIT".to_owned(), |left| format!("LEFT {left}"))
            }
        };
        in_parts(&whole, &item.screens)
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
            self.reboot(RESTART_MS);
        }
    }
}
