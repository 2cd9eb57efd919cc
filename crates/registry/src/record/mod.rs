//! What the registry keeps, a record a table.

mod account;
mod export;
mod field;
mod identity;
mod log;
mod names;
mod request;
mod secret;
mod unit;

pub use account::{Account, AccountState, Certificate, Flood, Session, SessionKind, Watched};
pub use export::{Export, ExportKind, ExportState, ExportWord, Settled};
pub use field::Field;
pub use identity::{Identity, Tie};
pub use log::{Lately, Opened, Setting};
pub use names::{AccountId, BadName, Company, Issuer, Region, RequestId, Serial, Subject, Vin};
pub use request::{Delivered, Notice, Photo, Request, RequestState, UsedSeed, Waiting, WaitingFor, What};
pub use secret::{Secret, SecretKind};
pub use unit::{Pairing, PairingEvent, Unit, UnitState, VinUnit};

use crate::store::{Column, Kind, Migrations, Row, Step, Table};

/// A struct that is a row.
pub trait Record: Sized {
    /// Its table.
    const TABLE: &'static Table;

    /// As a row.
    fn to_row(&self) -> Row;

    /// From a row; none if the row is another's.
    fn from_row(row: Row) -> Option<Self>;
}

/// Sessions before there were identities.
const FIRST_SESSION: &Table = &Table {
    name: Session::TABLE.name,
    columns: Session::TABLE.columns.split_at(Session::TABLE.columns.len() - 1).0,
    key: Session::TABLE.key,
    long: Session::TABLE.long,
};

/// Every table, by the version that brought it.
pub const MIGRATIONS: Migrations = &[FIRST, EXPORTS, IDENTITIES];

const FIRST: &[Step] = &[
    Step::Create(Unit::TABLE),
    Step::Create(VinUnit::TABLE),
    Step::Create(Pairing::TABLE),
    Step::Create(Request::TABLE),
    Step::Create(Delivered::TABLE),
    Step::Create(Waiting::TABLE),
    Step::Create(UsedSeed::TABLE),
    Step::Create(Photo::TABLE),
    Step::Create(Notice::TABLE),
    Step::Create(Account::TABLE),
    Step::Create(FIRST_SESSION),
    Step::Create(Certificate::TABLE),
    Step::Create(Flood::TABLE),
    Step::Create(Watched::TABLE),
    Step::Create(Secret::TABLE),
    Step::Create(Opened::TABLE),
    Step::Create(Lately::TABLE),
    Step::Create(Setting::TABLE),
];

const EXPORTS: &[Step] = &[Step::Create(Export::TABLE), Step::Create(ExportWord::TABLE), Step::Create(Settled::TABLE)];

const IDENTITIES: &[Step] = &[
    Step::Create(Identity::TABLE),
    Step::Add { table: Session::TABLE.name, column: Column { name: "tie", kind: Kind::Bytes, optional: true } },
];
