//! A request for a release: limits, record, rules, and if they allow it, the release.

use super::authorise::{self, Authority};
use super::caller::{Caller, serves};
use super::command::{Ask, Document, Outcome, PHOTO_BYTES_MAX, Wanted};
use super::recent::Subject;
use super::refusal::{Conflict, Fault, Refusal, Stop};
use super::work::{ALL, Told, Work, plain};
use super::world::key;
use crate::limit::{self, Rate, Verdict};
use crate::record::{self, Account, Flood, Request, RequestState, Unit, Waiting, WaitingFor, What};
use crate::rules::{Facts, Then};
use crate::sign_in::{Role, Scope};
use crate::watch::{self, Asked, Sign, Watch};

const DAY_S: u64 = 86_400;
const NO_RULE: &str = "no rule of this desk allows it";

/// Why nothing is found, for the log alone.
#[derive(Clone, Copy)]
enum Missing {
    Serial,
    Region,
    Vin,
    Companion,
}

impl Missing {
    const fn word(self) -> &'static str {
        match self {
            Self::Serial => "no such serial",
            Self::Region => "another region",
            Self::Vin => "another vehicle",
            Self::Companion => "another second number",
        }
    }
}

/// What an idempotency key is kept under: the same key of the same account is the same request.
fn same_request(account: &Account, ask: &Ask) -> Subject {
    Subject::of("request", &[account.id.as_str(), &ask.idempotency_key])
}

/// The request that was made under this key before.
fn known(work: &mut Work<'_, '_>, account: &Account, ask: &Ask) -> Result<Option<Request>, Stop> {
    match work.world.request(same_request(account, ask)) {
        Some(id) => work.world.read(key(&[&id])),
        None => Ok(None),
    }
}

/// Runs a request.
pub(super) fn release(work: &mut Work<'_, '_>, caller: &Caller, ask: &Ask) -> Result<Outcome, Stop> {
    let account = match caller.person(Role::Requester, Scope::Release) {
        Ok(account) => account,
        Err(refusal) => return not_allowed(work, caller, ask, refusal),
    };
    check(work, ask)?;
    if let Some(known) = known(work, account, ask)? {
        return again(work, known, ask);
    }
    if let Some(retry_after_s) = charge(work, account, ask, 1)? {
        return limited(work, account, ask, retry_after_s);
    }
    let unit = match find(work, account, ask)? {
        Ok(unit) => unit,
        Err(missing) => return not_found(work, account, ask, missing),
    };
    let suspicion = match watch(work, account, ask, Some(&unit))? {
        Watched::Usual => None,
        Watched::Suspicious(reason) => Some(reason),
        Watched::Locked(refusal) => return Err(refusal.into()),
    };
    let facts = facts(account, ask, &unit);
    let house = work.house;
    let rule = house.rules.decide(&facts);
    let (name, then, why) =
        rule.map_or(("none", Then::Refused, NO_RULE), |rule| (rule.name.as_str(), rule.then, rule.why.as_str()));
    let mut request = new_request(work, account, ask, (&unit, name))?;
    let then = if then == Then::Allowed && suspicion.is_some() { Then::SecondPerson } else { then };
    request.reason = suspicion;
    match then {
        Then::Refused => {
            let refusal = Refusal::Rule { rule: name.to_owned(), why: why.to_owned() };
            denied(work, caller, ask, name, refusal)
        }
        Then::SecondPerson => pend(work, request, ask),
        Then::Allowed => authorise::authorise(work, request, &unit, ask.document.as_ref(), Authority::Rule),
    }
}

