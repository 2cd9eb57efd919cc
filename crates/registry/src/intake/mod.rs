//! A production table taken into the registry: read, checked, sealed and committed at the same time, batch by batch, and gone on with
//! after whatever interrupted it.
//!
//! Three threads work beside each other: one reads and checks rows, one seals their codes, and the caller's commits. Memory does not grow
//! with the table. Each batch is durable with the place at which reading goes on, so a run that was killed loses no row and doubles none.
//! Units whose codes follow from a scheme of the desk need none in the table, and are kept without one.
//!
//! Invariant: no code is in any report, error or leaf.

mod alike;
mod bad;
mod failure;
mod marks;
mod pipeline;

use std::path::Path;

use headlock_wire::hex;

pub use self::bad::{Bad, BadWhy};
pub use self::failure::IntakeError;
use self::marks::Marks;
use self::pipeline::{Step, Taking, work_through};
use crate::desk::{BulkStep, Credential, Desk, Differing};
use crate::import::{self, FileDigest, Format, Position, Progress, Rows, Source};
use crate::log::Files;
use crate::record::Region;

/// Rows of a batch.
///
/// Fewer make a table in no order slow, since every batch then touches most pages; more need memory, and no faster are they.
pub const BATCH_ROWS: usize = 32_768;

/// What becomes of the good rows of a table with bad ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// They are taken; the bad ones are told.
    KeepGood,
    /// Nothing is taken if any is bad: the whole table is read first.
    AllOrNothing,
}

/// What is said about an intake.
#[derive(Clone, Debug)]
pub struct Options {
    /// Columns, units and codes; which units have a scheme is the desk's to say. Its chunks are the batches: at most
    /// [`crate::desk::SealedUnits::MOST`] rows.
    pub table: import::Options,
    /// How the file is written; none to go by its first bytes.
    pub format: Option<Format>,
    /// Where units of rows without a region are sold; none makes such rows bad.
    pub region: Option<Region>,
    /// What becomes of the good rows of a table with bad ones.
    pub choice: Choice,
    /// Whether a code other than the one that its unit's scheme gives is kept, as the unit's own; it makes the row bad otherwise. For units
    /// from before the scheme.
    pub own_codes: bool,
    /// Whether the store is asked for serials that differ from a new one by look-alikes alone.
    pub check_lookalikes: bool,
    /// Reads from the start, whatever was read before; what is there is known. For other columns or another region over the same file.
    pub again: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            table: import::Options { chunk_rows: BATCH_ROWS, ..import::Options::default() },
            format: None,
            region: None,
            choice: Choice::KeepGood,
            own_codes: false,
            check_lookalikes: false,
            again: false,
        }
    }
}

/// What is told while it goes on.
#[derive(Debug)]
pub enum News<'a> {
    /// The file is read for its digest.
    Digesting(Progress),
    /// An earlier run took this many rows; this one goes on behind them.
    GoesOn {
        /// Rows.
        rows: u64,
    },
    /// Rows that were looked at, before anything is taken.
    Checked {
        /// Rows so far.
        rows: u64,
    },
    /// A batch is durable.
    Taken {
        /// Rows so far, with those of earlier runs.
        rows: u64,
        /// Its leaf in the log; none if it had nothing new.
        leaf: Option<u64>,
    },
    /// A row that is not taken.
    Bad(&'a Bad),
    /// Two serials of the table that differ by look-alikes alone. Both are taken; somebody should look at them.
    Alike {
        /// The earlier line.
        line: u64,
        /// The later line.
        other_line: u64,
    },
    /// A serial that differs from one in the store by look-alikes alone. It is taken; somebody should look at it.
    AlikeStored {
        /// The line.
        line: u64,
        /// The serial in the store.
        serial: &'a str,
    },
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The import's name: SHA-256 of the file, in hexadecimal digits.
    pub import: String,
    /// Rows that earlier runs had done.
    pub rows_before: u64,
    /// Whether earlier runs had done them all, so that there was nothing to do.
    pub already_imported: bool,
    /// Rows of this run, whatever became of them.
    pub rows: u64,
    /// Units that were not there.
    pub new: u64,
    /// Rows whose unit was there, and is the same.
    pub known: u64,
    /// Rows that were not taken.
    pub bad: u64,
    /// Rows that said again what an earlier one of their batch said.
    pub repeated: u64,
    /// Rows with nothing in any field.
    pub blank: u64,
    /// Pairs of serials that look alike.
    pub alike: u64,
    /// Rows of new units that were not asked about in the store, because too many serials look like theirs.
    pub not_asked: u64,
    /// Vehicle numbers without a check digit, which says something in North America.
    pub vins_without_check_digit: u64,
    /// Commits.
    pub batches: u64,
    /// How long it took, by the caller's clock.
    pub seconds: f64,
}

