//! Exports to the escrow: one asks, others agree, and only then does a file begin. The escrow itself changes in the same way.

use headlock_wire::hex;

use super::caller::Caller;
use super::command::Outcome;
use super::exporter::{Exported, Exporter};
use super::refusal::{Conflict, Fault, Refusal, Stop};
use super::release::{reasoned, seldom};
use super::work::{ALL, Told, Work, text};
use super::world::key;
use crate::escrow::Recipient;
use crate::record::{
    Account, AccountId, AccountState, Export, ExportKind, ExportState, ExportWord, Notice, Region, RequestId, Setting,
    Settled, Waiting, WaitingFor,
};
use crate::sign_in::{Role, Scope};

const DAY_S: u64 = 86_400;
const HOUR_S: u64 = 3_600;

/// The setting that names the escrow.
const ESCROW: &str = "escrow";

/// Files of one export that may be begun: an answer breaks off now and then, and nobody needs more of them.
const ATTEMPTS_MAX: u32 = 8;

/// Exports of one account that may wait at once.
const OPEN_MAX: usize = 8;

/// Asks for an export. The same again, while it stands, is the same export.
pub(super) fn ask(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (unit, region): (Option<&str>, Option<&Region>),
    reason: &str,
) -> Result<Outcome, Stop> {
    let account = asking(caller, reason)?;
    if unit.is_some_and(|unit| work.house.catalog.unit(unit).is_none()) {
        let what = "an id of the catalogue; headlock units lists them".into();
        return Err(Refusal::Invalid { field: "unit", what }.into());
    }
    let recipient = recipient(work)?.ok_or(Conflict::NoEscrow)?;
    let mut export = new(work, account, (ExportKind::Records, &recipient), reason)?;
    export.unit = unit.map(str::to_owned);
    export.region = region.cloned();
    keep(work, export)
}

/// Asks for another escrow.
pub(super) fn ask_recipient(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    wanted: &Recipient,
    reason: &str,
) -> Result<Outcome, Stop> {
    let account = asking(caller, reason)?;
    if recipient(work)?.as_ref() == Some(wanted) {
        return Err(Conflict::Exists.into());
    }
    let export = new(work, account, (ExportKind::Recipient, wanted), reason)?;
    keep(work, export)
}

/// A yes. Whether it counts is worked out from who its person is now, and again whenever it is counted.
pub(super) fn agree(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (id, reason): (&RequestId, &str),
) -> Result<Outcome, Stop> {
    let account = caller.person(Role::Custodian, Scope::Custody)?;
    caller.in_person()?;
    reasoned(reason)?;
    let mut export = export(work, id)?;
    if export.account == account.id {
        if seldom(work, account)?.is_some() {
            log(work, "denied", &export, &[("by", account.id.as_str()), ("why", "who asked for it agrees to it")])?;
        }
        return Err(Conflict::SamePerson.into());
    }
    let open = match export.what {
        ExportKind::Records => matches!(export.state, ExportState::Waiting | ExportState::Agreed | ExportState::Taken),
        ExportKind::Recipient => export.state == ExportState::Waiting,
    };
    if !open || work.world.now_s() >= export.due_s {
        return Err(Conflict::NotWaiting.into());
    }
    still_for_the_escrow(work, &export)?;
    let now_s = work.world.now_s();
    let word = ExportWord { export: id.clone(), account: account.id.clone(), at_s: now_s, reason: reason.to_owned() };
    if !counts(work, &export, &word)? {
        return Err(Refusal::NotAllowed { needed: UNSETTLED }.into());
    }
    let before: Option<ExportWord> = work.world.read(key(&[id, &account.id]))?;
    if before.map(|before| counts(work, &export, &before)).transpose()? == Some(true) {
        return Err(Conflict::AgreedAlready.into());
    }
    work.world.put(&word);
    let (agreed, needed) = (agreed(work, &export)?, needed(work, &export));
    let count = format!("{} of {needed}", agreed.len());
    log(work, "export_agreed", &export, &[("by", account.id.as_str()), ("reason", reason), ("agreed", &count)])?;
    if export.state == ExportState::Waiting && agreed.len() >= needed {
        enough(work, &mut export, &agreed)?;
    }
    work.world.put(&export);
    Ok(Outcome::Export(Box::new(export)))
}

/// What a custodian hears whose account was just made, or made another's.
const UNSETTLED: &str = "an account that nobody else has changed for as many days as the policy wants (export.settled_days): its roles, its state, its ways to sign in";

