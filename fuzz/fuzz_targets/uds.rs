//! Any bytes: what is read as a request or a response is written as the same bytes, or as others that mean the same.
#![no_main]

use headlock_wire::uds::{Request, Response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut room = vec![0; bytes.len() + 8];
    if let Ok((request, suppress)) = Request::decode(bytes) {
        let written = request.encode(suppress, &mut room).expect("room for what was there");
        assert_eq!(&room[..written], bytes);
        assert!(request.encode(suppress, &mut room[..written - 1]).is_err());
    }
    if let Ok(response) = Response::decode(bytes) {
        let written = response.encode(&mut room).expect("room for what was there");
        assert_eq!(Response::decode(&room[..written]), Ok(response));
        // Only the width of a block length is not kept.
        assert!(bytes[0] == 0x74 || room[..written] == *bytes);
    }
});
