//! What a person is to the desk: roles, and which of them exclude each other.

use std::fmt;
use std::str::FromStr;

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Asks for codes on behalf of owners.
    Requester,
    /// Approves what another requester asked for.
    Approver,
    /// Keeps accounts, companies and rules.
    Administrator,
    /// Reads every event, changes nothing.
    Auditor,
    /// Runs the service: imports, backups, starts and stops.
    Operator,
    /// Holds a share of the key.
    Custodian,
}

/// Why roles are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// Nobody watches over what they do themselves.
    #[error("an auditor is no administrator: nobody watches over what they do themselves")]
    AuditorAdministers,
    /// A name of no role.
    #[error("a role is one of: requester, approver, administrator, auditor, operator, custodian")]
    Unknown,
    /// Bits that stand for no role.
    #[error("these bits stand for no role")]
    Bits,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Requester, Self::Approver, Self::Administrator, Self::Auditor, Self::Operator, Self::Custodian];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Custodian => "custodian",
        }
    }

    /// Kept in stores: a role's bit never changes.
    const fn bit(self) -> u16 {
        1 << match self {
            Self::Requester => 0,
            Self::Approver => 1,
            Self::Administrator => 2,
            Self::Auditor => 3,
            Self::Operator => 4,
            Self::Custodian => 5,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(name: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or(RoleError::Unknown)
    }
}

/// The roles of one account. Invariant: never auditor and administrator together.
///
/// That an approver does not approve what they asked for themselves is a matter of each request, not of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles(u16);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// With one more role.
    ///
    /// # Errors
    /// [`RoleError::AuditorAdministers`].
    pub const fn with(self, role: Role) -> Result<Self, RoleError> {
        let roles = Self(self.0 | role.bit());
        if roles.has(Role::Auditor) && roles.has(Role::Administrator) {
            return Err(RoleError::AuditorAdministers);
        }
        Ok(roles)
    }

    /// Without a role.
    #[must_use]
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !role.bit())
    }

    /// Whether the account has this role.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The roles, in order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// As they are kept.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Roles that were kept.
    ///
    /// # Errors
    /// A bit of no role, or roles that exclude each other.
    pub fn from_bits(bits: u16) -> Result<Self, RoleError> {
        let kept = Self(bits);
        let roles = kept.iter().try_fold(Self::NONE, Self::with)?;
        if roles == kept { Ok(roles) } else { Err(RoleError::Bits) }
    }
}
