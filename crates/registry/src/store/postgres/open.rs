//! Opening a database: making the store in it, and bringing its schema up to date.

use deadpool_postgres::Object;

use super::failure::Failure;
use super::link::{Link, WhenLost};
use super::sql;
use crate::log::TreeHead;
use crate::store::schema::Schema;
use crate::store::{Damage, Migrations, Step, StoreError};

/// How often somebody else may be first with the same.
const ATTEMPTS: u32 = 20;

/// Brings the database's schema to that of the migrations.
pub(super) fn migrate(link: &Link, migrations: Migrations, schema: &Schema) -> Result<(), StoreError> {
    let mut last = Ok(());
    for _ in 0..ATTEMPTS {
        last = link.run(WhenLost::GiveUp, &async |client: &Object| -> Result<(), Failure> {
            client.batch_execute("BEGIN").await?;
            let done = one_after_the_other(client, migrations, schema).await;
            client.batch_execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
            done
        });
        match &last {
            // Another has made the same table at the same moment: the next attempt finds it.
            Err(StoreError::Failed(why)) if is_there_already(why.as_ref()) => {}
            _ => break,
        }
    }
    last
}

fn is_there_already(why: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    why.downcast_ref::<super::Said>().is_some_and(|said| matches!(said.code.as_str(), "23505" | "42P07" | "42701"))
}

async fn one_after_the_other(client: &Object, migrations: Migrations, schema: &Schema) -> Result<(), Failure> {
    let there: bool = client.query_one(sql::FIND_STORE, &[]).await?.try_get(0)?;
    if !there {
        client.batch_execute(sql::OWN_TABLES).await?;
        client.execute(sql::FIRST_STANDING, &[&TreeHead::EMPTY.root.0.as_slice()]).await?;
    }
    let row = client.query_opt(sql::READ_SCHEMA, &[]).await?.ok_or(Damage::NoStanding)?;
    let found: i64 = row.try_get(0)?;
    let known = schema.version;
    let found = u32::try_from(found).map_err(|_| Damage::NoStanding)?;
    if found > known {
        return Err(StoreError::Newer { found, known }.into());
    }
    if found == known {
        return Ok(());
    }
    let moved = client.execute(sql::MOVE_SCHEMA, &[&i64::from(known), &i64::from(found)]).await?;
    if moved == 0 {
        // Another was first, and to a version that the next opening finds.
        return Ok(());
    }
    for step in migrations.iter().skip(found as usize).copied().flatten() {
        match step {
            Step::Create(table) => client.batch_execute(&sql::create(table)).await?,
            Step::Add { table, column } => client.batch_execute(&sql::add(table, column)).await?,
        }
    }
    Ok(())
}
