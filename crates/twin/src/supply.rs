//! Supply, fuses, ignition, and being switched on.

use headlock_lock::{Event, Feed, Ignition};
use headlock_profile::behaviour::{FeedsWord, OnWith, Renewal};

use crate::effects;
use crate::input::Supply;
use crate::record::{Record, Screen};
use crate::twin::{DoorCycle, Message, Outage, Twin};

/// A glitch is gone after the supply was away for this long (S2.lock.4 says a few minutes).
const GLITCH_OUTAGE_MS: u64 = 180_000;

impl Twin {
    pub(crate) fn powered(&self) -> bool {
        !self.car.cut
            && self.car.fitted
            && self.car.mv >= self.spec.works_above_mv
            && !self.fuse_feeds_out(FeedsWord::Supply)
    }

    /// Whether a fuse that feeds this is out.
    pub(crate) fn fuse_feeds_out(&self, feeds: FeedsWord) -> bool {
        self.car.fuses_out.iter().any(|out| {
            (&**out == "supply" && feeds == FeedsWord::Supply)
                || self.spec.behaviour.fuse.iter().any(|fuse| fuse.feeds == feeds && fuse.id.eq_ignore_ascii_case(out))
        })
    }

    pub(crate) fn supply(&mut self, supply: Supply) {
        let before = self.powered();
        match supply {
            Supply::Millivolts(mv) => self.car.mv = mv,
            Supply::Cut => self.car.cut = true,
            Supply::Restored => self.car.cut = false,
            Supply::Surge(mv) => {
                if self.alive() {
                    self.feed_all(Event::Voltage { mv });
                }
                return;
            }
        }
        self.supply_changed(before, Feed::Battery);
        if let (true, Supply::Millivolts(mv)) = (self.alive(), supply) {
            self.feed_all(Event::Voltage { mv });
        }
    }

    pub(crate) fn fuse(&mut self, id: &std::sync::Arc<str>, inserted: bool) {
        let known = &**id == "supply" || self.spec.behaviour.fuse.iter().any(|fuse| fuse.id.eq_ignore_ascii_case(id));
        if !known {
            self.record(Record::Refused("this fuse does nothing for the unit under this reading"));
        }
        let before = self.powered();
        self.car.fuses_out.retain(|out| !out.eq_ignore_ascii_case(id));
        if !inserted {
            self.car.fuses_out.push(id.clone());
        }
        self.supply_changed(before, Feed::Fuse);
    }

    pub(crate) fn fit(&mut self, fitted: bool) {
        let before = self.powered();
        self.car.fitted = fitted;
        self.supply_changed(before, Feed::Removal);
    }

    fn supply_changed(&mut self, before: bool, feed: Feed) {
        match (before, self.powered()) {
            (true, false) => self.lose_supply(feed),
            (false, true) => self.regain_supply(),
            _ => {}
        }
    }

    fn lose_supply(&mut self, feed: Feed) {
        self.car.outage = Some(Outage { since_ms: self.now_ms, feed, unit_was_on: self.on });
        self.record(Record::SupplyLost);
        self.cut_job();
        self.on_before = self.on;
        self.on = false;
        self.asleep = false;
        self.message = None;
        self.menu = None;
        self.asked_for = None;
        self.entry.clear();
        self.memory.lose_unretained();
        self.memory.was_cut = false;
        self.memory.forget_cut();
    }

    /// A write that was cut took the supply with it.
    pub(crate) fn settle_cut(&mut self) {
        if self.memory.was_cut {
            self.memory.was_cut = false;
            if self.powered() {
                self.car.cut = true;
                self.lose_supply(Feed::Battery);
            }
        }
    }

    fn regain_supply(&mut self) {
        self.record(Record::SupplyBack);
        let Some(outage) = self.car.outage.take() else { return };
        let outage_ms = self.now_ms - outage.since_ms;
        if self.broken.bricked {
            return;
        }
        if outage_ms >= GLITCH_OUTAGE_MS {
            self.broken.glitch = false;
        }
        self.broken.frozen = false;
        self.load_locks();
        self.feed_all(Event::SupplyRestored { outage_ms, feed: outage.feed, unit_was_on: outage.unit_was_on });
        self.restarted();
        self.tell_vehicle();
        let was_on = outage.unit_was_on && self.spec.behaviour.power.on_with == OnWith::Memory;
        if self.car.ignition != Ignition::Off && (self.spec.behaviour.power.on_with == OnWith::Ignition || was_on) {
            self.switch(true);
        }
    }

