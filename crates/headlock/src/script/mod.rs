//! Scripts: transcripts of virtual units, as `docs/scripts.md` describes them.

mod event;
mod expect;
mod hidden;
mod press;
mod run;
mod text;

pub use event::Event;
pub(crate) use event::duration;
pub use expect::{Expectation, Seen, loss_word, span};
pub use hidden::Hidden;
pub(crate) use press::rows;
pub use run::{Mismatch, Outcome, Running, Start, run};
pub use text::{Row, Step, UnitRow, Wrong, parse, parse_events};