/// Enough have agreed.
fn enough(work: &mut Work<'_, '_>, export: &mut Export, agreed: &[AccountId]) -> Result<(), Stop> {
    let now_s = work.world.now_s();
    done_waiting(work, export);
    export.state = ExportState::Agreed;
    export.agreed_s = Some(now_s);
    match export.what {
        ExportKind::Records => {
            wait(work, export, now_s + u64::from(work.house.rules.export.take_hours) * HOUR_S);
            let told = format!("enough have agreed to your export; it may be taken: {}", export.id);
            tell_asker(work, export, ("export_agreed", &told));
        }
        ExportKind::Recipient => {
            let recipient = export.recipient.parse().map_err(|_| Fault::Row { table: "export" })?;
            let names = names(agreed);
            let fields = [("export", export.id.as_str()), ("by", export.account.as_str()), ("agreed_by", &names)];
            let leaf = set_recipient(work, &recipient, &fields)?;
            let told = format!("exports go to another escrow from now on: {recipient}");
            tell_watchers(work, None, &Told { leaf, kind: "escrow_set", text: &told })?;
        }
    }
    Ok(())
}

/// A no: a custodian's, an auditor's, or of who asked. What has not left is not taken any more.
pub(super) fn refuse(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    (id, reason): (&RequestId, &str),
) -> Result<Outcome, Stop> {
    let account = match caller.person(Role::Custodian, Scope::Custody) {
        Ok(account) => account,
        Err(_) => match caller.person(Role::Auditor, Scope::Audit) {
            Ok(account) => account,
            Err(_) => caller.person(Role::Administrator, Scope::Administer)?,
        },
    };
    let watches = account.roles.has(Role::Custodian) || account.roles.has(Role::Auditor);
    reasoned(reason)?;
    let mut export = export(work, id)?;
    if !watches && export.account != account.id {
        return Err(Refusal::NotAllowed { needed: "the role custodian or auditor, or to be who asked for it" }.into());
    }
    let open = match export.what {
        ExportKind::Records => matches!(export.state, ExportState::Waiting | ExportState::Agreed | ExportState::Taken),
        ExportKind::Recipient => export.state == ExportState::Waiting,
    };
    if !open {
        return Err(Conflict::NotWaiting.into());
    }
    done_waiting(work, &export);
    export.state = ExportState::Refused;
    export.refused_by = Some(account.id.clone());
    export.refused_why = Some(reason.to_owned());
    log(work, "export_refused", &export, &[("by", account.id.as_str()), ("reason", reason)])?;
    let told = format!("your request {} was refused: {reason}", export.id);
    tell_asker(work, &export, ("export_refused", &told));
    work.world.put(&export);
    Ok(Outcome::Export(Box::new(export)))
}

/// Who asked begins a file: this is durable before its first byte. Another one only where none has left whole yet.
pub(super) fn take(work: &mut Work<'_, '_>, caller: &Caller, id: &RequestId) -> Result<Outcome, Stop> {
    let account = caller.person(Role::Administrator, Scope::Administer)?;
    caller.in_person()?;
    let mut export = export(work, id)?;
    if export.account != account.id {
        return Err(Refusal::NotAllowed { needed: "to be who asked for it" }.into());
    }
    match (export.what, export.state) {
        (ExportKind::Records, ExportState::Waiting) => return Err(Conflict::NotAgreed.into()),
        (ExportKind::Records, ExportState::Agreed | ExportState::Taken) => {}
        (ExportKind::Records, ExportState::Left | ExportState::Expired) => return Err(Conflict::ExportOver.into()),
        _ => return Err(Conflict::NotWaiting.into()),
    }
    if work.world.now_s() >= export.due_s || export.attempts >= ATTEMPTS_MAX {
        return Err(Conflict::ExportOver.into());
    }
    let recipient = still_for_the_escrow(work, &export)?;
    let agreed = agreed(work, &export)?;
    if agreed.len() < needed(work, &export) {
        return Err(Conflict::NotAgreed.into());
    }
    export.state = ExportState::Taken;
    export.attempts += 1;
    let (attempt, names) = (export.attempts.to_string(), names(&agreed));
    let leaf = log(work, "export_taken", &export, &[("attempt", &attempt), ("agreed_by", &names)])?;
    let told = format!("{} takes the export {} ({attempt}.), agreed to by {names}", account.id, export.id);
    tell_watchers(work, Some(&account.id), &Told { leaf, kind: "export_taken", text: &told })?;
    work.world.put(&export);
    let kek = work.keys.for_export(work.world)?;
    Ok(Outcome::Exporter(Box::new(Exporter::new((work.house, work.world.now_s()), export, recipient, kek))))
}

