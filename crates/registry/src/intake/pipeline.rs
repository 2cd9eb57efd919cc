//! Reading, sealing and committing beside each other, a batch at each.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use super::Options;
use super::alike::{Alike as Found, Finder};
use super::bad::{Bad, BadWhy};
use super::failure::IntakeError;
use super::marks::{Mark, Marker};
use crate::desk::{BulkUnit, SealedUnits};
use crate::import::{Alike, Chunk, Field, Position, ReadError, Record, Row, Rows, TableCode};
use crate::record::{Region, Serial, UnitState, Vin};
use headlock_profile::Catalog;

/// What a batch of rows is made into.
pub(super) struct Taking<'a> {
    pub(super) options: &'a Options,
    pub(super) catalog: &'a Catalog,
    /// Marks rows, if they are remembered.
    pub(super) marker: Option<Marker>,
}

/// A batch that is ready for the desk.
pub(super) struct Step {
    pub(super) units: SealedUnits,
    /// Rows that are bad by themselves, in the order of the table.
    pub(super) bad: Vec<Bad>,
    pub(super) read: u64,
    pub(super) repeated: u64,
    pub(super) blank: u64,
    pub(super) vins_without_check_digit: u64,
    pub(super) alike: Vec<Alike>,
    /// Serials to be looked for in the store, and the lines whose serials look like them.
    pub(super) lookalikes: Vec<(u64, String)>,
    pub(super) not_asked: u64,
    pub(super) marks: Vec<Mark>,
    /// Where the next batch starts.
    pub(super) next: Position,
}

/// Reads rows on one thread, seals them on another, and gives each batch to `each` on this one; ends with the first error.
///
/// The memory of a batch comes back for a later one, so that threads do not free what others allocated.
pub(super) fn work_through(
    rows: Rows<'_>,
    taking: &Taking<'_>,
    mut each: impl FnMut(&mut Step) -> Result<(), IntakeError>,
) -> Result<(), IntakeError> {
    thread::scope(|scope| {
        // A batch at each thread and none between: that is what memory has to hold.
        let (read, chunks) = sync_channel(0);
        let (sealed, steps) = sync_channel(0);
        scope.spawn(move || read_all(rows, &read));
        let (spent, used) = channel();
        scope.spawn(move || seal_all(&chunks, taking, &sealed, &used));
        // Whoever cannot hand on a batch any more stops: an error here ends all three.
        steps.into_iter().try_for_each(|step| {
            let mut step = step?;
            each(&mut step)?;
            // After the last there is nobody to take it.
            let _ = spent.send(step.units);
            Ok(())
        })
    })
}

fn read_all<'c>(mut rows: Rows<'c>, out: &SyncSender<Result<Chunk<'c>, ReadError>>) {
    while let Some(chunk) = rows.next_chunk().transpose() {
        let last = chunk.is_err();
        if out.send(chunk).is_err() || last {
            return;
        }
    }
}

fn seal_all<'c>(
    chunks: &Receiver<Result<Chunk<'c>, ReadError>>,
    taking: &'c Taking<'c>,
    out: &SyncSender<Result<Step, IntakeError>>,
    used: &Receiver<SealedUnits>,
) {
    let mut finder = Finder::new(taking.catalog);
    for chunk in chunks {
        let room = used.try_recv().ok();
        let step = chunk.map_err(IntakeError::from).and_then(|chunk| step(chunk, room, taking, &mut finder));
        let last = step.is_err();
        if out.send(step).is_err() || last {
            return;
        }
    }
}

fn step<'c>(
    chunk: Chunk<'c>,
    room: Option<SealedUnits>,
    taking: &Taking<'_>,
    finder: &mut Finder<'c>,
) -> Result<Step, IntakeError> {
    let read = chunk.rows.len() + chunk.repeated + chunk.blank;
    let (mut bad, mut marks, mut lookalikes) = (Vec::new(), Vec::new(), Vec::new());
    let mut not_asked = 0;
    let mut regions = Regions { given: taking.options.region.clone(), last: None };
    let units = chunk.rows.into_iter().filter_map(|row| {
        let unit = match row {
            Row::Record(record) => unit(record, &mut regions),
            Row::Bad(row) => Err(row.into()),
        };
        let unit = unit.map_err(|row| bad.push(row)).ok()?;
        if let Some(marker) = &taking.marker {
            let code = unit.code.as_ref().map(TableCode::reveal);
            let content = (unit.unit, &unit.firmware, &unit.region, &unit.vin, &unit.companion, unit.state, code);
            marks.push(marker.mark(unit.line, unit.serial.as_str(), content));
        }
        if taking.options.check_lookalikes {
            match finder.of(unit.unit, unit.serial.as_str()) {
                Found::Serials(serials) => lookalikes.extend(serials.into_iter().map(|serial| (unit.line, serial))),
                Found::TooMany => not_asked += 1,
            }
        }
        Some(unit)
    });
    let mut units = match room {
        None => SealedUnits::seal(units)?,
        Some(mut room) => room.seal_anew(units).map(|()| room)?,
    };
    units.own_codes = taking.options.own_codes;
    Ok(Step {
        units,
        bad,
        read: read as u64,
        repeated: chunk.repeated as u64,
        blank: chunk.blank as u64,
        vins_without_check_digit: chunk.vins_without_check_digit as u64,
        alike: chunk.alike,
        lookalikes,
        not_asked,
        marks,
        next: chunk.next,
    })
}

/// Regions of rows: nearly always that of the row before.
struct Regions {
    given: Option<Region>,
    last: Option<(Box<str>, Region)>,
}

impl Regions {
    /// Capitals do not count: tables say EU where desks say eu.
    fn of(&mut self, line: u64, written: Option<Box<str>>) -> Result<Region, Bad> {
        let Some(written) = written else {
            return self.given.clone().ok_or_else(|| Bad::of(line, Field::Region, BadWhy::NoRegion));
        };
        if let Some((_, region)) = self.last.as_ref().filter(|(last, _)| *last == written) {
            return Ok(region.clone());
        }
        let region = Region::new(&written.to_ascii_lowercase());
        let region = region.map_err(|why| Bad::of(line, Field::Region, BadWhy::Name(why)))?;
        self.last = Some((written, region.clone()));
        Ok(region)
    }
}

fn unit<'c>(record: Record<'c>, regions: &mut Regions) -> Result<BulkUnit<'c>, Bad> {
    let Record { line, unit, serial, code, firmware, region, vin, companion, state, .. } = record;
    let named = |field: Field| move |why| Bad::of(line, field, BadWhy::Name(why));
    Ok(BulkUnit {
        line,
        serial: Serial::new(&serial).map_err(named(Field::Serial))?,
        unit,
        firmware: firmware.map(String::from).unwrap_or_default(),
        region: regions.of(line, region)?,
        state: state.unwrap_or(UnitState::InService),
        vin: vin.map(|vin| Vin::new(vin.as_str())).transpose().map_err(named(Field::Vin))?,
        companion,
        code,
    })
}
