//! The policy: everything in which two head units may differ, as data.

/// Rungs a ladder can hold.
pub const MAX_RUNGS: usize = 16;
/// Rules that may clear the counter after a quiet time.
pub const MAX_FORGIVENESS: usize = 2;

/// How one lock behaves, complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// What opens the lock.
    pub kind: Kind,
    /// How many attempts, in how many rounds.
    pub tries: Tries,
    /// Which wait follows which failure.
    pub ladder: Ladder,
    /// What lets a wait count.
    pub clock: Clock,
    /// What an entry during a wait does.
    pub entry_while_waiting: EntryWhileWaiting,
    /// What the end of a wait does to the counters.
    pub after_wait: AfterWait,
    /// Quiet times that clear the counters.
    pub forgiveness: [Option<Forgiveness>; MAX_FORGIVENESS],
    /// What an outage of the supply does to a running penalty.
    pub supply_cut: SupplyCut,
    /// What makes an open unit ask for its code.
    pub arming: Arming,
}

/// What opens the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing to open: the unit never arms.
    None,
    /// The code.
    Code,
    /// The vehicle it was paired with; a code is not accepted.
    Pairing,
    /// The vehicle it was paired with or, elsewhere, the code.
    PairingOrCode,
    /// A tool or an online release; a code is not accepted.
    Tool,
}

/// How many attempts, in how many rounds. Zero attempts a round means that rounds are not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tries {
    /// Failed attempts that complete the first round.
    pub first_round: u16,
    /// Failed attempts that complete each later round.
    pub later_rounds: u16,
    /// Failed attempts in total that lock the unit out for good.
    pub locked_out_after_attempts: Option<u16>,
    /// Completed rounds that lock the unit out for good.
    pub locked_out_after_rounds: Option<u16>,
    /// Attempts that a gesture gives back.
    pub extra: ExtraAttempts,
}

/// Attempts that a gesture gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtraAttempts {
    /// Attempts given back at once.
    pub attempts: u16,
    /// How often, until the counters are next cleared.
    pub times: u16,
    /// Works while the unit asks for its code.
    pub while_armed: bool,
    /// Works while it waits, and ends the wait.
    pub while_waiting: bool,
    /// Works while it is locked out, and ends that.
    pub while_locked_out: bool,
}

impl ExtraAttempts {
    /// No such gesture.
    pub const NEVER: Self =
        Self { attempts: 0, times: 0, while_armed: false, while_waiting: false, while_locked_out: false };
}

/// The waits, as rungs. Of the rungs that apply, one of scope [`Scope::Rounds`] comes before one of
/// [`Scope::FailuresInRound`] before one of [`Scope::Failures`]; within a scope the highest `from` applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ladder {
    rungs: [Option<Rung>; MAX_RUNGS],
}

impl Ladder {
    /// No wait at all.
    pub const EMPTY: Self = Self { rungs: [None; MAX_RUNGS] };

    /// The ladder with one more rung, or `None` when [`MAX_RUNGS`] are used.
    pub const fn with(mut self, rung: Rung) -> Option<Self> {
        let mut i = 0;
        while i < MAX_RUNGS {
            if self.rungs[i].is_none() {
                self.rungs[i] = Some(rung);
                return Some(self);
            }
            i += 1;
        }
        None
    }

    /// The rungs, in the order in which they were added.
    pub fn rungs(&self) -> impl Iterator<Item = &Rung> {
        self.rungs.iter().flatten()
    }

    /// The wait that `count` calls for within `scope`.
    pub const fn wait_for(&self, scope: Scope, count: u16) -> Option<Span> {
        let mut best: Option<Rung> = None;
        let mut i = 0;
        while i < MAX_RUNGS {
            if let Some(rung) = self.rungs[i]
                && rung.scope as u8 == scope as u8
                && rung.from <= count
            {
                let better = match best {
                    None => true,
                    Some(b) => rung.from >= b.from,
                };
                if better {
                    best = Some(rung);
                }
            }
            i += 1;
        }
        match best {
            None => None,
            Some(rung) => Some(rung.wait_at(count)),
        }
    }

