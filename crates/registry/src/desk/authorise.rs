//! The release itself: logged first, handed out after.

use headlock_profile::{Code, Provenance};
use headlock_twin::ecu::{HmacKeys, KeyProvider};
use headlock_wire::hex;
use headlock_wire::uds::Level;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::command::{Document, Handed, Outcome, Released, SecurityKey};
use super::keyring::code_context;
use super::refusal::{Conflict, Fault, Refusal, Stop};
use super::scheme;
use super::units;
use super::work::{Told, Work};
use super::world::key;
use crate::record::{
    Account, Delivered, PairingEvent, Photo, Request, RequestId, RequestState, SecretKind, Unit, UnitState, UsedSeed,
    Vin, Waiting, WaitingFor, What,
};
use crate::sign_in::Role;

const DAY_S: u64 = 86_400;
/// Leaves of one request; who has collected so often has the answer.
const LEAVES_MAX: usize = 32;
const HOUR_S: u64 = 3_600;

/// By what a release is authorised.
#[derive(Clone, Copy)]
pub(super) enum Authority<'a> {
    /// A rule alone.
    Rule,
    /// A second person.
    Person(&'a Account, &'a str),
    /// Who asked, against the rule.
    BrokenGlass,
}

/// A request's fields, as events have them.
pub(super) struct Fields(Vec<(&'static str, String)>);

impl Fields {
    pub(super) fn each(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }
}

/// What every event about a request says of it.
pub(super) fn fields(request: &Request) -> Fields {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Fields(vec![
        ("request", request.id.to_string()),
        ("account", request.account.to_string()),
        ("company", request.company.to_string()),
        ("serial", request.serial.to_string()),
        ("unit", request.unit.clone()),
        ("vin", text(request.vin.as_ref().map(Vin::as_str))),
        ("what", request.what.to_string()),
        ("seed", request.seed.as_deref().map_or_else(String::new, |seed| hex::digits(&Sha256::digest(seed)))),
        ("proof", request.proof.clone()),
        ("document", request.document.map_or_else(String::new, |document| hex::digits(&document))),
        ("rule", request.rule.clone()),
    ])
}

/// Authorises a request. Who asked is answered with what they asked for; a second person is not.
pub(super) fn authorise(
    work: &mut Work<'_, '_>,
    mut request: Request,
    unit: &Unit,
    document: Option<&Document>,
    authority: Authority<'_>,
) -> Result<Outcome, Stop> {
    // Whatever cannot be handed out is not authorised either.
    let handed = open(work, &request, unit)?;
    if let Some(seed) = &request.seed {
        let digest: [u8; 32] =
            Sha256::new().chain_update(request.serial.as_str()).chain_update([0]).chain_update(seed).finalize().into();
        if work.world.read::<UsedSeed>(key(&[&digest]))?.is_some() {
            return Err(Conflict::SeedUsed.into());
        }
        work.world.put(&UsedSeed { digest, request: request.id.clone() });
    }
    let now_s = work.world.now_s();
    request.state = RequestState::Authorised;
    request.decided_s = Some(now_s);
    let mut said = fields(&request);
    match authority {
        Authority::Rule => {}
        Authority::Person(person, reason) => {
            request.decided_by = Some(person.id.clone());
            said = said.with("approved_by", person.id.as_str()).with("reason", reason);
        }
        Authority::BrokenGlass => {
            request.glass_broken = true;
            said = said.with("glass", "broken").with("reason", request.reason.as_deref().unwrap_or_default());
        }
    }
    let leaf = work.log("authorised", &said.each())?;
    request.leaf = Some(leaf);
    request.leaves.extend_from_slice(&leaf.to_be_bytes());
    wait_for_the_rest(work, &mut request, document)?;
    if let Authority::BrokenGlass = authority {
        break_glass(work, &mut request, leaf)?;
    }
    if unit.vin.is_none()
        && let Some(vin) = &request.vin
    {
        units::pair(work, unit.clone(), PairingEvent::Paired, (Some(vin.clone()), None), request.account.as_str())?;
    }
    work.world.put(&request);
    match authority {
        Authority::Person(..) => Ok(Outcome::Decided(Box::new(request))),
        _ => Ok(released(request, handed)),
    }
}

/// What was authorised goes to who asked, again where the answer was lost.
pub(super) fn hand_out(work: &mut Work<'_, '_>, mut request: Request) -> Result<Outcome, Stop> {
    let open_s = u64::from(work.house.rules.times.collect_hours) * HOUR_S;
    let decided_s = request.decided_s.unwrap_or_default();
    if work.world.now_s() > decided_s.saturating_add(open_s) {
        return Err(Conflict::TooLate.into());
    }
    let unit: Option<Unit> = work.world.read(key(&[&request.serial]))?;
    let unit = unit.ok_or(Conflict::NothingToRelease)?;
    // Nobody is handed the code of a unit that was stolen, or went to another vehicle, in the meantime.
    if matches!(unit.state, UnitState::Stolen | UnitState::Scrapped) || (unit.vin.is_some() && unit.vin != request.vin)
    {
        let why = "the unit's record changed since it was asked for".to_owned();
        return Err(Refusal::Rule { rule: request.rule, why }.into());
    }
    let handed = open(work, &request, &unit)?;
    if work.world.read::<Delivered>(key(&[&request.id]))?.is_some() {
        if request.leaves.len() >= 8 * LEAVES_MAX {
            return Err(Conflict::TooLate.into());
        }
        let leaf = work.log("collected", &[("request", request.id.as_str()), ("account", request.account.as_str())])?;
        request.leaves.extend_from_slice(&leaf.to_be_bytes());
        work.world.put(&request);
    }
    Ok(released(request, handed))
}

fn released(request: Request, secret: Handed) -> Outcome {
    let proof_due_s = request.proof_due_s;
    Outcome::Released(Box::new(Released { request, secret, receipt: None, proof_due_s }))
}

fn wait_for_the_rest(work: &mut Work<'_, '_>, request: &mut Request, document: Option<&Document>) -> Result<(), Stop> {
    let now_s = work.world.now_s();
    if request.document.is_none() {
        let due_s = now_s + u64::from(work.house.rules.times.proof_due_days) * DAY_S;
        request.proof_due_s = Some(due_s);
        work.world.put(&Waiting { waiting_for: WaitingFor::Proof, due_s, request: request.id.clone() });
    }
    if let Some(photo) = document.and_then(|document| document.photo.as_ref()) {
        keep_photo(work, &request.id, photo)?;
    }
    let days = work.house.rules.proof(&request.proof).map_or(0, |proof| proof.retention_days);
    let due_s = now_s + u64::from(days) * DAY_S;
    work.world.put(&Waiting { waiting_for: WaitingFor::Erasure, due_s, request: request.id.clone() });
    Ok(())
}

fn break_glass(work: &mut Work<'_, '_>, request: &mut Request, leaf: u64) -> Result<(), Stop> {
    let due_s = work.world.now_s() + u64::from(work.house.rules.times.review_due_days) * DAY_S;
    request.review_due_s = Some(due_s);
    work.world.put(&Waiting { waiting_for: WaitingFor::Review, due_s, request: request.id.clone() });
    let reason = request.reason.as_deref().unwrap_or_default();
    let text = format!("{} broke the glass for {}: {reason}", request.account, request.serial);
    let told = Told { leaf, kind: "glass_broken", text: &text };
    work.tell(Role::Approver, &request.account, &told)?;
    work.tell(Role::Auditor, &request.account, &told)
}

/// Keeps a photo, sealed.
pub(super) fn keep_photo(work: &mut Work<'_, '_>, request: &RequestId, photo: &[u8]) -> Result<(), Stop> {
    let (secret, sealed) = work.keys.seal(work.world, photo, &photo_context(request))?;
    work.world.put(&Photo { request: request.clone(), secret, sealed });
    Ok(())
}

fn photo_context(request: &RequestId) -> Vec<u8> {
    [b"photo", request.as_str().as_bytes()].join(&0)
}

/// Opens what a request asks for.
fn open(work: &mut Work<'_, '_>, request: &Request, unit: &Unit) -> Result<Handed, Stop> {
    if work.house.catalog.unit(&unit.unit).is_none() {
        // One record that the catalogue left behind is no fault of the others in the batch.
        return Err(Conflict::NothingToRelease.into());
    }
    match request.what {
        What::Code => Ok(Handed::Code(code_of(work, unit)?)),
        What::Key => {
            let [level, seed @ ..] = request.seed.as_deref().unwrap_or_default() else {
                return Err(Conflict::NothingToRelease.into());
            };
            let seed: &[u8; 16] = seed.try_into().map_err(|_| Conflict::NothingToRelease)?;
            let level = Level::of(*level).ok_or(Conflict::NothingToRelease)?;
            let device = device_key(work, unit)?;
            let answer = HmacKeys::new(*device).key(level, seed).ok_or(Conflict::NothingToRelease)?;
            Ok(Handed::Key(SecurityKey(Zeroizing::new(answer))))
        }
    }
}

/// The unit's key for SecurityAccess.
pub(super) fn device_key(work: &mut Work<'_, '_>, unit: &Unit) -> Result<Zeroizing<[u8; 32]>, Stop> {
    let devices = work.keys.open(work.world, work.house.devices, SecretKind::Devices)?;
    Ok(devices.device_key(unit.serial.as_str()))
}

/// The unit's code: unsealed, or by the scheme's key.
pub(super) fn code_of(work: &mut Work<'_, '_>, unit: &Unit) -> Result<Code, Stop> {
    let Some(sealed) = &unit.sealed else { return scheme::code_of(work, unit) };
    let plain = work.keys.unseal(work.world, unit.secret, sealed, &code_context(&unit.serial, &unit.unit))?;
    let text = std::str::from_utf8(&plain).map_err(|_| Fault::Row { table: "unit" })?;
    Code::new(text, Provenance::Registry).map_err(|_| Stop::Fault(Fault::Row { table: "unit" }))
}