/// All of a file has left. Whatever became of the export meanwhile: that it left is in the log.
pub(super) fn left(
    work: &mut Work<'_, '_>,
    (id, attempt): (&RequestId, u32),
    exported: &Exported,
) -> Result<Outcome, Stop> {
    let mut export = export(work, id)?;
    if export.state == ExportState::Taken {
        done_waiting(work, &export);
        export.state = ExportState::Left;
    }
    export.units = Some(exported.units);
    export.without_code = Some(exported.without_code);
    export.bytes = Some(exported.file.bytes);
    export.digest = Some(exported.file.sha256);
    let numbers = [u64::from(attempt), exported.units, exported.without_code, exported.file.bytes, exported.head.size];
    let [attempt, units, without_code, bytes, tree_size] = numbers.map(|number| number.to_string());
    let fields = [
        ("attempt", attempt.as_str()),
        ("units", &units),
        ("without_code", &without_code),
        ("tree_size", &tree_size),
        ("bytes", &bytes),
        ("sha256", &hex::digits(&exported.file.sha256)),
    ];
    log(work, "export_left", &export, &fields)?;
    work.world.put(&export);
    Ok(Outcome::Done)
}

/// Its time is over.
pub(super) fn expire(work: &mut Work<'_, '_>, id: &RequestId) -> Result<(), Stop> {
    let export: Option<Export> = work.world.read(key(&[id]))?;
    let still =
        |export: &Export| matches!(export.state, ExportState::Waiting | ExportState::Agreed | ExportState::Taken);
    let Some(mut export) = export.filter(still) else { return Ok(()) };
    export.state = ExportState::Expired;
    log(work, "export_expired", &export, &[])?;
    work.world.put(&export);
    Ok(())
}

/// Puts an escrow in the place of the one before; answers the leaf that says so.
pub(super) fn set_recipient(
    work: &mut Work<'_, '_>,
    recipient: &Recipient,
    more: &[(&str, &str)],
) -> Result<u64, Stop> {
    let (value, print) = (recipient.to_string(), recipient.fingerprint());
    let said = [&[("recipient", value.as_str()), ("fingerprint", &print)], more].concat();
    let leaf = work.log("escrow_set", &said)?;
    work.world.put(&Setting { name: ESCROW.to_owned(), value });
    Ok(leaf)
}

fn asking<'c>(caller: &'c Caller, reason: &str) -> Result<&'c Account, Refusal> {
    let account = caller.person(Role::Administrator, Scope::Administer)?;
    caller.in_person()?;
    reasoned(reason)?;
    Ok(account)
}

fn export(work: &mut Work<'_, '_>, id: &RequestId) -> Result<Export, Stop> {
    work.world.read(key(&[id]))?.ok_or(Stop::Refused(Refusal::NotFound))
}

/// The escrow that stands.
fn recipient(work: &mut Work<'_, '_>) -> Result<Option<Recipient>, Stop> {
    let setting: Option<Setting> = work.world.read(key(&[&ESCROW.to_owned()]))?;
    let recipient = setting.map(|setting| setting.value.parse()).transpose();
    recipient.map_err(|_| Stop::Fault(Fault::Row { table: "setting" }))
}

/// What was agreed to for one escrow does not go to another.
fn still_for_the_escrow(work: &mut Work<'_, '_>, export: &Export) -> Result<Recipient, Stop> {
    let wanted: Recipient = export.recipient.parse().map_err(|_| Fault::Row { table: "export" })?;
    if export.what == ExportKind::Recipient {
        return Ok(wanted);
    }
    match recipient(work)? {
        Some(stands) if stands == wanted => Ok(wanted),
        _ => Err(Conflict::OtherEscrow.into()),
    }
}

fn new(
    work: &Work<'_, '_>,
    account: &Account,
    (what, recipient): (ExportKind, &Recipient),
    reason: &str,
) -> Result<Export, Stop> {
    let rules = work.house.rules.export;
    let now_s = work.world.now_s();
    Ok(Export {
        id: RequestId::from_bytes(&work.world.new_id()?),
        what,
        state: ExportState::Waiting,
        at_s: now_s,
        account: account.id.clone(),
        reason: reason.to_owned(),
        unit: None,
        region: None,
        recipient: recipient.to_string(),
        quorum: rules.quorum,
        due_s: now_s + u64::from(rules.stands_days) * DAY_S,
        agreed_s: None,
        attempts: 0,
        refused_by: None,
        refused_why: None,
        units: None,
        without_code: None,
        bytes: None,
        digest: None,
    })
}

