//! `headlock registry import`: a production table becomes sealed records, on the registry's own machine.

use std::path::PathBuf;

use headlock_registry::desk::Credential;
use headlock_registry::import::{Field, Format, Mapping, OpenError};
use headlock_registry::intake::{BadWhy, Choice, Intake, IntakeError, News, Options, Report};
use headlock_registry::record::Region;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::place::{Place, Unsealing, broken, desk, now_ms};
use crate::failure::Failure;
use crate::paint;
use crate::store::Texts;

/// Takes in a production table, CSV or Parquet: each row is checked, its code sealed, each batch a leaf of the log.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Columns: serial, code, unit, firmware, region, companion, vin, state, part_number, produced. A unit with a scheme (headlock registry scheme) needs no code. The table of an opened export is taken as it is. The same table again goes on where a kill left it, or changes nothing.\nThe service of this registry must not run meanwhile.\n\nExamples:\n  headlock registry import line-7.csv --config desk --unit nissan/clarion-cl --region eu\n  headlock registry import line-7.parquet --config desk --column 'Radio No'=serial --all-or-nothing\n  headlock registry import before-the-scheme.csv --config desk --unit wicket/scan --region eu --own-codes"
)]
pub struct Args {
    /// The table.
    table: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    unsealing: Unsealing,
    /// The catalogue's id of all its units, where no column says.
    #[arg(long)]
    unit: Option<String>,
    /// Where units of rows without a region are sold.
    #[arg(long)]
    region: Option<String>,
    /// What a column holds, where its name does not say; may be repeated.
    #[arg(long, value_name = "NAME=FIELD", value_parser = column)]
    column: Vec<(String, Field)>,
    /// Passes over columns that nobody knows.
    #[arg(long)]
    ignore_unknown: bool,
    /// What stands between the fields of a CSV file, where its header does not show it.
    #[arg(long)]
    delimiter: Option<char>,
    /// Takes nothing if any row is bad: the whole table is read first.
    #[arg(long)]
    all_or_nothing: bool,
    /// Keeps codes that are not those of their unit's scheme, as the units' own; such rows are bad otherwise.
    #[arg(long)]
    own_codes: bool,
    /// Asks the store for serials that look like the new ones.
    #[arg(long)]
    check_lookalikes: bool,
    /// Reads from the start, whatever was read before.
    #[arg(long)]
    again: bool,
}

fn column(text: &str) -> Result<(String, Field), String> {
    let wrong = || {
        let fields: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
        format!("like 'Radio No'=serial; fields are {}", fields.join(", "))
    };
    let (name, field) = text.rsplit_once('=').ok_or_else(wrong)?;
    Ok((name.to_owned(), Field::of_name(field).ok_or_else(wrong)?))
}

/// Imports. The answer is no, exit code 1, if any row was bad.
///
/// # Errors
/// The table or the registry cannot be opened, or the disk is full: what was told to be taken stays.
pub(super) fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let mut options = Options {
        check_lookalikes: args.check_lookalikes,
        own_codes: args.own_codes,
        again: args.again,
        choice: if args.all_or_nothing { Choice::AllOrNothing } else { Choice::KeepGood },
        ..Options::default()
    };
    options.table.unit.clone_from(&args.unit);
    options.table.ignore_unknown = args.ignore_unknown;
    options.table.mapping =
        args.column.iter().fold(Mapping::new(), |mapping, (name, field)| mapping.with(name, *field));
    if let Some(delimiter) = args.delimiter {
        let delimiter = u8::try_from(delimiter)
            .map_err(|_| Failure::input(format!("{delimiter:?} is no delimiter"), "one ASCII character, like ;"))?;
        options.format = Some(Format::Csv { delimiter: Some(delimiter) });
    }
    let region = args.region.as_deref().map(Region::new).transpose();
    options.region = region.map_err(|why| Failure::input(format!("--region: {why}"), "like eu"))?;

    let mut desk = desk(&args.place.config()?, texts, &args.unsealing)?;
    let bar = if json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let style = ProgressStyle::with_template("{spinner} {msg} {pos} rows, {per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let mut tell = |news: News<'_>| told(&news, &bar, json);
    let intake = Intake { desk: &mut desk, credential: Credential::Console, clock: &mut now_ms, tell: &mut tell };
    let report = intake.run(&args.table, &options).map_err(|why| stopped(args, &why));
    bar.finish_and_clear();
    desk.sync().map_err(|why| broken(&why))?;
    let report = report?;
    print(&report, json);
    if report.bad > 0 { Err(Failure::No) } else { Ok(()) }
}

fn told(news: &News<'_>, bar: &ProgressBar, json: bool) {
    let line = |text: String| {
        bar.suspend(|| if json { paint::say!("{}", json!({ "note": text })) } else { paint::say!("{text}") });
    };
    match news {
        News::Digesting(_) => bar.set_message("reading the file once:"),
        News::GoesOn { rows } => line(format!("goes on behind {rows} rows that were taken before")),
        News::Checked { rows } => {
            bar.set_message("checked");
            bar.set_position(*rows);
        }
        News::Taken { rows, .. } => {
            bar.set_message("taken");
            bar.set_position(*rows);
        }
        News::Bad(bad) if matches!(bad.why, BadWhy::NotByScheme) => line(format!("{bad} (--own-codes)")),
        News::Bad(bad) => line(bad.to_string()),
        News::Alike { line: first, other_line } => {
            line(format!(
                "line {first} and line {other_line}: serials that differ by look-alikes alone (O and 0, I and 1, B and 8); are both right?"
            ));
        }
        News::AlikeStored { line: first, serial } => {
            line(format!(
                "line {first}: its serial differs from {serial}, which is there, by look-alikes alone; are both right?"
            ));
        }
    }
}

fn stopped(args: &Args, why: &IntakeError) -> Failure {
    let what = format!("{}: {why}", args.table.display());
    match why {
        IntakeError::Bulk(_) => broken(&what),
        IntakeError::Refused { .. } => Failure::input(what, "each bad row was told with its line"),
        IntakeError::Open(OpenError::MissingColumn { field: Field::Code, .. }) => {
            let advice = "a column of codes, or headlock registry scheme first: units with a scheme need none; --column says what a column holds";
            Failure::input(what, advice)
        }
        _ => Failure::input(what, "docs/registry.md describes the table; --column says what a column holds"),
    }
}

fn print(report: &Report, json: bool) {
    if json {
        paint::say!(
            "{:#}",
            json!({ "import": report.import, "rows": report.rows, "rows_before": report.rows_before, "already_imported": report.already_imported,
                "new": report.new, "known": report.known, "bad": report.bad, "repeated": report.repeated, "alike": report.alike,
                "batches": report.batches, "seconds": report.seconds })
        );
        return;
    }
    if report.already_imported {
        paint::say!("this table was taken in before; nothing changed");
        return;
    }
    paint::say!(
        "{} rows: {} new units, {} known, {} bad, {} said twice; {} batches in {:.1} s",
        report.rows,
        report.new,
        report.known,
        report.bad,
        report.repeated,
        report.batches,
        report.seconds
    );
}