/// A release that the rules keep waiting, at once; whoever could have approved it is told, and somebody must review it.
pub(super) fn break_glass(work: &mut Work<'_, '_>, caller: &Caller, ask: &Ask, reason: &str) -> Result<Outcome, Stop> {
    let account = caller.person(Role::Requester, Scope::Release)?;
    check(work, ask)?;
    reasoned(reason)?;
    if let Some(known) = known(work, account, ask)? {
        return again(work, known, ask);
    }
    for waiting in work.world.scan::<Waiting>(&super::work::text(WaitingFor::Review.word()), ALL)? {
        let other: Option<Request> = work.world.read(key(&[&waiting.request]))?;
        if other.is_some_and(|other| other.account == account.id) {
            return Err(Conflict::ReviewFirst.into());
        }
    }
    if let Some(retry_after_s) = charge(work, account, ask, work.house.rules.limits.failure_cost)? {
        return limited(work, account, ask, retry_after_s);
    }
    let unit = match find(work, account, ask)? {
        Ok(unit) => unit,
        Err(missing) => return not_found(work, account, ask, missing),
    };
    if let Watched::Locked(refusal) = watch(work, account, ask, Some(&unit))? {
        return Err(refusal.into());
    }
    let facts = facts(account, ask, &unit);
    let rule = work.house.rules.decide(&facts);
    // Glass stands in front of the second person, not in front of a refusal.
    let Some(rule) = rule.filter(|rule| rule.then != Then::Refused) else {
        let (name, why) = rule.map_or(("none", NO_RULE), |rule| (rule.name.as_str(), rule.why.as_str()));
        return denied(work, caller, ask, name, Refusal::Rule { rule: name.to_owned(), why: why.to_owned() });
    };
    let rule = rule.name.clone();
    let request = Request { reason: Some(reason.to_owned()), ..new_request(work, account, ask, (&unit, &rule))? };
    authorise::authorise(work, request, &unit, ask.document.as_ref(), Authority::BrokenGlass)
}

fn facts<'a>(account: &'a Account, ask: &'a Ask, unit: &'a Unit) -> Facts<'a> {
    Facts {
        what: ask.wanted.what(),
        proof: &ask.proof,
        document: ask.document.is_some(),
        unit: &unit.unit,
        state: unit.state,
        region: &unit.region,
        company: &account.company,
        vin_on_record: unit.vin.is_some(),
    }
}

/// What a request must be like, whatever it names.
fn check(work: &Work<'_, '_>, ask: &Ask) -> Result<(), Refusal> {
    let invalid = |field, what: &str| Err(Refusal::Invalid { field, what: what.to_owned() });
    let key = &ask.idempotency_key;
    if key.is_empty() || key.len() > 64 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return invalid("idempotency_key", "1 to 64 visible ASCII characters, chosen anew for each request");
    }
    if work.house.rules.proof(&ask.proof).is_none() {
        let known: Vec<&str> = work.house.rules.proofs.iter().map(|proof| proof.id.as_str()).collect();
        let closest = headlock_profile::closest(&ask.proof, &known);
        return Err(Refusal::Invalid { field: "proof", what: format!("no such kind of proof; {closest}") });
    }
    if let Some(companion) = &ask.companion {
        plain("companion", companion, (1, 40))?;
    }
    if let Some(document) = &ask.document {
        check_document(document)?;
    }
    match ask.wanted {
        Wanted::Key { .. } if ask.vin.is_none() => {
            invalid("vin", "a key for a seed is bound to the vehicle: its VIN is needed")
        }
        Wanted::Key { level, .. } if !matches!(level, 1 | 3 | 5) => {
            invalid("level", "the odd sub-function of a level that units have: 1, 3 or 5")
        }
        _ => Ok(()),
    }
}

pub(super) fn check_document(document: &Document) -> Result<(), Refusal> {
    match &document.photo {
        Some(photo) if photo.is_empty() || photo.len() > PHOTO_BYTES_MAX => {
            Err(Refusal::Invalid { field: "photo", what: format!("a photo has 1 to {PHOTO_BYTES_MAX} bytes") })
        }
        _ => Ok(()),
    }
}

pub(super) fn reasoned(reason: &str) -> Result<(), Refusal> {
    let characters = reason.trim().chars().count();
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if (5..=500).contains(&characters) && reason.chars().count() <= 500 && !reason.chars().any(control) {
        return Ok(());
    }
    Err(Refusal::Invalid { field: "reason", what: "a reason in words, of 5 to 500 characters".to_owned() })
}

