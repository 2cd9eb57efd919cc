//! The passing of time: from one instant at which something is due to the next.

use headlock_lock::{Event, next_change_ms, next_checkpoint_ms};

use crate::twin::Twin;

impl Twin {
    /// Lets everything happen that is due until `to_ms`, in its order.
    pub(crate) fn advance(&mut self, to_ms: u64) {
        while self.now_ms < to_ms {
            let next = self.deadline().map_or(to_ms, |at| at.clamp(self.now_ms + 1, to_ms));
            self.pass(next - self.now_ms);
            self.now_ms = next;
            self.fire();
            self.settle_cut();
        }
    }

    fn pass(&mut self, ms: u64) {
        if self.alive() {
            let during = self.conditions();
            for index in 0..self.locks.len() {
                // What a later cut takes from a wait must not depend on how its time was sliced.
                let mut left_ms = ms;
                while left_ms > 0 {
                    let slice_ms = next_checkpoint_ms(
                        &self.spec.locks[index].policy,
                        &self.locks[index].keeper.state,
                        left_ms,
                        during,
                    );
                    self.feed(index, Event::Elapsed { ms: slice_ms, during });
                    left_ms -= slice_ms;
                }
            }
            self.pass_security(ms, during);
        }
    }

    /// The next instant at which something is due.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let mut next: Option<u64> = None;
        let mut add = |at: Option<u64>| {
            if let Some(at) = at {
                next = Some(next.map_or(at, |n| n.min(at)));
            }
        };
        if !self.alive() {
            return None;
        }
        add(self.message.map(|message| message.until_ms));
        add(self.menu_deadline());
        add(self.job.as_ref().map(|job| job.until_ms));
        add(self.hold_deadline());
        add(self.entry_deadline());
        add(self.pinhole_deadline());
        add(self.auto_off_deadline());
        add(self.sleep_deadline());
        let during = self.conditions();
        for (lock, spec) in self.locks.iter().zip(&self.spec.locks) {
            add(next_change_ms(&spec.policy, &lock.keeper.state, during).map(|ms| self.now_ms.saturating_add(ms)));
        }
        next
    }

    fn auto_off_deadline(&self) -> Option<u64> {
        let s = self.spec.behaviour.power.auto_off_s?;
        (self.on && self.spec.auto_off_ignition.contains(self.car.ignition))
            .then(|| self.panel.touched_at_ms.saturating_add(s.saturating_mul(1000)))
    }

    fn sleep_deadline(&self) -> Option<u64> {
        let s = self.spec.behaviour.power.sleeps_after_s?;
        (self.on && !self.asleep).then(|| self.panel.touched_at_ms.saturating_add(s.saturating_mul(1000)))
    }

    fn fire(&mut self) {
        let now = self.now_ms;
        let due = |at: Option<u64>| at.is_some_and(|at| at <= now);
        if !self.alive() {
            return;
        }
        if due(self.message.map(|message| message.until_ms)) {
            self.message = None;
        }
        if due(self.job.as_ref().map(|job| job.until_ms)) {
            self.job_done();
        }
        if due(self.menu_deadline()) {
            self.menu_deadline_reached();
        }
        if due(self.hold_deadline()) {
            self.hold_reached();
        }
        if due(self.entry_deadline()) {
            self.entry_deadline_reached();
        }
        if due(self.pinhole_deadline()) {
            self.pinhole_reached();
        }
        if due(self.auto_off_deadline()) {
            self.on_before = false;
            self.switch(false);
        }
        if due(self.sleep_deadline()) {
            self.asleep = true;
        }
    }
}