impl Report {
    fn read(&mut self, step: &Step) {
        self.rows += step.read;
        self.repeated += step.repeated;
        self.blank += step.blank;
        self.not_asked += step.not_asked;
        self.vins_without_check_digit += step.vins_without_check_digit;
    }
}

/// A run under way.
pub struct Intake<'a, F: Files> {
    /// The desk that takes the units.
    pub desk: &'a mut Desk<F>,
    /// Who asks.
    pub credential: Credential,
    /// The time, in milliseconds since 1970.
    pub clock: &'a mut dyn FnMut() -> u64,
    /// Whoever is told.
    pub tell: &'a mut dyn FnMut(News<'_>),
}

impl<F: Files> Intake<'_, F> {
    /// Takes in a table. The same table again goes on where it was left; one that was taken in whole is left alone.
    ///
    /// # Errors
    /// [`IntakeError`]. Batches that were told of are durable all the same.
    pub fn run(mut self, path: &Path, options: &Options) -> Result<Report, IntakeError> {
        if options.table.chunk_rows > crate::desk::SealedUnits::MOST {
            return Err(IntakeError::LargeBatch);
        }
        let started_ms = (self.clock)();
        let mut table = options.table.clone();
        table.keyed = self.desk.keyed_units()?;
        let source = self.open(path, options)?;
        let digest = source.digest();
        let mut report = Report { import: hex::digits(&digest.sha256), ..Report::default() };
        let there = self.desk.bulk_progress(&report.import)?;
        let since = there.as_ref().map(|(rows, _)| *rows);
        let position = match there {
            Some((rows, bytes)) if !options.again => {
                report.rows_before = rows;
                Some(Position::from_bytes(&bytes)?)
            }
            _ => None,
        };
        let catalog = self.desk.catalog();
        let mut source = Some(source);
        let mut rows = |intake: &mut Self, position: Option<Position>| -> Result<Rows<'_>, IntakeError> {
            let source = match source.take() {
                Some(source) => source,
                None => intake.open_again(path, options, digest)?,
            };
            Ok(match position {
                None => source.rows(&catalog, &table)?,
                Some(position) => source.rows_at(&catalog, &table, position)?,
            })
        };
        if options.choice == Choice::AllOrNothing && !is_at_its_end(position, || rows(&mut self, position))? {
            let rows = rows(&mut self, None)?;
            let bad = self.check(rows, options)?;
            if bad > 0 {
                return Err(IntakeError::Refused { bad });
            }
        }
        if report.rows_before > 0 {
            (self.tell)(News::GoesOn { rows: report.rows_before });
        }
        let rows = rows(&mut self, position)?;
        self.take(rows, options, since, &mut report)?;
        report.already_imported = position.is_some() && report.rows == 0;
        // A clock may go back.
        let took_ms = u32::try_from((self.clock)().saturating_sub(started_ms)).unwrap_or(u32::MAX);
        report.seconds = f64::from(took_ms) / 1000.0;
        Ok(report)
    }

    fn open(&mut self, path: &Path, options: &Options) -> Result<Source, IntakeError> {
        let tell = &mut self.tell;
        Ok(Source::open(path, options.format, &mut |progress| tell(News::Digesting(progress)))?)
    }

    fn open_again(&mut self, path: &Path, options: &Options, digest: FileDigest) -> Result<Source, IntakeError> {
        let source = self.open(path, options)?;
        if source.digest() == digest { Ok(source) } else { Err(import::ReadError::Changed.into()) }
    }

    /// Looks at every row and takes none; answers how many are bad.
    fn check(&mut self, rows: Rows<'_>, options: &Options) -> Result<u64, IntakeError> {
        let (mut bad, mut checked) = (0, 0);
        let mut marks = Marks::default();
        let catalog = self.desk.catalog();
        let taking = Taking { options, catalog: &catalog, marker: Some(marks.marker()) };
        work_through(rows, &taking, |step| {
            let answer = self.desk.check_bulk((self.clock)(), &step.units)?;
            checked += step.read;
            marks.add(&step.marks);
            bad += self.tell_bad(std::mem::take(&mut step.bad), &answer.differing);
            (self.tell)(News::Checked { rows: checked });
            Ok(())
        })?;
        for (line, other_line) in marks.contradictions() {
            (self.tell)(News::Bad(&Bad::twice(line, other_line)));
            bad += 1;
        }
        Ok(bad)
    }

    fn take(
        &mut self,
        rows: Rows<'_>,
        options: &Options,
        since: Option<u64>,
        report: &mut Report,
    ) -> Result<(), IntakeError> {
        let import = report.import.clone();
        let mut since = since;
        let catalog = self.desk.catalog();
        let taking = Taking { options, catalog: &catalog, marker: None };
        work_through(rows, &taking, |step| {
            report.read(step);
            let done = report.rows_before + report.rows;
            let alike = self.look_for(std::mem::take(&mut step.lookalikes))?;
            let position = step.next.to_bytes();
            let next = BulkStep { import: &import, since, rows: done, position: &position };
            let added = self.desk.add_bulk((self.clock)(), self.credential, &next, &mut step.units)?;
            since = Some(done);
            report.batches += 1;
            report.new += added.new;
            report.known += added.known;
            report.bad += self.tell_bad(std::mem::take(&mut step.bad), &added.differing);
            for pair in &step.alike {
                (self.tell)(News::Alike { line: pair.line, other_line: pair.other_line });
            }
            for (line, serial) in &alike {
                (self.tell)(News::AlikeStored { line: *line, serial });
            }
            report.alike += (step.alike.len() + alike.len()) as u64;
            (self.tell)(News::Taken { rows: done, leaf: added.leaf });
            Ok(())
        })
    }

    /// Serials of the store that look like those of a batch.
    fn look_for(&mut self, lookalikes: Vec<(u64, String)>) -> Result<Vec<(u64, String)>, IntakeError> {
        if lookalikes.is_empty() {
            return Ok(Vec::new());
        }
        let (lines, serials): (Vec<u64>, Vec<String>) = lookalikes.into_iter().unzip();
        let known = self.desk.are_known(&serials)?;
        Ok(lines.into_iter().zip(serials).zip(known).filter_map(|(alike, known)| known.then_some(alike)).collect())
    }

    /// Tells the bad rows of a batch in the order of the table; answers how many they are.
    fn tell_bad(&mut self, mut bad: Vec<Bad>, differing: &[Differing]) -> u64 {
        bad.extend(differing.iter().map(Bad::from));
        bad.sort_by_key(|bad| bad.line);
        bad.iter().for_each(|bad| (self.tell)(News::Bad(bad)));
        bad.len() as u64
    }
}

/// Whether there is nothing behind a position.
fn is_at_its_end<'c>(
    position: Option<Position>,
    rows: impl FnOnce() -> Result<Rows<'c>, IntakeError>,
) -> Result<bool, IntakeError> {
    if position.is_none() {
        return Ok(false);
    }
    Ok(rows()?.next_chunk()?.is_none())
}