/// The same request again is the same answer, if it is the same request.
fn again(work: &mut Work<'_, '_>, known: Request, ask: &Ask) -> Result<Outcome, Stop> {
    let same = known.serial == ask.serial
        && known.what == ask.wanted.what()
        && known.seed == ask.wanted.seed()
        && known.proof == ask.proof
        && (ask.vin.is_none() || known.vin == ask.vin);
    if !same {
        return Err(Conflict::KeyReused.into());
    }
    match known.state {
        RequestState::Authorised => authorise::hand_out(work, known),
        _ => Ok(Outcome::Pending(Box::new(known))),
    }
}

/// The unit, if this account may hear of it and all that was said of it fits.
fn find(work: &mut Work<'_, '_>, account: &Account, ask: &Ask) -> Result<Result<Unit, Missing>, Stop> {
    let Some(unit) = work.world.read::<Unit>(key(&[&ask.serial]))? else { return Ok(Err(Missing::Serial)) };
    if !serves(account, &unit) {
        return Ok(Err(Missing::Region));
    }
    if unit.vin.is_some() && unit.vin != ask.vin {
        return Ok(Err(Missing::Vin));
    }
    if unit.companion.is_some() && unit.companion != ask.companion {
        return Ok(Err(Missing::Companion));
    }
    Ok(Ok(unit))
}

/// Charges every limit that the request touches, or none of them; answers when there will be room, if there is none now.
fn charge(work: &mut Work<'_, '_>, account: &Account, ask: &Ask, cost: u32) -> Result<Option<u64>, Stop> {
    let now_ms = work.world.now_ms;
    let mut charged = Vec::with_capacity(4);
    let mut retry_after_ms: Option<u64> = None;
    for (subject, rate) in subjects(work, account, ask) {
        match limit::check(rate, work.world.tat_ms(subject), now_ms, cost) {
            Verdict::Allowed { tat_ms } => charged.push((subject, tat_ms)),
            Verdict::Refused { retry_after_ms: wait_ms, .. } => retry_after_ms = retry_after_ms.max(Some(wait_ms)),
            // A policy whose failures cost more than a burst is refused when it is read.
            Verdict::TooMuch { .. } => retry_after_ms = retry_after_ms.max(Some(rate.window_ms())),
        }
    }
    if let Some(retry_after_ms) = retry_after_ms {
        return Ok(Some(retry_after_ms.div_ceil(1000)));
    }
    charged.into_iter().for_each(|(subject, tat_ms)| work.world.charge(subject, tat_ms));
    if work.world.read::<Flood>(key(&[&account.id]))?.is_some() {
        work.world.delete::<Flood>(key(&[&account.id]));
    }
    Ok(None)
}

/// Charges a failure as far as there is room; what cannot be charged is used up whole.
fn charge_failure(work: &mut Work<'_, '_>, account: &Account, ask: &Ask) {
    let now_ms = work.world.now_ms;
    let cost = work.house.rules.limits.failure_cost.saturating_sub(1);
    for (subject, rate) in subjects(work, account, ask) {
        let tat_ms = work.world.tat_ms(subject);
        let charged = (0..=cost).rev().find_map(|cost| match limit::check(rate, tat_ms, now_ms, cost) {
            Verdict::Allowed { tat_ms } => Some(tat_ms),
            Verdict::Refused { .. } | Verdict::TooMuch { .. } => None,
        });
        work.world.charge(subject, charged.unwrap_or(tat_ms));
    }
}

fn subjects(work: &Work<'_, '_>, account: &Account, ask: &Ask) -> Vec<(Subject, Rate)> {
    let limits = &work.house.rules.limits;
    let mut subjects = Vec::with_capacity(4);
    subjects.push((Subject::of("person", &[account.id.as_str()]), limits.person));
    subjects.push((Subject::of("company", &[account.company.as_str()]), limits.company));
    subjects.push((Subject::of("serial", &[ask.serial.as_str()]), limits.serial));
    subjects.extend(ask.vin.as_ref().map(|vin| (Subject::of("vin", &[vin.as_str()]), limits.vin)));
    subjects
}

