//! Identifiers: what requests are sent to, which answers count, and where flow control goes.

use embedded_can::{ExtendedId, Id, StandardId};

use crate::can::{CanFrame, raw_id};

use super::link;
use super::settings::{FlowMode, Pattern, Settings};

/// Functional requests of ISO 15765-4.
const FUNCTIONAL_11: u16 = 0x7DF;
const FUNCTIONAL_29: u32 = 0xDB_33_F1;
/// The priority byte of 29-bit identifiers.
const PRIORITY: u8 = 0x18;

/// The identifier of a header of three bytes, on a protocol.
pub(super) fn id(settings: &Settings, protocol: u8, header: Option<u32>) -> Id {
    if link::is_extended(protocol) {
        let header = header.unwrap_or(FUNCTIONAL_29 & 0xFF_FF_00 | u32::from(settings.tester));
        let priority = u32::from(settings.priority.unwrap_or(PRIORITY) & 0x1F);
        extended(priority << 24 | header & 0xFF_FF_FF)
    } else {
        let low = header.and_then(|header| u16::try_from(header & 0x7FF).ok()).unwrap_or(FUNCTIONAL_11);
        standard(low)
    }
}

/// An identifier of 11 bits; higher bits are ignored.
pub(super) fn standard(raw: u16) -> Id {
    Id::Standard(StandardId::new(raw & 0x7FF).unwrap_or(StandardId::ZERO))
}

/// An identifier of 29 bits; higher bits are ignored.
pub(super) fn extended(raw: u32) -> Id {
    Id::Extended(ExtendedId::new(raw & 0x1FFF_FFFF).unwrap_or(ExtendedId::ZERO))
}

/// What three or eight digits name.
pub(super) fn named(text: &str) -> Option<Id> {
    let raw = crate::hex::number(text)?;
    match text.len() {
        3 => Some(standard(u16::try_from(raw).ok()?)),
        8 => Some(extended(raw)),
        _ => None,
    }
}

/// Whether a frame of this identifier answers requests.
pub(super) fn accepts(settings: &Settings, protocol: u8, id: Id) -> bool {
    if matches!(id, Id::Extended(_)) != link::is_extended(protocol) {
        return false;
    }
    chosen(settings, id).unwrap_or_else(|| usual(settings, protocol).matches(raw_id(id)))
}

/// Whether the filters that were set by command let it pass; none if there are none.
pub(super) fn chosen(settings: &Settings, id: Id) -> Option<bool> {
    let raw = raw_id(id);
    if !settings.passes.is_empty() {
        return Some(settings.passes.iter().any(|pattern| pattern.matches(raw)));
    }
    if let Some(pattern) = settings.receive {
        return Some(pattern.matches(raw));
    }
    match (settings.filter, settings.mask) {
        (None, None) => None,
        (filter, mask) => Some(Pattern { value: filter.unwrap_or(0), mask: mask.unwrap_or(0x1FFF_FFFF) }.matches(raw)),
    }
}

fn usual(settings: &Settings, protocol: u8) -> Pattern {
    let to = settings.receiver;
    if link::is_extended(protocol) {
        let to = u32::from(to.unwrap_or(settings.tester));
        Pattern { value: 0x18DA_0000 | to << 8, mask: 0x1FFF_FF00 }
    } else {
        to.map_or(Pattern { value: 0x7E8, mask: 0x7F8 }, |to| Pattern { value: 0x700 | u32::from(to), mask: 0x7FF })
    }
}

/// Where the flow control for a frame from `from` goes, as far as the chip can know: as a pair says, eight below for the
/// eight OBD identifiers, back to the source for 18DAxxyy, else to where the request went.
pub(super) fn back_to(settings: &Settings, from: Id, request: Id) -> Id {
    if let Some((to, _)) = settings.pairs.iter().find(|(_, ecu)| *ecu == from) {
        return *to;
    }
    match from {
        Id::Standard(id) if (0x7E8..=0x7EF).contains(&id.as_raw()) => standard(id.as_raw() - 8),
        Id::Extended(id) if id.as_raw() >> 16 & 0xFF == 0xDA => {
            let raw = id.as_raw();
            extended(raw & 0x1FFF_0000 | (raw & 0xFF) << 8 | raw >> 8 & 0xFF)
        }
        _ => request,
    }
}

/// The flow control that answers a first frame.
pub(super) fn flow_control(settings: &Settings, from: Id, request: Id) -> Option<CanFrame> {
    let given = settings.flow_data.as_ref().and_then(|(length, data)| data.get(..usize::from(*length)));
    let (id, data) = match settings.flow_mode {
        FlowMode::Automatic => (back_to(settings, from, request), &[0x30, 0, 0][..]),
        FlowMode::Given => (settings.flow_id?, given?),
        FlowMode::GivenData => (back_to(settings, from, request), given?),
    };
    // Data that the user gave carries its own address.
    let address = settings.extended.filter(|_| settings.flow_mode == FlowMode::Automatic);
    frame(settings, id, address, data)
}

/// A frame with an address before the data, filled up to eight bytes unless lengths may vary.
pub(super) fn frame(settings: &Settings, id: Id, address: Option<u8>, data: &[u8]) -> Option<CanFrame> {
    let mut bytes = [settings.filler; 8];
    let start = usize::from(address.is_some());
    if let Some(address) = address {
        bytes[0] = address;
    }
    let end = start.checked_add(data.len())?;
    bytes.get_mut(start..end)?.copy_from_slice(data);
    CanFrame::new(id, if settings.variable_dlc { bytes.get(..end)? } else { &bytes })
}
