//! What every command is given: the rows, the keys, and what holds for the whole desk.

use std::sync::Arc;

use headlock_profile::{Catalog, Fit, SerialChecker};

use super::keyring::Keyring;
use super::refusal::{Fault, Refusal, Stop};
use super::world::{World, key};
use crate::record::{Account, AccountId, Notice};
use crate::rules::Rules;
use crate::sign_in::Role;
use crate::store::Value;

/// More rows than there are of what is kept short.
pub(super) const ALL: usize = 1_000_000;

/// What holds for the whole desk.
pub(super) struct House {
    pub(super) catalog: Arc<Catalog>,
    pub(super) rules: Rules,
    pub(super) origin: String,
    /// The key that units' keys follow from.
    pub(super) devices: u32,
    /// What the serials of every unit look like.
    serials: Vec<SerialChecker>,
}

impl House {
    pub(super) fn new(catalog: Arc<Catalog>, rules: Rules, origin: String, devices: u32) -> Self {
        let specs = catalog.units.iter().flat_map(|unit| &unit.identity.serial);
        // A pattern that is none did not pass the catalogue.
        let serials = specs.filter_map(|spec| spec.checker().ok()).collect();
        Self { catalog, rules, origin, devices, serials }
    }

    /// What a serial that no unit can have may have been misread for. It is asked about, never corrected.
    pub(super) fn misread(&self, serial: &str) -> Option<String> {
        let mut read_as = None;
        for checker in &self.serials {
            let mut cleaned = String::new();
            checker.clean_into(serial, &mut cleaned);
            match checker.fit(&cleaned) {
                Fit::Fits => return None,
                Fit::Misread { read_as: other } => read_as = read_as.or(Some(other)),
                Fit::Incomplete | Fit::No => {}
            }
        }
        read_as
    }

    /// How long an idempotency key is remembered, in milliseconds: as long as what it stands for may wait and then be collected.
    pub(super) fn remembered_ms(&self) -> u64 {
        let times = &self.rules.times;
        u64::from(times.approval_due_days) * 86_400_000 + u64::from(times.collect_hours) * 3_600_000
    }

    /// The longest that anything used up or asked for counts, in milliseconds.
    pub(super) fn longest_ms(&self) -> u64 {
        let limits = &self.rules.limits;
        let windows = [limits.person, limits.company, limits.serial, limits.vin].map(crate::limit::Rate::window_ms);
        windows.into_iter().fold(self.remembered_ms(), u64::max)
    }
}

/// One command under way.
pub(super) struct Work<'a, 'w> {
    pub(super) world: &'a mut World<'w>,
    pub(super) keys: &'a mut Keyring,
    pub(super) house: &'a House,
}

impl Work<'_, '_> {
    /// The catalogue's unit of a record.
    pub(super) fn unit(&self, id: &str) -> Result<&headlock_profile::Unit, Stop> {
        self.house.catalog.unit(id).ok_or_else(|| Stop::Fault(Fault::NoUnit(id.to_owned())))
    }

    /// Logs an event with these fields; answers its leaf.
    pub(super) fn log(&mut self, kind: &str, fields: &[(&str, &str)]) -> Result<u64, Stop> {
        let event = self.world.event(kind, fields)?;
        Ok(self.world.log(event))
    }

    /// Tells everybody in a role, but not who did it.
    pub(super) fn tell(&mut self, role: Role, but: &AccountId, notice: &Told<'_>) -> Result<(), Stop> {
        for account in self.world.scan::<Account>(&[], ALL)? {
            if account.roles.has(role) && account.id != *but {
                self.world.put(&Notice {
                    account: account.id,
                    leaf: notice.leaf,
                    at_s: self.world.now_s(),
                    kind: notice.kind.to_owned(),
                    text: notice.text.to_owned(),
                    seen_s: None,
                });
            }
        }
        Ok(())
    }

    /// Locks an account until an administrator says otherwise, and tells them.
    pub(super) fn lock(&mut self, account: &AccountId, reason: &str) -> Result<(), Stop> {
        let record: Option<Account> = self.world.read(key(&[account]))?;
        let Some(mut record) = record.filter(|record| record.state == crate::record::AccountState::Active) else {
            return Ok(());
        };
        record.state = crate::record::AccountState::Locked;
        record.state_reason = Some(reason.to_owned());
        self.world.put(&record);
        let leaf = self.log("account_locked", &[("account", account.as_str()), ("reason", reason)])?;
        let text = format!("{account} is locked: {reason}");
        self.tell(Role::Administrator, account, &Told { leaf, kind: "account_locked", text: &text })
    }
}

/// Whether a text that somebody gave may be kept: so many characters, none of them a control character.
pub(super) fn plain(field: &'static str, text: &str, (least, most): (usize, usize)) -> Result<(), Refusal> {
    let characters = text.chars().count();
    if (least..=most).contains(&characters) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::Invalid { field, what: format!("{least} to {most} characters, none of them a control character") })
}

/// What somebody is told.
pub(super) struct Told<'a> {
    pub(super) leaf: u64,
    pub(super) kind: &'static str,
    pub(super) text: &'a str,
}

/// The prefix of a key: one text.
pub(super) fn text(text: &str) -> [Value; 1] {
    [Value::Text(text.to_owned())]
}