/// Counts a refusal; answers how many they are if the log should hear of it: the first, and then every doubling.
pub(super) fn seldom(work: &mut Work<'_, '_>, account: &Account) -> Result<Option<u64>, Stop> {
    let flood: Option<Flood> = work.world.read(key(&[&account.id]))?;
    let refused = flood.map_or(0, |flood| flood.refused) + 1;
    work.world.put(&Flood { account: account.id.clone(), refused });
    Ok(refused.is_power_of_two().then_some(refused))
}

/// Refused for its number. The log hears of the first refusal and then of every doubling: a flood does not fill it.
fn limited(work: &mut Work<'_, '_>, account: &Account, ask: &Ask, retry_after_s: u64) -> Result<Outcome, Stop> {
    if let Some(refused) = seldom(work, account)? {
        let count = refused.to_string();
        work.log(
            "limited",
            &[
                ("account", account.id.as_str()),
                ("company", account.company.as_str()),
                ("serial", ask.serial.as_str()),
                ("refused", &count),
            ],
        )?;
    }
    Err(Refusal::TooMany { retry_after_s }.into())
}

fn not_found(work: &mut Work<'_, '_>, account: &Account, ask: &Ask, missing: Missing) -> Result<Outcome, Stop> {
    charge_failure(work, account, ask);
    log_denial(work, (account.id.as_str(), account.company.as_str()), ask, missing.word())?;
    match watch(work, account, ask, None)? {
        Watched::Locked(refusal) => Err(refusal.into()),
        // What a serial looks like is known to everybody who has the catalogue, and so this says nothing of what is on record.
        Watched::Usual | Watched::Suspicious(_) => match work.house.misread(ask.serial.as_str()) {
            Some(read_as) => Err(Refusal::Invalid {
                field: "serial",
                what: format!(
                    "no unit has such a number, and {read_as} would be one: O and 0, I and 1, B and 8 look alike. What does the label say?"
                ),
            }
            .into()),
            None => Err(Refusal::NotFound.into()),
        },
    }
}

/// Refused for the role or the scope; nothing limits how often somebody tries that, but the log hears of it seldom.
fn not_allowed(work: &mut Work<'_, '_>, caller: &Caller, ask: &Ask, refusal: Refusal) -> Result<Outcome, Stop> {
    let heard = match caller {
        Caller::Person { account, .. } => seldom(work, account)?.is_some(),
        Caller::Console => true,
    };
    if heard { denied(work, caller, ask, "not allowed", refusal) } else { Err(refusal.into()) }
}

fn denied(work: &mut Work<'_, '_>, caller: &Caller, ask: &Ask, why: &str, refusal: Refusal) -> Result<Outcome, Stop> {
    log_denial(work, (caller.name(), caller.company()), ask, why)?;
    Err(refusal.into())
}

fn log_denial(work: &mut Work<'_, '_>, (account, company): (&str, &str), ask: &Ask, why: &str) -> Result<u64, Stop> {
    let vin = ask.vin.as_ref().map_or("", |vin| vin.as_str());
    let fields = [
        ("account", account),
        ("company", company),
        ("serial", ask.serial.as_str()),
        ("vin", vin),
        ("what", ask.wanted.what().word()),
        ("why", why),
    ];
    work.log("denied", &fields)
}

/// What the watch makes of a request.
enum Watched {
    /// Nothing.
    Usual,
    /// A second pair of eyes is needed.
    Suspicious(String),
    /// Serials are being tried out: the account is locked.
    Locked(Refusal),
}

