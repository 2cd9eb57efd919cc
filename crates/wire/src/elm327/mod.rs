//! The command language of the ELM327, the adapter that speaks it, and what a tester makes of its answers.
//!
//! [`Adapter`] is the chip: serial bytes and CAN frames in, both out. The tester's side is [`Answer`], which collects
//! what a command brought until the prompt, [`Resync`], which finds the prompt again after a time-out, and [`Probe`],
//! which tells what an adapter can be trusted with.
//!
//! Source: the command summary of the ELM327 v2.3 data sheet, recorded sessions of real adapters, and for the STN
//! commands the summary of the family's reference manual. Where those leave a choice, the item says what was chosen.

mod adapter;
mod answer;
mod can_settings;
mod exchange;
mod general;
mod link;
mod listen;
mod messages;
mod monitor;
mod obd;
mod parameters;
mod persona;
mod probe;
mod resync;
mod route;
mod segments;
mod settings;
mod st;

pub use adapter::{Adapter, Outbox};
pub use answer::{Answer, ElmError, LONGEST_ANSWER, Reply};
pub use messages::{Message, Shape};
pub use persona::Persona;
pub use probe::{Ability, Identity, Kind, Probe, Risks, Unfit};
pub use resync::{Resync, Synced};
