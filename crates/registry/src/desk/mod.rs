//! The desk: commands go in, many at a time; each is decided on the rows as those before it left them; one commit makes all of it durable,
//! with the log; then, and only then, answers come out.
//!
//! Time is an argument. There is one desk a process, and there may be more on one store: a commit that another overtook is worked out anew.

mod accounts;
mod audit;
mod authorise;
mod bulk;
mod caller;
mod command;
mod decide;
mod due;
mod export;
mod exporter;
mod identity;
mod keyring;
mod recent;
mod refusal;
mod release;
mod rotate;
mod scheme;
mod sealed;
mod sign_in;
mod sorted;
mod units;
mod work;
mod world;

use std::sync::Arc;

use headlock_profile::Catalog;

pub use bulk::{BulkAdded, BulkError, BulkStep};
pub use caller::{is_good, serves};
pub use command::{
    AccountChange, Action, Ask, Command, Credential, Document, Handed, NewAccount, NewUnit, Outcome, PHOTO_BYTES_MAX,
    PairingLine, Provisioned, Released, SecurityKey, SignIn, Verified, Wanted,
};
pub use exporter::{ExportError, Exported, Exporter};
pub use refusal::{Conflict, Fault, Refusal};
pub use sealed::{BulkUnit, SealedUnits};
pub use sorted::{Against, Differing};

use self::caller::Caller;
use self::keyring::Keyring;
use self::recent::Recent;
use self::refusal::Stop;
use self::work::{House, Work};
use self::world::{Rows, World, Written, key};
use crate::escrow::Recipient;
use crate::log::{Event, Files, KeyKind, Ledger, Prepared, Receipt, Salt, SecretKey};
use crate::record::{Opened, Record, SecretKind, Setting};
use crate::rules::Rules;
use crate::seal::{DataKey, Kek};
use crate::store::{Batch, Change, Committed, Scan, Standing, Store, StoreError};

/// Times that a batch is worked out anew because others were faster.
const TRIES: u32 = 50;

/// How long what is committed under load may wait to be published, in milliseconds.
const PUBLISH_MS: u64 = 50;

/// Leaves of a batch that tell of load: as many came while the last was under way. Anything less is published before it is answered.
const LOAD: u64 = 8;

/// Leaves that are asked for at a time when others went on.
const LEAVES: usize = 1 << 16;

const LOG_LABEL: &str = "headlock log signing key";
const ORIGIN: &str = "origin";
const LOG_KEY: &str = "log_key";
const LOG_SECRET: &str = "log_secret";
const DEVICES_SECRET: &str = "devices_secret";

/// What a desk works with.
pub struct Tools<F> {
    /// The rows.
    pub store: Box<dyn Store>,
    /// The folder of the log.
    pub files: F,
    /// Units.
    pub catalog: Arc<Catalog>,
    /// The policy.
    pub rules: Rules,
    /// The key-encryption key.
    pub kek: Kek,
}

/// Why a desk does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no registry in this store.
    #[error("there is no registry here yet: headlock registry init makes one")]
    None,
    /// There is one.
    #[error("there is a registry here already")]
    Already,
    /// The key-encryption key is another one's.
    #[error("this is not the key of this registry: its fingerprint is {wanted}, and this one's {found}")]
    WrongKey {
        /// Of the registry.
        wanted: String,
        /// Of the key.
        found: String,
    },
    /// The origin does not fit into a log's checkpoint, or the key is none.
    #[error("the log's key: {0}")]
    LogKey(#[from] crate::log::KeyError),
    /// The log.
    #[error("the log: {0}")]
    Log(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The first account is not possible.
    #[error("the first account: {0}")]
    Account(Refusal),
}

/// An unsealed desk.
pub struct Desk<F: Files> {
    store: Box<dyn Store>,
    ledger: Ledger<F>,
    standing: Standing,
    rows: Rows,
    recent: Recent,
    keys: Keyring,
    house: House,
    last_ms: u64,
    /// When the log was published last.
    published_ms: u64,
    /// It could not be published: nothing is answered until it is.
    unpublished: bool,
    /// What the newest batch logged, from this leaf on.
    newest: (u64, Vec<(Salt, Event)>),
    /// A batch of which nobody knows whether it was committed.
    open: Option<Batch>,
}

/// How a batch ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It stands.
    Done,
    /// It is to be worked out anew.
    Overtaken,
}

/// What each command came to.
pub type Answers = Vec<Result<Outcome, Refusal>>;

