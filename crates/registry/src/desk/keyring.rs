//! The keys of an unsealed desk: the key-encryption key, and those that it has opened so far.

use rustc_hash::FxHashMap;
use zeroize::Zeroizing;

use super::refusal::{Fault, Stop};
use super::rotate::{FINGERPRINT, fingerprint};
use super::world::{World, key};
use crate::record::{Secret, SecretKind, Serial, Setting};
use crate::seal::{DataKey, Kek};

/// Things sealed under one data key, at most; far below what random nonces allow.
const SEALED_PER_KEY: u32 = 65_536;

pub(super) struct Keyring {
    /// With their fingerprints; one, and another while the registry goes from one to the other.
    keks: Vec<(String, Kek)>,
    open: FxHashMap<u32, DataKey>,
    /// The data key that seals now, and how much it has sealed since it was made or the desk was unsealed.
    sealing: Option<(u32, u32)>,
    /// Keys of the batch under way: none, if it does not come to stand.
    made: Vec<u32>,
}

/// What stands in front of what is sealed, so that nothing opens as something else.
pub(super) fn code_context(serial: &Serial, unit: &str) -> Vec<u8> {
    let mut context = Vec::new();
    code_context_into(serial, unit, &mut context);
    context
}

/// The same, appended to a buffer.
pub(super) fn code_context_into(serial: &Serial, unit: &str, context: &mut Vec<u8>) {
    for (part, ends) in [("code", true), (serial.as_str(), true), (unit, false)] {
        context.extend_from_slice(part.as_bytes());
        context.extend(ends.then_some(0));
    }
}

pub(super) fn context(kind: SecretKind, number: u32) -> Vec<u8> {
    format!("headlock {kind} key {number}").into_bytes()
}

impl Keyring {
    pub(super) fn new(kek: Kek) -> Self {
        let keks = vec![(fingerprint(&kek), kek)];
        Self { keks, open: FxHashMap::default(), sealing: None, made: Vec::new() }
    }

    /// The key-encryption key that the registry is under, as the batch sees it: another instance may have gone on to another one.
    fn kek(&self, world: &mut World<'_>) -> Result<&Kek, Stop> {
        let wanted: Option<Setting> = world.read(key(&[&FINGERPRINT.to_owned()]))?;
        let mut keks = self.keks.iter();
        let found = match wanted {
            Some(wanted) => keks.find(|(print, _)| *print == wanted.value),
            None => keks.next(),
        };
        found.map(|(_, kek)| kek).ok_or(Stop::Fault(Fault::Rotated))
    }

    /// The key-encryption key for who writes an export, with its fingerprint. It goes no further than this desk's own [`super::Exporter`].
    pub(super) fn for_export(&self, world: &mut World<'_>) -> Result<(String, Kek), Stop> {
        let kek = self.kek(world)?;
        Ok((fingerprint(kek), kek.clone()))
    }

    /// A key by its number.
    pub(super) fn open(&mut self, world: &mut World<'_>, number: u32, kind: SecretKind) -> Result<&DataKey, Stop> {
        if !self.open.contains_key(&number) {
            let secret: Option<Secret> = world.read(key(&[&number]))?;
            let secret = secret.filter(|secret| secret.kind == kind).ok_or(Fault::Row { table: "secret" })?;
            let opened = self.kek(world)?.unwrap(&secret.wrapped, &context(kind, number))?;
            self.open.insert(number, opened);
        }
        self.open.get(&number).ok_or(Stop::Fault(Fault::Row { table: "secret" }))
    }

    /// A new key; answers its number.
    pub(super) fn make(&mut self, world: &mut World<'_>, kind: SecretKind) -> Result<u32, Stop> {
        let new = DataKey::random().map_err(Fault::NoRandomness)?;
        self.keep(world, kind, new)
    }

    /// Keeps a key; answers its number.
    pub(super) fn keep(&mut self, world: &mut World<'_>, kind: SecretKind, new: DataKey) -> Result<u32, Stop> {
        let counter: Option<Setting> = world.read(key(&[&"secrets".to_owned()]))?;
        let number = counter.and_then(|counter| counter.value.parse().ok()).unwrap_or(0_u32);
        let wrapped = self.kek(world)?.wrap(&new, &context(kind, number)).map_err(Fault::NoRandomness)?;
        world.put(&Secret { number, kind, wrapped, created_s: world.now_s() });
        world.put(&Setting { name: "secrets".to_owned(), value: (number + 1).to_string() });
        self.open.insert(number, new);
        self.made.push(number);
        Ok(number)
    }

    /// Seals under the data key of the day; answers the key's number and what was sealed.
    pub(super) fn seal(&mut self, world: &mut World<'_>, plain: &[u8], aad: &[u8]) -> Result<(u32, Vec<u8>), Stop> {
        let number = match self.sealing {
            Some((number, used)) if used < SEALED_PER_KEY => number,
            _ => self.make(world, SecretKind::Data)?,
        };
        let used = self.sealing.filter(|(of, _)| *of == number).map_or(0, |(_, used)| used);
        self.sealing = Some((number, used + 1));
        let sealed = self.open(world, number, SecretKind::Data)?.seal(plain, aad).map_err(Fault::NoRandomness)?;
        Ok((number, sealed))
    }

    pub(super) fn unseal(
        &mut self,
        world: &mut World<'_>,
        number: u32,
        sealed: &[u8],
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Stop> {
        Ok(self.open(world, number, SecretKind::Data)?.open(sealed, aad)?)
    }

    /// After a batch that did not come to stand: keys that it made are none.
    pub(super) fn forget(&mut self) {
        for number in self.made.drain(..) {
            self.open.remove(&number);
            self.sealing = self.sealing.filter(|(of, _)| *of != number);
        }
    }

    /// After one that did.
    pub(super) fn committed(&mut self) {
        self.made.clear();
    }

    /// Another key-encryption key over the same keys, once the batch says so; answers the rows as they are under it.
    pub(super) fn rewrap(&mut self, world: &mut World<'_>, secrets: &[Secret], new: &Kek) -> Result<Vec<Secret>, Stop> {
        let old = self.kek(world)?;
        let rewrapped = secrets.iter().map(|secret| {
            let context = context(secret.kind, secret.number);
            let opened = old.unwrap(&secret.wrapped, &context)?;
            let wrapped = new.wrap(&opened, &context).map_err(Fault::NoRandomness)?;
            Ok(Secret { wrapped, ..secret.clone() })
        });
        let rewrapped = rewrapped.collect::<Result<_, Stop>>()?;
        let print = fingerprint(new);
        if self.keks.iter().all(|(known, _)| *known != print) {
            self.keks.push((print, new.clone()));
        }
        Ok(rewrapped)
    }

    /// Forgets every key-encryption key but this one, which the registry is under for good.
    pub(super) fn only(&mut self, kek: &Kek) {
        self.keks = vec![(fingerprint(kek), kek.clone())];
    }
}
