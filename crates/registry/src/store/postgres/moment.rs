//! Reading on at one moment: one transaction on a connection of its own.

use deadpool_postgres::Object;

use super::failure::Failure;
use super::link::Link;
use super::sql;
use crate::store::StoreError;

/// A transaction that only reads. It ends with its connection, which goes back to nobody.
#[derive(Debug)]
pub(super) struct Moment(Option<Object>);

impl Moment {
    /// Begins one; the first thing that is read fixes what it sees.
    pub(super) fn new(link: &Link) -> Result<Self, StoreError> {
        let moment = Self(Some(link.hold()?));
        moment.read(link, &async |client: &Object| {
            client.batch_execute(sql::BEGIN_MOMENT).await?;
            client.query(sql::READ_STANDING, &[]).await?;
            Ok(())
        })?;
        Ok(moment)
    }

    /// Reads in it. What is lost with the connection cannot be had again.
    pub(super) fn read<T>(
        &self,
        link: &Link,
        work: &impl AsyncFn(&Object) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let client = self.0.as_ref().ok_or_else(Link::over)?;
        link.once(async { work(client).await })
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        self.0.take().map(Object::take);
    }
}