impl<F: Files> Desk<F> {
    /// Makes a registry in an empty store, with its first administrator, and opens it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn begin(tools: Tools<F>, origin: &str, first: &NewAccount, now_ms: u64) -> Result<Self, OpenError> {
        Self::begin_with_escrow(tools, (origin, first, None), now_ms)
    }

    /// The same, with the escrow that it begins with: later it takes a quorum.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn begin_with_escrow(
        tools: Tools<F>,
        (origin, first, escrow): (&str, &NewAccount, Option<&Recipient>),
        now_ms: u64,
    ) -> Result<Self, OpenError> {
        let Tools { mut store, files, catalog, rules, kek } = tools;
        if store.standing()? != Standing::EMPTY {
            return Err(OpenError::Already);
        }
        accounts::check(first).map_err(OpenError::Account)?;
        let log_key = DataKey::random().map_err(Fault::NoRandomness)?;
        let secret = SecretKey::new(origin, KeyKind::Note, &log_key.derive(LOG_LABEL, &[]))?;
        let public = secret.public().to_string();
        let ledger = Ledger::open(files, origin, secret, Standing::EMPTY.head, |_, _| Ok::<_, StoreError>(Vec::new()))
            .map_err(|why| OpenError::Log(why.to_string()))?;
        let print = rotate::fingerprint(&kek);
        let house = House::new(catalog, rules, origin.to_owned(), 0);
        let mut desk = Self {
            store,
            ledger,
            standing: Standing::EMPTY,
            rows: Rows::default(),
            recent: Recent::default(),
            keys: Keyring::new(kek),
            house,
            last_ms: now_ms,
            published_ms: 0,
            unpublished: false,
            newest: (0, Vec::new()),
            open: None,
        };
        desk.house.devices = desk.transact(now_ms, |work| {
            let log = work.keys.keep(work.world, SecretKind::Log, log_key.clone())?;
            let devices = work.keys.make(work.world, SecretKind::Devices)?;
            for (name, value) in [
                (ORIGIN, origin.to_owned()),
                (LOG_KEY, public.clone()),
                (LOG_SECRET, log.to_string()),
                (DEVICES_SECRET, devices.to_string()),
                (rotate::FINGERPRINT, print.clone()),
            ] {
                work.world.put(&Setting { name: name.to_owned(), value });
            }
            work.log("began", &[("origin", origin), ("kek", &print)])?;
            accounts::add(work, &Caller::Console, first)?;
            if let Some(escrow) = escrow {
                export::set_recipient(work, escrow, &[("by", Caller::Console.name())])?;
            }
            Ok(devices)
        })?;
        Ok(desk)
    }

    /// Opens the registry of a store.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(tools: Tools<F>, now_ms: u64) -> Result<Self, OpenError> {
        let Tools { mut store, files, catalog, rules, kek } = tools;
        let standing = store.standing()?;
        let Some(wanted) = setting(&mut *store, rotate::FINGERPRINT)? else { return Err(OpenError::None) };
        let found = rotate::fingerprint(&kek);
        if wanted != found {
            return Err(OpenError::WrongKey { wanted, found });
        }
        let number = |store: &mut dyn Store, name: &str| -> Result<u32, OpenError> {
            let text = setting(store, name)?.and_then(|text| text.parse().ok());
            text.ok_or(OpenError::Fault(Fault::Row { table: "setting" }))
        };
        let origin = setting(&mut *store, ORIGIN)?.ok_or(Fault::Row { table: "setting" })?;
        let (log, devices) = (number(&mut *store, LOG_SECRET)?, number(&mut *store, DEVICES_SECRET)?);
        let mut keys = Keyring::new(kek);
        let mut rows = Rows::default();
        let mut recent = Recent::default();
        recent.read_on(&mut *store, standing.version)?;
        let mut world = World::new(&mut *store, (&mut rows, &recent), standing.head.size, now_ms);
        let log_key = keys.open(&mut world, log, SecretKind::Log).map_err(fault)?.clone();
        let secret = SecretKey::new(&origin, KeyKind::Note, &log_key.derive(LOG_LABEL, &[]))?;
        let ledger = Ledger::open(files, &origin, secret, standing.head, |from, limit| store.leaves(from, limit))
            .map_err(|why| OpenError::Log(why.to_string()))?;
        let last_ms = newest_s(&mut *store)?.saturating_mul(1000);
        let house = House::new(catalog, rules, origin, devices);
        Ok(Self {
            store,
            ledger,
            standing,
            rows,
            recent,
            keys,
            house,
            last_ms: now_ms.max(last_ms),
            published_ms: 0,
            unpublished: false,
            newest: (0, Vec::new()),
            open: None,
        })
    }

    /// Carries out commands, in this order, and makes all of it durable before it answers.
    ///
    /// Time never goes back here: a clock that was set back stands still until it has caught up.
    ///
    /// # Errors
    /// [`Fault`]: nothing is answered. A command may have come to stand all the same; a request with the same idempotency key tells.
    pub fn apply(&mut self, now_ms: u64, commands: &[Command]) -> Result<Answers, Fault> {
        let answers = self.transact(now_ms, |work| {
            let mut answers = Vec::with_capacity(commands.len());
            for command in commands {
                answers.push(match run(work, command) {
                    Ok(outcome) => Ok(outcome),
                    Err(Stop::Refused(refusal)) => Err(refusal),
                    Err(stop) => return Err(stop),
                });
            }
            Ok(answers)
        })?;
        self.finish(commands, answers)
    }

    /// What can only be done once the batch stands.
    fn finish(&mut self, commands: &[Command], mut answers: Answers) -> Result<Answers, Fault> {
        let rotated = commands.iter().zip(&answers).rev().find_map(|(command, answer)| match &command.action {
            Action::Rotate { kek } if answer.is_ok() => Some(kek),
            _ => None,
        });
        if let Some(kek) = rotated {
            self.keys.only(kek);
        }
        for answer in &mut answers {
            if let Ok(Outcome::Released(released)) = answer {
                let leaf = released.request.leaf.ok_or(Fault::Row { table: "request" })?;
                released.receipt = Some(self.receipt(leaf)?);
            }
        }
        Ok(answers)
    }

    /// That a leaf is in the log, with what it says.
    ///
    /// # Errors
    /// There is no such leaf, or what is on disk does not come to the root.
    pub fn receipt(&mut self, leaf: u64) -> Result<Receipt, Fault> {
        let receipt = self.ledger.receipt(leaf).map_err(|why| Fault::Log(why.to_string()))?;
        let (first, openings) = &self.newest;
        let at = leaf.checked_sub(*first).and_then(|at| usize::try_from(at).ok());
        if let Some((salt, event)) = at.and_then(|at| openings.get(at)) {
            return Ok(receipt.with(salt.clone(), event.clone()));
        }
        let row = self.store.get(Opened::TABLE, &[key(&[&leaf])])?.pop().flatten();
        let opened = row.and_then(Opened::from_row);
        let opened = opened.and_then(|opened| Some((opened.salt?, opened.event?)));
        let Some((salt, event)) = opened else { return Ok(receipt) };
        let event = Event::from_bytes(&event).map_err(Fault::Event)?;
        Ok(receipt.with(Salt::from_bytes(salt), event))
    }

    /// Works a batch out, commits it, and settles the log; again where others were faster.
    fn transact<T>(
        &mut self,
        now_ms: u64,
        mut run: impl FnMut(&mut Work<'_, '_>) -> Result<T, Stop>,
    ) -> Result<T, Fault> {
        self.resolve()?;
        self.last_ms = self.last_ms.max(now_ms);
        for _ in 0..TRIES {
            let rows = (&mut self.rows, &self.recent);
            let mut world = World::new(&mut *self.store, rows, self.standing.head.size, self.last_ms);
            let mut work = Work { world: &mut world, keys: &mut self.keys, house: &self.house };
            let worked = run(&mut work).and_then(|out| Ok((out, world.finish(self.standing.version + 1)?)));
            let (out, written) = match worked {
                Ok(worked) => worked,
                Err(stop) => {
                    self.forget();
                    // Rows of two moments may contradict each other where another desk went on in between.
                    let stands = self.store.standing()?;
                    if stands == self.standing {
                        return Err(fault(stop));
                    }
                    self.catch_up(stands)?;
                    continue;
                }
            };
            if written.changes.is_empty() {
                // Rows are kept between batches: what was read holds only if nobody else has gone on.
                let stands = self.store.standing()?;
                if stands == self.standing {
                    return Ok(out);
                }
                self.catch_up(stands)?;
                continue;
            }
            if self.commit(written)?.0 == Ended::Done {
                return Ok(out);
            }
        }
        Err(Fault::Contended)
    }

    /// Commits what was worked out, and settles the log; where another was faster, it catches up. Answers the changes, either way.
    fn commit(&mut self, written: Written) -> Result<(Ended, Vec<Change>), Fault> {
        let prepared = (!written.leaves.is_empty()).then(|| self.ledger.prepare(&written.leaves));
        let head = prepared.as_ref().map_or(self.standing.head, Prepared::head);
        let mut id = [0; 16];
        crate::random::fill(&mut id).map_err(Fault::NoRandomness)?;
        let first_leaf = self.standing.head.size;
        let batch = Batch { base: self.standing, id, head, leaves: written.leaves, changes: written.changes };
        match self.store.commit(&batch) {
            Ok(Committed::Done(standing)) if (standing.version, standing.head) == (batch.base.version + 1, head) => {
                self.rows.committed();
                self.keys.committed();
                self.newest = (first_leaf, written.openings);
                self.recent.keep(written.added, standing.version, self.last_ms, self.house.remembered_ms());
                self.settle(standing, prepared)?;
                Ok((Ended::Done, batch.changes))
            }
            // Ours stands, and others have gone on from it already.
            Ok(Committed::Done(standing)) => {
                self.catch_up(standing)?;
                Ok((Ended::Done, batch.changes))
            }
            Ok(Committed::Overtaken(standing)) => {
                self.catch_up(standing)?;
                Ok((Ended::Overtaken, batch.changes))
            }
            Err(why) => {
                self.forget();
                // What no store would ever take is not offered again.
                let offered = !matches!(why, StoreError::Shape { .. } | StoreError::Leaves { .. });
                self.open = offered.then_some(batch);
                Err(why.into())
            }
        }
    }

    /// Finds out what became of a batch whose commit did not answer; what was worked out and not committed is committed now.
    fn resolve(&mut self) -> Result<(), Fault> {
        if let Some(batch) = self.open.take() {
            match self.store.commit(&batch) {
                // Others may have gone on from it since.
                Ok(Committed::Done(standing) | Committed::Overtaken(standing)) => self.catch_up(standing)?,
                Err(why) => {
                    self.open = Some(batch);
                    return Err(why.into());
                }
            }
        }
        if self.unpublished {
            self.catch_up(self.standing)?;
            self.unpublished = false;
        }
        Ok(())
    }

    /// Publishes what is committed. A host calls it when nothing follows.
    ///
    /// # Errors
    /// The log's folder. Until it can be written again nothing is answered.
    pub fn publish(&mut self) -> Result<(), Fault> {
        self.published_ms = self.last_ms;
        let published = self.ledger.publish();
        self.unpublished = published.is_err();
        published.map_err(|why| Fault::Log(why.to_string()))
    }

    fn settle(&mut self, standing: Standing, prepared: Option<Prepared>) -> Result<(), Fault> {
        self.standing = standing;
        let Some(prepared) = prepared else { return Ok(()) };
        let leaves = prepared.indexes();
        self.ledger.take_in(prepared).map_err(|why| Fault::Log(why.to_string()))?;
        if leaves.end - leaves.start >= LOAD && self.last_ms < self.published_ms + PUBLISH_MS {
            return Ok(());
        }
        self.publish()
    }

    fn catch_up(&mut self, standing: Standing) -> Result<(), Fault> {
        self.forget();
        // What others used up counts, whatever becomes of the log's files.
        self.recent.read_on(&mut *self.store, standing.version)?;
        let store = &mut self.store;
        let leaves = |from, _| store.leaves(from, LEAVES);
        let caught_up = self.ledger.catch_up(standing.head, leaves);
        // Its leaves are in the tree also where the files could not be written.
        if self.ledger.head() == standing.head {
            self.standing = standing;
        }
        caught_up.map_err(|why| Fault::Log(why.to_string()))?;
        // What another desk did just now was not done in the future.
        self.last_ms = self.last_ms.max(newest_s(&mut *self.store)?.saturating_mul(1000));
        Ok(())
    }

    fn forget(&mut self) {
        self.rows.forget();
        self.keys.forget();
    }

    /// Makes what is published of the log durable. A host does so every few seconds, and at its end.
    ///
    /// # Errors
    /// The log's folder.
    pub fn sync(&mut self) -> Result<(), Fault> {
        self.publish()?;
        self.ledger.sync().map_err(|why| Fault::Log(why.to_string()))
    }

    /// The log.
    pub const fn ledger(&self) -> &Ledger<F> {
        &self.ledger
    }

    /// The policy.
    pub const fn rules(&self) -> &Rules {
        &self.house.rules
    }

    /// The registry's name, which is its log's.
    pub fn origin(&self) -> &str {
        &self.house.origin
    }

    /// The time, as the desk has it, in milliseconds since 1970.
    pub const fn now_ms(&self) -> u64 {
        self.last_ms
    }

    /// Another way to read the same rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reader(&self) -> Result<Box<dyn crate::store::Read>, StoreError> {
        self.store.reader()
    }

    /// How far an import of this name has come: rows, and where reading goes on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn import_progress(&mut self, import: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let name = format!("import/{import}");
        Ok(units::import_progress(setting(&mut *self.store, &name)?.as_deref()))
    }
}

