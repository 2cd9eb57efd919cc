//! Any bytes: what is read as a message is written as one that means the same, with the header that it had.
#![no_main]

use headlock_wire::doip::{HEADER_BYTES, Header, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return };
    let Ok(read) = Header::decode(*header) else { return };
    assert_eq!(read.encode(), *header);
    // The length is taken from what is there: the fuzzer need not guess it.
    let Ok(message) = Message::decode(read.payload_type, payload) else { return };
    assert_eq!(message.payload_type(), read.payload_type);
    let mut room = vec![0; bytes.len()];
    assert_eq!(message.encode(read.version, &mut room), Ok(bytes.len()));
    assert_eq!(room[..4], header[..4]);
    assert_eq!(Message::decode(read.payload_type, &room[HEADER_BYTES..]), Ok(message));
    assert!(message.encode(read.version, &mut room[..bytes.len() - 1]).is_err());
});
