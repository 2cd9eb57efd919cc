//! What PostgreSQL's errors mean: whether trying again may help, and what to tell whoever uses a store.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::store::{Damage, StoreError};

/// What went wrong on the way.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server, or the way to it.
    Postgres(tokio_postgres::Error),
    /// What is decided already.
    Store(StoreError),
}

/// Whether it may be otherwise the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It was only in another's way.
    Again,
    /// The connection is of no use any more; another one may be.
    Lost,
    /// No.
    Final,
}

/// What a server said. Without its detail, which may show values of rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL says {message} ({code})")]
pub struct Said {
    /// SQLSTATE, five characters.
    pub code: String,
    /// In words.
    pub message: String,
}

/// Why a server that can be reached is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// An acknowledged commit would be lost with the server's machine.
    #[error("the server has {setting} = {value}, under which an acknowledged release can be lost; it must be on")]
    Lax {
        /// The server's setting.
        setting: String,
        /// What it is.
        value: String,
    },
    /// It did not answer in time.
    #[error("no answer within {wait_s} s")]
    Slow {
        /// Seconds.
        wait_s: u64,
    },
}

impl Failure {
    pub(super) fn outlook(&self) -> Outlook {
        match self {
            Self::Store(_) => Outlook::Final,
            // Without a code it is no answer of a server: the way to it.
            Self::Postgres(why) => why.code().map_or(Outlook::Lost, outlook),
        }
    }
}

fn outlook(code: &SqlState) -> Outlook {
    match code.code() {
        // Serialization failure, deadlock.
        "40001" | "40P01" => Outlook::Again,
        // Shut down, crashed, starting; in recovery or demoted; a commit whose end is not known; idle in a transaction for too long.
        "57P01" | "57P02" | "57P03" | "25006" | "40003" | "25P03" | "53300" => Outlook::Lost,
        code if code.starts_with("08") => Outlook::Lost,
        _ => Outlook::Final,
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(why: tokio_postgres::Error) -> Self {
        Self::Postgres(why)
    }
}

impl From<PoolError> for Failure {
    fn from(why: PoolError) -> Self {
        match why {
            PoolError::Backend(why) => Self::Postgres(why),
            other => Self::Store(StoreError::Unavailable(Box::new(other))),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

impl From<Damage> for Failure {
    fn from(why: Damage) -> Self {
        Self::Store(why.into())
    }
}

impl From<Failure> for StoreError {
    fn from(why: Failure) -> Self {
        let outlook = why.outlook();
        let why = match why {
            Failure::Store(why) => return why,
            Failure::Postgres(why) => why,
        };
        let Some(said) = why.as_db_error() else { return Self::Unavailable(Box::new(why)) };
        let code = said.code().code().to_owned();
        let class = code.get(..2).unwrap_or_default().to_owned();
        let said = Box::new(Said { code, message: said.message().to_owned() });
        match (outlook, class.as_str(), said.code.as_str()) {
            (Outlook::Again | Outlook::Lost, ..) => Self::Unavailable(said),
            // Cancelled, a lock not given in time.
            (_, _, "57014" | "55P03") => Self::Unavailable(said),
            // No space or memory; an error of the disk; no right to write.
            (_, "53", _) | (_, _, "58030" | "42501") => Self::Unwritable(said),
            // Its own checks failed; a table or column is gone.
            (_, "XX", "XX001" | "XX002") | (_, _, "42P01" | "42703") => Self::Damaged(said),
            _ => Self::Failed(said),
        }
    }
}