fn run(work: &mut Work<'_, '_>, command: &Command) -> Result<Outcome, Stop> {
    match &command.action {
        Action::SignIn(shown) => return sign_in::sign_in(work, shown),
        Action::SignInByIdentity(shown) => return identity::sign_in(work, shown),
        Action::Delivered { request } => return Ok(decide::delivered(work, request)),
        Action::ExportLeft { export, attempt, exported } => return export::left(work, (export, *attempt), exported),
        Action::Tick => return due::tick(work),
        _ => {}
    }
    let caller = Caller::of(work, command.credential)?;
    let first_steps = matches!(
        command.action,
        Action::SignOut | Action::ChangeAccount { change: AccountChange::NewOneTimeSecret, .. }
    );
    if caller.is_new() && !first_steps {
        return Err(Refusal::NotAllowed { needed: "a one-time secret first, and a session by it" }.into());
    }
    match &command.action {
        Action::Release(ask) => release::release(work, &caller, ask),
        Action::BreakGlass { ask, reason } => release::break_glass(work, &caller, ask, reason),
        Action::Decide { request, approve, reason } => decide::decide(work, &caller, (request, *approve, reason)),
        Action::Collect { request } => decide::collect(work, &caller, request),
        Action::Withdraw { request } => decide::withdraw(work, &caller, request),
        Action::Revoke { request, reason } => decide::revoke(work, &caller, (request, reason)),
        Action::CompleteProof { request, document } => decide::complete_proof(work, &caller, (request, document)),
        Action::Review { request, justified, reason } => decide::review(work, &caller, (request, *justified, reason)),
        Action::SignOut => sign_in::sign_out(work, &caller),
        Action::IssueToken { label, scopes, days } => sign_in::issue(work, &caller, (label, *scopes, *days)),
        Action::RevokeToken { digest } => sign_in::revoke(work, &caller, digest),
        Action::AddAccount(new) => accounts::add(work, &caller, new),
        Action::ChangeAccount { account, change } => accounts::change(work, &caller, (account, change)),
        Action::Pair(line) => units::enter(work, &caller, line),
        Action::AddUnits { import, rows_before, position, units } => {
            units::add(work, &caller, (import, *rows_before, position), units)
        }
        Action::Provision { unit } => units::provision(work, &caller, unit),
        Action::ReadLog { from, limit } => audit::read(work, &caller, (*from, *limit)),
        Action::ReadNotices => decide::notices(work, &caller),
        Action::ReadWaiting => decide::waiting(work, &caller),
        Action::Erase { request } => due::erase(work, &caller, request),
        Action::Unsealed => rotate::unsealed(work, &caller),
        Action::Seal => rotate::seal(work, &caller),
        Action::AddScheme { unit, key } => scheme::add(work, &caller, (unit, key)),
        Action::Rotate { kek } => rotate::rotate(work, &caller, kek),
        Action::AskExport { unit, region, reason } => {
            export::ask(work, &caller, (unit.as_deref(), region.as_ref()), reason)
        }
        Action::AskRecipient { recipient, reason } => export::ask_recipient(work, &caller, recipient, reason),
        Action::AgreeExport { export, reason } => export::agree(work, &caller, (export, reason)),
        Action::RefuseExport { export, reason } => export::refuse(work, &caller, (export, reason)),
        Action::TakeExport { export } => export::take(work, &caller, export),
        Action::SignIn(_) | Action::SignInByIdentity(_) | Action::Delivered { .. } => Ok(Outcome::Done),
        Action::ExportLeft { .. } | Action::Tick => Ok(Outcome::Done),
    }
}

fn setting(store: &mut dyn Store, name: &str) -> Result<Option<String>, StoreError> {
    let row = store.get(Setting::TABLE, &[key(&[&name.to_owned()])])?.pop().flatten();
    Ok(row.and_then(Setting::from_row).map(|setting| setting.value))
}

/// When the newest event was that still says something.
fn newest_s(store: &mut dyn Store) -> Result<u64, StoreError> {
    let scan = Scan { table: Opened::TABLE, prefix: &[], after: None, backwards: true, limit: 100 };
    let events = store.scan(&scan)?.into_iter().filter_map(|row| Opened::from_row(row)?.event);
    Ok(events.filter_map(|event| Some(Event::from_bytes(&event).ok()?.at_s())).max().unwrap_or_default())
}

fn fault(stop: Stop) -> Fault {
    match stop {
        Stop::Fault(fault) => fault,
        // Nothing that is refused comes this way.
        Stop::Refused(_) => Fault::Contended,
    }
}
