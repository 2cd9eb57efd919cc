//! What a trace does not show: codes, and keys of SecurityAccess. In their place stand as many asterisks (2A).

use std::borrow::Cow;
use std::collections::VecDeque;

use headlock_twin::ecu::RoutineId;
use headlock_wire::isotp::{Flow, FlowControl, Framing, Payload, Pci, Sender, Sent};

const ASTERISK: u8 = b'*';

/// Where the secret part of a request begins.
fn secret_from(request: &[u8]) -> Option<usize> {
    let [high, low] = RoutineId::EnterCode.number().to_be_bytes();
    match request {
        [0x31, _, a, b, _, ..] if (*a, *b) == (high, low) => Some(4),
        [0x27, sub_function, _, ..] if sub_function & 0x7F != 0 && sub_function % 2 == 0 => Some(2),
        _ => None,
    }
}

/// The request as a trace shows it.
pub(super) fn masked(request: &[u8]) -> Cow<'_, [u8]> {
    let Some(from) = secret_from(request) else { return Cow::Borrowed(request) };
    let mut shown = request.to_vec();
    shown[from..].fill(ASTERISK);
    Cow::Owned(shown)
}

/// The frames of a request as a trace shows them, in their order; none where there is nothing to hide.
pub(super) fn masked_frames(request: &[u8]) -> VecDeque<Payload> {
    let Cow::Owned(shown) = masked(request) else { return VecDeque::new() };
    let mut sender = Sender::new(Framing::NORMAL);
    let mut frames: VecDeque<Payload> = sender.start(0, shown).ok().into_iter().collect();
    let all_at_once = FlowControl { flow: Flow::ContinueToSend, block_size: 0, st_min_us: 0 };
    let _ = sender.frame(0, Pci::FlowControl(all_at_once).encode(Framing::NORMAL).bytes());
    while let Ok(Sent::Frame(payload) | Sent::Last(payload)) = sender.poll(0) {
        frames.push_back(payload);
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::{masked, masked_frames};

    #[test]
    fn codes_and_keys_are_hidden_and_nothing_else_is() {
        let code = [0x31, 0x01, 0xFD, 0x10, b'1', b'2', b'3', b'4'];
        assert_eq!(&*masked(&code), b"\x31\x01\xFD\x10****");
        assert_eq!(&*masked(&[0x27, 0x82, 7, 8, 9]), b"\x27\x82***");
        for open in [&[0x27, 0x01][..], &[0x27, 0x01, 7], &[0x31, 0x01, 0xFD, 0x11, 5], &[0x22, 0xF1, 0x90], &[]] {
            assert_eq!(&*masked(open), open);
            assert!(masked_frames(open).is_empty());
        }
    }

    #[test]
    fn the_frames_of_a_hidden_request_are_as_many_and_as_long() {
        let key: Vec<u8> = [0x27, 0x02].into_iter().chain(1..=16).collect();
        let frames: Vec<Vec<u8>> = masked_frames(&key).iter().map(|frame| frame.bytes().to_vec()).collect();
        assert_eq!(frames, [b"\x10\x12\x27\x02****".to_vec(), b"\x21*******".to_vec(), b"\x22*****\0\0".to_vec()]);
        assert_eq!(masked_frames(&[0x27, 0x02, 5]).len(), 1);
    }
}