    /// The unit's software starts anew.
    pub(crate) fn restarted(&mut self) {
        self.record(Record::Restarted);
        self.menu = None;
        self.entry.clear();
        self.entry_open = self.spec.behaviour.entry.open_with.is_none();
        if self.spec.locks.iter().any(|l| l.code.challenge.as_ref().is_some_and(|c| c.renewed == Renewal::EveryStart)) {
            self.challenge = self.challenge.wrapping_add(1);
        }
        self.cause(effects::RESTARTS);
    }

    /// A restart that takes its time and shows that it does.
    pub(crate) fn reboot(&mut self, reboot_ms: u64) {
        self.restarted();
        self.message = Some(Message { screen: Screen::Starting, until_ms: self.now_ms.saturating_add(reboot_ms) });
    }

    pub(crate) fn turn_ignition(&mut self, ignition: Ignition) {
        let before = self.car.ignition;
        self.car.ignition = ignition;
        if before == ignition {
            return;
        }
        if before == Ignition::Off && self.broken.door_cycle == DoorCycle::Done {
            self.broken.frozen = false;
            self.broken.door_cycle = DoorCycle::Idle;
        }
        if !self.spec.entry_ignition.contains(ignition) {
            self.entry_lost_ignition();
        }
        if !self.alive() {
            return;
        }
        let on_with = self.spec.behaviour.power.on_with;
        if before == Ignition::Off {
            self.feed_all(Event::IgnitionCycled);
            self.panel.ignition_came_on(self.now_ms);
            if on_with == OnWith::Ignition || (on_with == OnWith::Memory && self.on_before) {
                self.switch(true);
            }
            self.tell_vehicle();
        } else if ignition == Ignition::Off {
            self.on_before = self.on;
            self.switch(false);
        }
    }

    pub(crate) fn switch(&mut self, on: bool) {
        if self.on == on || (on && !self.alive()) {
            return;
        }
        self.on = on;
        self.record(Record::Switched(on));
        self.asleep = false;
        self.menu = None;
        self.panel.touched_at_ms = self.now_ms;
        if on {
            self.panel.power_came_on(self.now_ms);
            self.entry_open = self.spec.behaviour.entry.open_with.is_none();
            if self.memory.forgets() {
                self.memory.lose_unretained();
                self.load_locks();
            }
        } else {
            self.message = None;
            self.asked_for = None;
            self.entry.clear();
        }
    }

    pub(crate) fn key_fob(&mut self, inserted: bool) {
        if inserted && !self.car.fob && self.alive() {
            self.feed_all(Event::KeyCycled);
        }
        if !inserted && self.car.ignition != Ignition::Off {
            self.record(Record::Refused("the key comes out with the ignition off"));
            return;
        }
        self.car.fob = inserted;
    }

    pub(crate) fn door(&mut self, open: bool) {
        self.car.door_open = open;
        let can_wake = self.broken.frozen && self.spec.behaviour.door_reset && self.car.ignition == Ignition::Off;
        self.broken.door_cycle = match (can_wake, self.broken.door_cycle, open) {
            (true, _, true) => DoorCycle::Opened,
            (true, DoorCycle::Opened, false) => DoorCycle::Done,
            (_, same, _) => same,
        };
    }

    pub(crate) fn vehicle(&mut self, home: bool) {
        self.car.at_home = home;
        self.tell_vehicle();
    }

    fn tell_vehicle(&mut self) {
        if self.alive() && self.car.ignition != Ignition::Off {
            // A unit that has no vehicle yet takes the first that it meets for its own.
            self.car.at_home |= !self.car.paired;
            self.car.paired = true;
            let home = self.car.at_home;
            self.feed_all(Event::VehicleSeen { home });
        }
    }

    pub(crate) fn read_label(&mut self) {
        use headlock_profile::behaviour::LabelPlace;
        let seen = match self.spec.behaviour.label.place {
            LabelPlace::Case => !self.car.fitted,
            LabelPlace::UnderPanel => true,
            LabelPlace::None => false,
        };
        let all = || std::iter::once(&self.serial).chain(&self.spec.companions).cloned().collect::<Vec<_>>().join(" ");
        let label = seen.then(all);
        self.record(Record::Label(label));
    }
}