/// Looks at the request beside the earlier ones of the account.
fn watch(work: &mut Work<'_, '_>, account: &Account, ask: &Ask, unit: Option<&Unit>) -> Result<Watched, Stop> {
    let row: Option<record::Watched> = work.world.read(key(&[&account.id]))?;
    let watch = row.map(|row| Watch::from_bytes(&row.state)).transpose();
    let mut watch = watch.map_err(|_| Fault::Row { table: "watched" })?.unwrap_or_default();
    let asked = Asked {
        serial: ask.serial.as_str(),
        unit: unit.map_or("", |unit| &unit.unit),
        region: unit.map(|unit| unit.region.as_str()),
        at_s: work.world.now_s(),
        outcome: if unit.is_some() { watch::Outcome::Released } else { watch::Outcome::NotFound },
    };
    let signs = watch.observe(&work.house.rules.watch, &asked);
    work.world.put(&record::Watched { account: account.id.clone(), state: watch.to_bytes() });
    let guessing = signs.iter().find(|sign| matches!(sign, Sign::Guessing { .. }));
    let Some(sign) = guessing.or(signs.first()) else { return Ok(Watched::Usual) };
    let reason = words(sign);
    let fields = [
        ("account", account.id.as_str()),
        ("company", account.company.as_str()),
        ("serial", ask.serial.as_str()),
        ("sign", &reason),
    ];
    let leaf = work.log("alarm", &fields)?;
    let text = format!("{} of {}: {reason}", account.id, account.company);
    work.tell(Role::Auditor, &account.id, &Told { leaf, kind: "alarm", text: &text })?;
    if guessing.is_some() {
        work.lock(&account.id, &reason)?;
        return Ok(Watched::Locked(Refusal::Locked { reason }));
    }
    Ok(Watched::Suspicious(reason))
}

/// A sign, as the log and people have it.
fn words(sign: &Sign) -> String {
    match sign {
        Sign::Sequential { count } => format!("{count} serials of one series, one after the other"),
        Sign::Guessing { not_found, of } => format!("{not_found} of {of} serials asked for do not exist"),
        Sign::Broker { units, regions } => format!("{units} kinds of unit from {regions} regions in one day"),
    }
}

fn new_request(
    work: &mut Work<'_, '_>,
    account: &Account,
    ask: &Ask,
    (unit, rule): (&Unit, &str),
) -> Result<Request, Stop> {
    Ok(Request {
        id: work.world.new_request(same_request(account, ask))?,
        at_s: work.world.now_s(),
        account: account.id.clone(),
        company: account.company.clone(),
        serial: ask.serial.clone(),
        unit: unit.unit.clone(),
        vin: ask.vin.clone(),
        what: ask.wanted.what(),
        seed: ask.wanted.seed(),
        proof: ask.proof.clone(),
        document: ask.document.as_ref().map(|document| document.digest),
        state: RequestState::Pending,
        rule: rule.to_owned(),
        decided_by: None,
        decided_s: None,
        reason: None,
        glass_broken: false,
        approval_due_s: None,
        proof_due_s: None,
        review_due_s: None,
        leaf: None,
        leaves: Vec::new(),
    })
}

/// Keeps a request for a second person.
fn pend(work: &mut Work<'_, '_>, mut request: Request, ask: &Ask) -> Result<Outcome, Stop> {
    let leaf = work.log("requested", &authorise::fields(&request).each())?;
    request.leaves.extend_from_slice(&leaf.to_be_bytes());
    let due_s = work.world.now_s() + u64::from(work.house.rules.times.approval_due_days) * DAY_S;
    request.approval_due_s = Some(due_s);
    work.world.put(&Waiting { waiting_for: WaitingFor::Approval, due_s, request: request.id.clone() });
    if let Some(photo) = ask.document.as_ref().and_then(|document| document.photo.as_ref()) {
        authorise::keep_photo(work, &request.id, photo)?;
    }
    work.world.put(&request);
    Ok(Outcome::Pending(Box::new(request)))
}

impl Wanted {
    /// As a record has it.
    pub const fn what(&self) -> What {
        match self {
            Self::Code => What::Code,
            Self::Key { .. } => What::Key,
        }
    }

    /// Level and seed, as a record has them.
    pub fn seed(&self) -> Option<Vec<u8>> {
        match self {
            Self::Code => None,
            Self::Key { level, seed } => Some([&[*level][..], seed].concat()),
        }
    }
}