    /// The longest wait in time that the ladder names: each rung with its cap, or with its first wait where it grows without
    /// one. `None` when no rung is a time.
    pub fn longest_finite_ms(&self) -> Option<u64> {
        self.rungs().filter_map(Rung::longest_ms).max()
    }
}

/// One rung: the wait that follows a failure once the count has reached `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rung {
    /// Which count `from` refers to.
    pub scope: Scope,
    /// The first count at which the rung applies; at least 1.
    pub from: u16,
    /// The wait at `from`.
    pub wait: Span,
    /// The wait is multiplied by this at each count beyond `from`; 0 and 1 keep it.
    pub factor: u16,
    /// The multiplied wait never exceeds this many milliseconds or cycles; `None` for no cap.
    pub cap: Option<u64>,
}

impl Rung {
    const fn wait_at(&self, count: u16) -> Span {
        let steps = count.saturating_sub(self.from);
        match self.wait {
            Span::Time { ms } => Span::Time { ms: self.grown(ms, steps) },
            Span::IgnitionCycles(n) => Span::IgnitionCycles(clamp_u32(self.grown(n as u64, steps))),
            Span::Reboots(n) => Span::Reboots(clamp_u32(self.grown(n as u64, steps))),
            Span::KeyCycles(n) => Span::KeyCycles(clamp_u32(self.grown(n as u64, steps))),
            Span::Endless => Span::Endless,
        }
    }

    const fn grown(&self, base: u64, steps: u16) -> u64 {
        let mut value = base;
        let mut i = 0;
        // 64 doublings overflow any base, so the loop is bounded whatever the count.
        while i < steps && i < 64 && self.factor > 1 {
            value = value.saturating_mul(self.factor as u64);
            i += 1;
        }
        match self.cap {
            Some(cap) if value > cap => cap,
            _ => value,
        }
    }

    fn longest_ms(&self) -> Option<u64> {
        let Span::Time { ms } = self.wait else { return None };
        let limit = self.cap.unwrap_or(ms);
        Some(if self.factor > 1 && ms > 0 { limit } else { ms.min(limit) })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped first")]
const fn clamp_u32(value: u64) -> u32 {
    if value > u32::MAX as u64 { u32::MAX } else { value as u32 }
}

/// Which count a rung looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Failures since the counter was last cleared.
    Failures,
    /// Failures in the running round.
    FailuresInRound,
    /// Completed rounds.
    Rounds,
}

/// How long a wait is, and in what it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// Time, in milliseconds, counted by the [`Clock`].
    Time {
        /// Milliseconds.
        ms: u64,
    },
    /// Times the ignition comes on.
    IgnitionCycles(u32),
    /// Restarts of the unit.
    Reboots(u32),
    /// Times the key is taken out and put back.
    KeyCycles(u32),
    /// It never ends by itself.
    Endless,
}

/// Where the ignition key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ignition {
    /// Off.
    Off,
    /// Accessories.
    Acc,
    /// On, engine standing.
    On,
    /// On, engine running.
    Engine,
}

/// A set of [`Ignition`] positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IgnitionSet(u8);

impl IgnitionSet {
    /// Every position.
    pub const ANY: Self = Self(0b1111);
    /// No position.
    pub const NONE: Self = Self(0);

    /// The set with one more position.
    #[must_use]
    pub const fn with(self, ignition: Ignition) -> Self {
        Self(self.0 | 1 << ignition as u8)
    }

    /// Whether the position is in the set.
    pub const fn contains(self, ignition: Ignition) -> bool {
        self.0 & (1 << ignition as u8) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Whether the unit must be switched on for a clock to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitNeed {
    /// Either way.
    Any,
    /// Switched on.
    On,
    /// Switched off.
    Off,
}

/// What happens to a clock while its condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interruption {
    /// It stands still and goes on later.
    Pause,
    /// It starts again from the full length.
    Restart,
    /// Once begun it counts on regardless.
    Harmless,
}

/// What lets time count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    /// The ignition must stand at one of these.
    pub ignition: IgnitionSet,
    /// What another position does.
    pub on_ignition: Interruption,
    /// The unit must be so.
    pub unit: UnitNeed,
    /// What the other does.
    pub on_unit: Interruption,
    /// What a touched key does; `Pause` and `Harmless` both let the clock go on.
    pub on_key: Interruption,
    /// It counts through an outage of the supply too.
    pub without_supply: bool,
}

