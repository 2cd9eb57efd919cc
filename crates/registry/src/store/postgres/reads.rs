//! Reading: what the writer and the readers have in common. Each call is one statement, so it sees one moment.

use std::collections::HashMap;
use std::sync::Arc;

use deadpool_postgres::Object;
use tokio_postgres::Row as Found;
use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::link::{Link, WhenLost};
use super::moment::Moment;
use super::sql;
use super::values::{Parameter, arrays, parameter, taken};
use crate::log::{Commitment, HASH_BYTES, Hash, TreeHead};
use crate::store::page::{Beyond, beyond};
use crate::store::schema::{self, Schema};
use crate::store::{Damage, Read, Row, Scan, Standing, StoreError, Table, Value, leaves};

/// A store's connections, and the schema that they are asked by.
#[derive(Debug)]
pub(super) struct Reads {
    pub(super) link: Arc<Link>,
    pub(super) schema: Arc<Schema>,
    /// The one moment that is read, if it is one.
    pub(super) moment: Option<Moment>,
}

impl Reads {
    fn rows(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Found>, StoreError> {
        let read = async |client: &Object| -> Result<Vec<Found>, Failure> {
            let parameters: Vec<&(dyn ToSql + Sync)> =
                parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect();
            let statement = client.prepare_cached(sql).await?;
            Ok(client.query(&statement, &parameters).await?)
        };
        match &self.moment {
            Some(moment) => moment.read(&self.link, &read),
            None => self.link.run(WhenLost::TryAgain, &read),
        }
    }
}

/// Where a store stands, from the first three columns of its row.
pub(super) fn standing_of(row: Option<&Found>) -> Result<Standing, StoreError> {
    let row = row.ok_or(Damage::NoStanding)?;
    let whole = |at: usize| row.try_get::<_, i64>(at).ok().and_then(|whole| u64::try_from(whole).ok());
    let root: Option<[u8; HASH_BYTES]> = row.try_get::<_, &[u8]>(2).ok().and_then(|root| root.try_into().ok());
    match (whole(0), whole(1), root) {
        (Some(version), Some(size), Some(root)) => Ok(Standing { version, head: TreeHead { size, root: Hash(root) } }),
        _ => Err(Damage::Standing.into()),
    }
}

impl Read for Reads {
    fn get(&mut self, table: &'static Table, keys: &[Row]) -> Result<Vec<Option<Row>>, StoreError> {
        self.schema.table(table)?;
        for key in keys {
            schema::key(table, key)?;
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<&Row> = keys.iter().collect();
        let rows = self.rows(&sql::some(table), &arrays(table.key_columns(), &wanted))?;
        let rows = rows.iter().map(|row| taken(table, row)).collect::<Result<Vec<Row>, _>>()?;
        let found: HashMap<&[Value], &Row> = rows.iter().map(|row| (&row[..table.key], row)).collect();
        Ok(keys.iter().map(|key| found.get(key.as_slice()).map(|row| (*row).clone())).collect())
    }

    fn scan(&mut self, scan: &Scan<'_>) -> Result<Vec<Row>, StoreError> {
        self.schema.scan(scan)?;
        let free = match beyond(scan) {
            Beyond::Nothing => return Ok(Vec::new()),
            Beyond::All => None,
            Beyond::Rest(rest) => Some(rest),
        };
        let mut parameters: Vec<Parameter<'_>> =
            scan.prefix.iter().chain(free.into_iter().flatten()).map(parameter).collect();
        parameters.push(Box::new(i64::try_from(scan.limit).unwrap_or(i64::MAX)));
        let rows = self.rows(&sql::scan(scan, free), &parameters)?;
        rows.iter().map(|row| taken(scan.table, row)).collect()
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        self.schema.table(table)?;
        let rows = self.rows(&sql::count(table), &[])?;
        let count = rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
        count.and_then(|count| u64::try_from(count).ok()).ok_or_else(|| Damage::Row { table: table.name }.into())
    }

    fn standing(&mut self) -> Result<Standing, StoreError> {
        standing_of(self.rows(sql::READ_STANDING, &[])?.first())
    }

    fn leaves(&mut self, from: u64, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        let Ok(start) = i64::try_from(from) else { return Ok(Vec::new()) };
        let limit = limit.max(1);
        let end = start.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.rows(sql::READ_LEAVES, &[Box::new(start), Box::new(end)])?;
        let mut taken = Vec::new();
        for row in rows {
            let damage = Damage::Leaves { first: from };
            let first = row.try_get::<_, i64>(0).ok().and_then(|first| u64::try_from(first).ok());
            let bytes: &[u8] = row.try_get(1).map_err(|_| damage)?;
            leaves::take(first, bytes, from, limit, &mut taken)?;
        }
        Ok(taken)
    }

    fn moment(&self) -> Result<Box<dyn Read>, StoreError> {
        let moment = Some(Moment::new(&self.link)?);
        Ok(Box::new(Self { link: Arc::clone(&self.link), schema: Arc::clone(&self.schema), moment }))
    }
}