/// Keeps a new request, and tells of it: those who watch, and those who may agree.
fn keep(work: &mut Work<'_, '_>, export: Export) -> Result<Outcome, Stop> {
    let mut open = Vec::new();
    for waiting in work.world.scan::<Waiting>(&text(WaitingFor::Export.word()), ALL)? {
        let other: Option<Export> = work.world.read(key(&[&waiting.request]))?;
        open.extend(other.filter(|other| other.account == export.account && other.state == ExportState::Waiting));
    }
    let asked = |export: &Export| (export.what, export.unit.clone(), export.region.clone(), export.recipient.clone());
    if let Some(same) = open.iter().find(|other| asked(other) == asked(&export) && work.world.now_s() < other.due_s) {
        return Ok(Outcome::Export(Box::new(same.clone())));
    }
    if open.len() >= OPEN_MAX {
        return Err(Conflict::TooManyExports.into());
    }
    let (quorum, reason) = (export.quorum.to_string(), export.reason.clone());
    let leaf = log(work, "export_asked", &export, &[("quorum", &quorum), ("reason", &reason)])?;
    let what = match export.what {
        ExportKind::Records => "an export of records and codes",
        ExportKind::Recipient => "another escrow",
    };
    let told = format!("{} asks for {what}, {}: {reason}", export.account, export.id);
    let told = Told { leaf, kind: "export_asked", text: &told };
    tell_watchers(work, Some(&export.account), &told)?;
    work.tell(Role::Custodian, &export.account, &told)?;
    let mut export = export;
    let due_s = export.due_s;
    wait(work, &mut export, due_s);
    work.world.put(&export);
    Ok(Outcome::Export(Box::new(export)))
}

fn wait(work: &mut Work<'_, '_>, export: &mut Export, due_s: u64) {
    export.due_s = due_s;
    work.world.put(&Waiting { waiting_for: WaitingFor::Export, due_s, request: export.id.clone() });
}

fn done_waiting(work: &mut Work<'_, '_>, export: &Export) {
    work.world.delete::<Waiting>(key(&[&WaitingFor::Export, &export.due_s, &export.id]));
}

/// How many others have to agree: a policy that became laxer since does not help.
fn needed(work: &Work<'_, '_>, export: &Export) -> usize {
    export.quorum.max(work.house.rules.export.quorum) as usize
}

/// Whose yes counts now.
fn agreed(work: &mut Work<'_, '_>, export: &Export) -> Result<Vec<AccountId>, Stop> {
    let mut agreed = Vec::new();
    for word in work.world.scan::<ExportWord>(&text(export.id.as_str()), ALL)? {
        if counts(work, export, &word)? {
            agreed.push(word.account);
        }
    }
    Ok(agreed)
}

/// Whether a yes counts: another's than who asked, of a custodian who works here, and whom nobody else had made one just before, or since.
fn counts(work: &mut Work<'_, '_>, export: &Export, word: &ExportWord) -> Result<bool, Stop> {
    let account: Option<Account> = work.world.read(key(&[&word.account]))?;
    let Some(account) = account else { return Ok(false) };
    let settled: Option<Settled> = work.world.read(key(&[&word.account]))?;
    let since_s = settled.map_or(account.created_s, |settled| settled.since_s);
    let settled_s = u64::from(work.house.rules.export.settled_days) * DAY_S;
    Ok(account.id != export.account
        && account.state == AccountState::Active
        && account.roles.has(Role::Custodian)
        && since_s.saturating_add(settled_s) <= word.at_s)
}

/// What every event about an export says of it.
fn log(work: &mut Work<'_, '_>, kind: &str, export: &Export, more: &[(&str, &str)]) -> Result<u64, Stop> {
    let print = export.recipient.parse().map(|recipient: Recipient| recipient.fingerprint());
    let print = print.map_err(|_| Fault::Row { table: "export" })?;
    let fields = [
        ("export", export.id.as_str()),
        ("account", export.account.as_str()),
        ("what", export.what.word()),
        ("unit", export.unit.as_deref().unwrap_or_default()),
        ("region", export.region.as_ref().map(Region::as_str).unwrap_or_default()),
        ("recipient", &print),
    ];
    work.log(kind, &[&fields, more].concat())
}

fn names(accounts: &[AccountId]) -> String {
    accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(" ")
}

/// Tells auditors and administrators.
fn tell_watchers(work: &mut Work<'_, '_>, but: Option<&AccountId>, told: &Told<'_>) -> Result<(), Stop> {
    for account in work.world.scan::<Account>(&[], ALL)? {
        let watches = account.roles.has(Role::Auditor) || account.roles.has(Role::Administrator);
        if watches && Some(&account.id) != but {
            put_notice(work, account.id, told);
        }
    }
    Ok(())
}

fn tell_asker(work: &mut Work<'_, '_>, export: &Export, (kind, text): (&str, &str)) {
    let leaf = work.world.newest_leaf();
    let at_s = work.world.now_s();
    let account = export.account.clone();
    work.world.put(&Notice { account, leaf, at_s, kind: kind.to_owned(), text: text.to_owned(), seen_s: None });
}

fn put_notice(work: &mut Work<'_, '_>, account: AccountId, told: &Told<'_>) {
    let at_s = work.world.now_s();
    let (kind, text) = (told.kind.to_owned(), told.text.to_owned());
    work.world.put(&Notice { account, leaf: told.leaf, at_s, kind, text, seen_s: None });
}