impl Clock {
    /// Counts whenever there is supply.
    pub const SUPPLY_ALONE: Self = Self {
        ignition: IgnitionSet::ANY,
        on_ignition: Interruption::Pause,
        unit: UnitNeed::Any,
        on_unit: Interruption::Pause,
        on_key: Interruption::Harmless,
        without_supply: false,
    };
}

/// What an entry during a wait does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryWhileWaiting {
    /// Nothing.
    Ignored,
    /// It is refused, right or wrong, and not counted.
    Refused,
    /// It is refused and the wait starts again.
    RestartsWait,
    /// It is counted as a failure without being compared.
    Charged,
}

/// What the end of a wait does to the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AfterWait {
    /// Nothing.
    Keeps,
    /// Failures are forgotten, completed rounds are not.
    ClearsAttempts,
    /// Failures and rounds are forgotten.
    ClearsAll,
}

/// What something clears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clears {
    /// The failures.
    pub attempts: bool,
    /// The completed rounds, and with them the extra attempts used.
    pub rounds: bool,
    /// The running wait.
    pub wait: bool,
    /// The permanent lock.
    pub locked_out: bool,
}

impl Clears {
    /// Nothing.
    pub const NOTHING: Self = Self { attempts: false, rounds: false, wait: false, locked_out: false };
    /// Everything.
    pub const ALL: Self = Self { attempts: true, rounds: true, wait: true, locked_out: true };
}

/// A quiet time after the last failure that clears something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Forgiveness {
    /// Milliseconds counted by `clock`.
    pub after_ms: u64,
    /// What lets them count.
    pub clock: Clock,
    /// What they clear.
    pub clears: Clears,
}

/// What an outage of the supply does to a penalty. Each fact has its own shortest outage, in milliseconds; `None`
/// means that no outage does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SupplyCut {
    /// The wait starts again from its full length.
    pub restarts_wait_ms: Option<u64>,
    /// The wait is over.
    pub ends_wait_ms: Option<u64>,
    /// Failures are forgotten.
    pub restores_attempts_ms: Option<u64>,
    /// Completed rounds are forgotten.
    pub restores_rounds_ms: Option<u64>,
    /// The permanent lock is over.
    pub ends_locked_out_ms: Option<u64>,
}

impl SupplyCut {
    /// No outage changes anything.
    pub const NOTHING: Self = Self {
        restarts_wait_ms: None,
        ends_wait_ms: None,
        restores_attempts_ms: None,
        restores_rounds_ms: None,
        ends_locked_out_ms: None,
    };
}

/// What makes an open unit ask for its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arming {
    /// Shortest outage by the battery, in milliseconds.
    pub battery_ms: Option<u64>,
    /// Shortest outage by the unit's own fuse.
    pub fuse_ms: Option<u64>,
    /// Shortest outage by taking the unit out.
    pub removal_ms: Option<u64>,
    /// Outages count only if the unit was so when the supply went.
    pub at_cut: AtCut,
    /// A supply below this many millivolts.
    pub low_voltage_mv: Option<u32>,
    /// A supply above this many millivolts.
    pub surge_mv: Option<u32>,
    /// New firmware.
    pub reflash: bool,
    /// Another vehicle.
    pub other_vehicle: bool,
    /// Milliseconds with supply since the lock last opened.
    pub calendar_ms: Option<u64>,
    /// None of it unless the owner has asked for it.
    pub opt_in: bool,
}

impl Arming {
    /// Nothing arms.
    pub const NEVER: Self = Self {
        battery_ms: None,
        fuse_ms: None,
        removal_ms: None,
        at_cut: AtCut::Any,
        low_voltage_mv: None,
        surge_mv: None,
        reflash: false,
        other_vehicle: false,
        calendar_ms: None,
        opt_in: false,
    };
}

/// How the unit had to be when the supply went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtCut {
    /// Either way.
    Any,
    /// Switched on.
    UnitOn,
    /// Switched off.
    UnitOff,
}
