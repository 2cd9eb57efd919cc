//! What SQLite's result codes mean to whoever uses a store.

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::StoreError;

/// The store's error for one of SQLite.
pub(super) fn failure(why: Error) -> StoreError {
    let Some(code) = why.sqlite_error() else {
        return match why {
            // STRICT tables give no other kind than they were declared with; only a file that was tampered with does.
            Error::InvalidColumnType(..) | Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) => {
                StoreError::Damaged(Box::new(why))
            }
            _ => StoreError::Failed(Box::new(why)),
        };
    };
    match (code.code, code.extended_code) {
        (_, ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA) => StoreError::Damaged(Box::new(why)),
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => StoreError::Damaged(Box::new(why)),
        (ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure | ErrorCode::PermissionDenied, _) => {
            StoreError::Unwritable(Box::new(why))
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen, _) => {
            StoreError::Unavailable(Box::new(why))
        }
        _ => StoreError::Failed(Box::new(why)),
    }
}
