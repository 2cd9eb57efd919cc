//! What a token may be used for: a set of named permissions.

use std::fmt;
use std::str::FromStr;

/// One thing that a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ask for codes.
    Release,
    /// Approve what another account asked for.
    Approve,
    /// Keep accounts, companies and rules.
    Administer,
    /// Read every event and its proof.
    Audit,
    /// Bring in production tables.
    Import,
    /// Hand in a share of the key, and start and seal the desk.
    Custody,
    /// Read the desk's state and its public log.
    Read,
}

/// Why a text is not a set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A name that is none.
    #[error("name {place} is none of: release, approve, administer, audit, import, custody, read")]
    Unknown {
        /// Which of the names, from 1.
        place: usize,
    },
    /// A scope that is there twice.
    #[error("{scope} is there twice")]
    Twice {
        /// Which.
        scope: Scope,
    },
    /// Bits that stand for no scope.
    #[error("these bits stand for no scope")]
    Bits,
}

impl Scope {
    /// Every scope, in the order in which a set is written.
    pub const ALL: [Self; 7] =
        [Self::Release, Self::Approve, Self::Administer, Self::Audit, Self::Import, Self::Custody, Self::Read];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Approve => "approve",
            Self::Administer => "administer",
            Self::Audit => "audit",
            Self::Import => "import",
            Self::Custody => "custody",
            Self::Read => "read",
        }
    }

    /// Kept in stores: a scope's bit never changes.
    const fn bit(self) -> u16 {
        1 << match self {
            Self::Release => 0,
            Self::Approve => 1,
            Self::Administer => 2,
            Self::Audit => 3,
            Self::Import => 4,
            Self::Custody => 5,
            Self::Read => 6,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A set of scopes.
///
/// Shape: in text, names with commas between, in a fixed order; the empty set is the empty text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// The empty set: a token that is good for nothing.
    pub const NONE: Self = Self(0);

    /// The set with one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// Whether it has this one.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether it has every scope of the other: nobody hands on more than they have.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Its scopes, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// As it is kept.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// A set that was kept.
    ///
    /// # Errors
    /// [`ScopeError::Bits`].
    pub fn from_bits(bits: u16) -> Result<Self, ScopeError> {
        let all = Scope::ALL.into_iter().fold(Self::NONE, Self::with);
        if all.covers(Self(bits)) { Ok(Self(bits)) } else { Err(ScopeError::Bits) }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}{scope}")?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    /// Names with commas between, in any order, with or without spaces around them.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let mut set = Self::NONE;
        if text.trim().is_empty() {
            return Ok(set);
        }
        for (index, name) in text.split(',').enumerate() {
            let known = Scope::ALL.into_iter().find(|scope| scope.name() == name.trim());
            let scope = known.ok_or(ScopeError::Unknown { place: index + 1 })?;
            if set.has(scope) {
                return Err(ScopeError::Twice { scope });
            }
            set = set.with(scope);
        }
        Ok(set)
    }
}
