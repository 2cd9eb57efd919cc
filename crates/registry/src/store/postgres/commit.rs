//! A commit: the begin, then every statement on its way before the first is answered, then the end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::Object;
use tokio_postgres::types::ToSql;

use super::failure::{Failure, Outlook};
use super::reads::standing_of;
use super::values::{Parameter, arrays, size_bytes};
use super::{Isolation, sql};
use crate::store::net::Net;
use crate::store::{Batch, Committed, REMEMBERED_BATCHES, Row, Standing, StoreError, leaves};

/// Bytes of rows in one statement, about.
const STATEMENT_BYTES: usize = 32 << 20;

/// A batch as statements; worked out once, however often it is tried.
pub(super) struct Plan<'a> {
    batch: &'a Batch,
    next: i64,
    begin: &'static str,
    statements: Vec<Statement<'a>>,
}

struct Statement<'a> {
    sql: String,
    parameters: Vec<Parameter<'a>>,
}

/// What a statement under way will come to.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + 'a>>;

impl<'a> Plan<'a> {
    pub(super) fn new(batch: &'a Batch, changes: &[Net<'a>], isolation: Isolation) -> Result<Self, StoreError> {
        let begin = match isolation {
            Isolation::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        };
        let base = batch.base;
        let next = signed(base.version.saturating_add(1))?;
        let mut statements = Vec::new();
        let mut add = |sql: &str, parameters: Vec<Parameter<'a>>| {
            statements.push(Statement { sql: sql.to_owned(), parameters });
        };
        // First, so that whoever comes second waits before it does any work.
        let root = |root: &'a [u8; 32]| -> Parameter<'a> { Box::new(root.as_slice()) };
        let size = Box::new(signed(batch.head.size)?);
        let (base_version, base_size) = (Box::new(signed(base.version)?), Box::new(signed(base.head.size)?));
        let (now, before) = (root(&batch.head.root.0), root(&batch.base.head.root.0));
        add(sql::MOVE_STANDING, vec![Box::new(next), size, now, base_version, base_size, before]);
        for net in changes {
            for rows in portions(&net.deletes) {
                add(&sql::delete(net.table), arrays(net.table.key_columns(), rows));
            }
            for rows in portions(&net.puts) {
                add(&sql::put(net.table), arrays(net.table.columns, rows));
            }
        }
        if !batch.leaves.is_empty() {
            let first = Box::new(signed(base.head.size)?);
            add(sql::ADD_LEAVES, vec![first, Box::new(leaves::joined(&batch.leaves))]);
        }
        add(sql::ADD_BATCH, vec![Box::new(next), Box::new(batch.id.as_slice())]);
        add(sql::FORGET_BATCHES, vec![Box::new(next.saturating_sub(signed(REMEMBERED_BATCHES)?))]);
        Ok(Self { batch, next, begin, statements })
    }

    /// One attempt. A commit of which no answer came may still be under way on the server: then the next attempt's swap waits for its end.
    pub(super) async fn attempt(&self, client: &Object) -> Result<Committed, Failure> {
        match self.transact(client).await {
            Ok(true) => {
                let version = self.batch.base.version + 1;
                Ok(Committed::Done(Standing { version, head: self.batch.head }))
            }
            Ok(false) => {
                client.batch_execute("ROLLBACK").await?;
                self.outcome(client).await
            }
            Err(why) => {
                if why.outlook() != Outlook::Lost {
                    client.batch_execute("ROLLBACK").await?;
                }
                Err(why)
            }
        }
    }

    /// Whether the store stood at the base, and the batch is committed.
    async fn transact(&self, client: &Object) -> Result<bool, Failure> {
        let mut prepared = Vec::with_capacity(self.statements.len());
        for statement in &self.statements {
            prepared.push(client.prepare_cached(&statement.sql).await?);
        }
        // Answered before anything follows: outside a transaction each statement would stand for itself.
        client.batch_execute(self.begin).await?;
        let mut all: Vec<Answer<'_>> = Vec::new();
        for (statement, prepared) in self.statements.iter().zip(&prepared) {
            all.push(Box::pin(async move {
                let parameters: Vec<&(dyn ToSql + Sync)> =
                    statement.parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect();
                client.execute(prepared, &parameters).await
            }));
        }
        let mut answers = in_order(all).await.into_iter();
        // If the swap found another standing, what became of the statements behind it does not matter.
        if answers.next().transpose()? != Some(1) {
            return Ok(false);
        }
        for answer in answers {
            answer?;
        }
        client.batch_execute("COMMIT").await?;
        Ok(true)
    }

    /// The store does not stand at the base: because of this batch, or another.
    async fn outcome(&self, client: &Object) -> Result<Committed, Failure> {
        let read = client.prepare_cached(sql::READ_OUTCOME).await?;
        let row = client.query_opt(&read, &[&self.next]).await?;
        let standing = standing_of(row.as_ref())?;
        let id: Option<Vec<u8>> = row.map(|row| row.try_get(3)).transpose()?.flatten();
        let ours = id.is_some_and(|id| id == self.batch.id);
        Ok(if ours { Committed::Done(standing) } else { Committed::Overtaken(standing) })
    }
}

/// Polls all, each for the first time in its turn: so are they sent. Answers what each came to, once all have.
async fn in_order(mut all: Vec<Answer<'_>>) -> Vec<Result<u64, tokio_postgres::Error>> {
    let mut done: Vec<Option<_>> = all.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (work, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(result) = work.as_mut().poll(context)
            {
                *done = Some(result);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// So many rows at a time as one statement takes.
fn portions<'s, 'a>(rows: &'s [&'a Row]) -> Vec<&'s [&'a Row]> {
    let mut portions = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        bytes += size_bytes(row);
        if bytes >= STATEMENT_BYTES || at + 1 == rows.len() {
            portions.push(&rows[from..=at]);
            (from, bytes) = (at + 1, 0);
        }
    }
    portions
}

/// PostgreSQL's numbers are signed.
fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|why| StoreError::Failed(Box::new(why)))
}
