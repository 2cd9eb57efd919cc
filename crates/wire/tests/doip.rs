//! DoIP against the standard's bytes, and against other crates.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod part;

use headlock_wire::NoRoom;
use headlock_wire::doip::{
    Activation, ActivationRefusal, Address, Announcement, DiagnosticNack, HEADER_BYTES, Header, HeaderError, Message,
    Nack, PayloadError, PayloadType, PowerMode,
};
use part::{CASES, check, hex};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const TESTER: Address = Address(0x0E00);
const ECU: Address = Address(0x1001);

fn read(bytes: &[u8]) -> Result<Message<'_>, PayloadError> {
    let (header, payload) = bytes.split_first_chunk::<HEADER_BYTES>().unwrap();
    let header = Header::decode(*header).unwrap();
    assert_eq!(header.length as usize, payload.len(), "{bytes:02X?}");
    Message::decode(header.payload_type, payload)
}

fn both(bytes: &str, expected: Message<'_>) {
    let bytes = hex(bytes);
    assert_eq!(read(&bytes), Ok(expected));
    let mut room = [0xA5; 64];
    assert_eq!(expected.encode(bytes[0], &mut room), Ok(bytes.len()), "{expected:?}");
    assert_eq!(room[..bytes.len()], bytes, "{expected:?}");
    for short in 0..bytes.len() {
        assert_eq!(expected.encode(bytes[0], &mut room[..short]), Err(NoRoom), "{expected:?}");
    }
}

#[test]
fn messages_are_the_bytes_of_the_standard() {
    use Message as M;
    both("02 FD 0000 00000001 00", M::HeaderNack(Nack::IncorrectPattern));
    both("02 FD 0000 00000001 04", M::HeaderNack(Nack::InvalidPayloadLength));
    both("FF 00 0001 00000000", M::IdentificationRequest);
    both("02 FD 0001 00000000", M::IdentificationRequest);
    both("02 FD 0002 00000006 001A37BFEE74", M::IdentificationRequestEid([0x00, 0x1A, 0x37, 0xBF, 0xEE, 0x74]));
    let vin = *b"WVWZZZ1KZAW000001";
    both("03 FC 0003 00000011 5756575A5A5A314B5A4157303030303031", M::IdentificationRequestVin(vin));
    both(
        "02 FD 0005 00000007 0E00 00 00000000",
        M::RoutingActivationRequest { source: TESTER, activation: 0, oem: None },
    );
    both(
        "02 FD 0005 0000000B 0E00 E0 00000000 01020304",
        M::RoutingActivationRequest { source: TESTER, activation: 0xE0, oem: Some([1, 2, 3, 4]) },
    );
    let result = Activation::Routed;
    both(
        "02 FD 0006 00000009 0E00 1001 10 00000000",
        M::RoutingActivationResponse { tester: TESTER, entity: ECU, result, oem: None },
    );
    let result = Activation::Refused(ActivationRefusal::MissingAuthentication);
    both(
        "02 FD 0006 0000000D 0E00 1001 04 00000000 FFFFFFFF",
        M::RoutingActivationResponse { tester: TESTER, entity: ECU, result, oem: Some([0xFF; 4]) },
    );
    both("02 FD 0007 00000000", M::AliveCheckRequest);
    both("02 FD 0008 00000002 0E00", M::AliveCheckResponse { source: TESTER });
    both("02 FD 4001 00000000", M::EntityStatusRequest);
    let status = |message_bytes_max| M::EntityStatusResponse {
        node_type: 1,
        sockets_max: 16,
        sockets_open: 1,
        message_bytes_max,
    };
    both("02 FD 4002 00000003 01 10 01", status(None));
    both("02 FD 4002 00000007 01 10 01 00000FFF", status(Some(4_095)));
    both("02 FD 4003 00000000", M::PowerModeRequest);
    both("02 FD 4004 00000001 00", M::PowerModeResponse(PowerMode::NotReady));
    both("02 FD 4004 00000001 01", M::PowerModeResponse(PowerMode::Ready));
    both("02 FD 4004 00000001 02", M::PowerModeResponse(PowerMode::NotSupported));
    let data = &[0x22, 0xF1, 0x90];
    both("02 FD 8001 00000007 0E00 1001 22F190", M::Diagnostic { source: TESTER, target: ECU, data });
    both("02 FD 8002 00000005 1001 0E00 00", M::DiagnosticAck { source: ECU, target: TESTER, previous: &[] });
    both("02 FD 8002 00000008 1001 0E00 00 22F190", M::DiagnosticAck { source: ECU, target: TESTER, previous: data });
    let reason = DiagnosticNack::UnknownTarget;
    both("02 FD 8003 00000005 1001 0E00 03", M::DiagnosticNack { source: ECU, target: TESTER, reason, previous: &[] });
}

#[test]
fn an_announcement_has_32_bytes_or_33() {
    let announcement = |sync_status| {
        Message::Announcement(Announcement {
            vin: *b"WVWZZZ1KZAW000001",
            address: ECU,
            eid: [1, 2, 3, 4, 5, 6],
            gid: [7, 8, 9, 10, 11, 12],
            further_action: 0x10,
            sync_status,
        })
    };
    let body = "5756575A5A5A314B5A4157303030303031 1001 010203040506 0708090A0B0C 10";
    both(&format!("02 FD 0004 00000020 {body}"), announcement(None));
    both(&format!("02 FD 0004 00000021 {body} 00"), announcement(Some(0)));
    both(&format!("03 FC 0004 00000021 {body} 10"), announcement(Some(0x10)));
}

/// ISO 13400-2:2019: the lengths that each type may have; none is "from so many upwards".
const LENGTHS: [(u16, &[usize], Option<usize>); 16] = [
    (0x0000, &[1], None),
    (0x0001, &[0], None),
    (0x0002, &[6], None),
    (0x0003, &[17], None),
    (0x0004, &[32, 33], None),
    (0x0005, &[7, 11], None),
    (0x0006, &[9, 13], None),
    (0x0007, &[0], None),
    (0x0008, &[2], None),
    (0x4001, &[0], None),
    (0x4002, &[3, 7], None),
    (0x4003, &[0], None),
    (0x4004, &[1], None),
    (0x8001, &[], Some(5)),
    (0x8002, &[], Some(5)),
    (0x8003, &[], Some(5)),
];

#[test]
fn every_type_takes_the_lengths_of_the_standard_and_no_other() {
    for number in 0..=u16::MAX {
        let kind = PayloadType::of(number);
        assert_eq!(kind.number(), number);
        let known = LENGTHS.iter().find(|(known, ..)| *known == number);
        let theirs = simple_doip::messages::PayloadType::from(number);
        for length in 0..=40 {
            let payload = vec![0; length];
            let expected = match known {
                None => Some(PayloadError::UnknownType(number)),
                Some((_, exact, least)) => {
                    let is_one = exact.contains(&length) || least.is_some_and(|least| length >= least);
                    assert_eq!(theirs.allows_payload_length(u32::try_from(length).unwrap()), is_one);
                    (!is_one).then_some(PayloadError::Length)
                }
            };
            assert_eq!(Message::decode(kind, &payload).err(), expected, "{number:04X} {length}");
            if known.is_none() {
                break;
            }
        }
    }
    assert_eq!(PayloadError::Length.nack(), Nack::InvalidPayloadLength);
    assert_eq!(PayloadError::UnknownType(0x9999).nack(), Nack::UnknownPayloadType);
}

#[test]
fn a_header_has_a_known_version_and_its_complement() {
    for version in 0..=255_u8 {
        for inverse in 0..=255_u8 {
            for number in [0x0001_u16, 0x0002, 0x0003, 0x0005, 0x8001] {
                let [high, low] = number.to_be_bytes();
                let read = Header::decode([version, inverse, high, low, 0, 1, 2, 3]);
                // ISO 13400-2, table 16: FF is the version of an identification request, whose sender knows none yet.
                let is_known = (1..=4).contains(&version) || version == 0xFF && number < 4;
                let expected = Header { version, payload_type: PayloadType::of(number), length: 0x0001_0203 };
                let expected = if is_known && inverse == !version { Ok(expected) } else { Err(HeaderError) };
                assert_eq!(read, expected, "{version:02X} {inverse:02X} {number:04X}");
            }
        }
    }
}

#[test]
fn only_a_wrong_pattern_and_a_wrong_length_close_the_socket() {
    for byte in 0..=255 {
        assert_eq!(Nack::of(byte).byte(), byte);
        assert_eq!(Nack::of(byte).closes(), byte == 0 || byte == 4, "{byte:02X}");
        assert_eq!(Activation::of(byte).byte(), byte);
        assert_eq!(DiagnosticNack::of(byte).byte(), byte);
    }
    for address in 0..=u16::MAX {
        let theirs =
            simple_doip::LogicalAddress::MIN_CLIENT_ADDRESS.0..=simple_doip::LogicalAddress::MAX_CLIENT_ADDRESS.0;
        assert_eq!(Address(address).is_tester(), theirs.contains(&address), "{address:04X}");
    }
}

#[test]
fn reserved_bytes_are_not_looked_at() {
    let bytes = hex("02 FD 0005 00000007 0E00 00 DEADBEEF");
    assert_eq!(read(&bytes), Ok(Message::RoutingActivationRequest { source: TESTER, activation: 0, oem: None }));
    let bytes = hex("02 FD 8002 00000005 1001 0E00 01");
    assert_eq!(read(&bytes), Ok(Message::DiagnosticAck { source: ECU, target: TESTER, previous: &[] }));
}

fn payload() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let number = prop_oneof![30 => select(LENGTHS.map(|(number, ..)| number).to_vec()), 1 => any::<u16>()];
    number.prop_flat_map(|number| {
        let known = LENGTHS.iter().find(|(known, ..)| *known == number);
        let right = match known {
            Some((_, exact, None)) => select(exact.to_vec()).boxed(),
            _ => (5..40_usize).boxed(),
        };
        let length = prop_oneof![4 => right, 1 => 0..40_usize];
        (Just(number), length.prop_flat_map(|length| vec(any::<u8>(), length)))
    })
}

/// Without the bytes that are reserved, and so written as zeros.
fn plain(number: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = payload.to_vec();
    match number {
        0x0005 => bytes[3..7].fill(0),
        0x0006 => bytes[5..9].fill(0),
        0x4004 => bytes[0] = bytes[0].min(2),
        0x8002 => bytes[4] = 0,
        _ => {}
    }
    bytes
}

#[test]
fn a_message_that_is_read_is_written_as_the_same_bytes() {
    check(CASES, payload(), |(number, bytes)| {
        let kind = PayloadType::of(number);
        let Ok(message) = Message::decode(kind, &bytes) else { return Ok(()) };
        prop_assert_eq!(message.payload_type(), kind);
        let mut room = [0; 64];
        let written = message.encode(2, &mut room).unwrap();
        prop_assert_eq!(written, HEADER_BYTES + bytes.len());
        prop_assert_eq!(&room[..2], &[2, 0xFD]);
        prop_assert_eq!(&room[HEADER_BYTES..written], &plain(number, &bytes)[..]);
        prop_assert_eq!(read(&room[..written]), Ok(message));
        Ok(())
    });
}

#[test]
fn no_bytes_make_it_panic() {
    check(CASES, (any::<[u8; HEADER_BYTES]>(), vec(any::<u8>(), 0..64)), |(header, payload)| {
        let kind = Header::decode(header).map_or(PayloadType::Diagnostic, |header| header.payload_type);
        let _ = format!("{:?}", Message::decode(kind, &payload));
        Ok(())
    });
}

#[test]
fn simple_doip_reads_and_writes_the_same_messages() {
    use simple_doip::messages::{Message as Theirs, Payload, PayloadType as TheirType, ProtocolVersion};
    use simple_doip::wire::Encode;
    check(CASES, payload(), |(number, bytes)| {
        let ours = Message::decode(PayloadType::of(number), &bytes);
        let theirs = Payload::decode(&bytes, TheirType::from(number));
        let (message, payload) = match (ours, theirs) {
            (Ok(message), Ok(payload)) => (message, payload),
            (Err(_), Err(_)) => return Ok(()),
            // It refuses what is no VIN, no acknowledge or no known status there: judged by who reads it, here.
            (Ok(_), Err(_)) if [0x0003, 0x0004, 0x8002].contains(&number) => return Ok(()),
            (ours, theirs) => {
                prop_assert!(false, "{number:04X} {bytes:02X?} {ours:?} {theirs:?}");
                return Ok(());
            }
        };
        let mut room = [[0; 64]; 2];
        let written = message.encode(2, &mut room[0]).unwrap();
        let theirs = Theirs { protocol_version: ProtocolVersion::V2012, payload };
        let theirs = theirs.encode_to_slice(&mut room[1]).unwrap();
        // It keeps what is reserved; ours writes zeros (ISO 13400-2: "reserved, shall be set to 0").
        let kept = plain(number, &room[1][HEADER_BYTES..theirs]);
        prop_assert_eq!(&room[0][..HEADER_BYTES], &room[1][..HEADER_BYTES]);
        prop_assert_eq!(&room[0][HEADER_BYTES..written], &kept[..]);
        Ok(())
    });
}

#[test]
fn headers_are_those_of_simple_doip() {
    use simple_doip::messages::Header as Theirs;
    use simple_doip::wire::Decode;
    check(CASES, (0..=5_u8, any::<u8>(), any::<[u8; 6]>()), |(version, other, rest)| {
        let inverse = if other % 4 == 0 { other } else { !version };
        let mut bytes = [version, inverse, 0, 0, 0, 0, 0, 0];
        bytes[2..].copy_from_slice(&rest);
        match (Header::decode(bytes), Theirs::decode(&bytes)) {
            (Ok(ours), Ok((theirs, _))) => {
                prop_assert_eq!(ours.version, u8::from(theirs.protocol_version()));
                prop_assert_eq!(ours.payload_type.number(), u16::from(theirs.payload_type()));
                prop_assert_eq!(ours.length, theirs.payload_length());
                prop_assert_eq!(ours.encode(), bytes);
            }
            (Err(HeaderError), Err(_)) => {}
            // It hands versions that nobody knows to its caller; ISO 13400-2, 9.2 refuses them as a wrong pattern.
            (Err(HeaderError), Ok(_)) => prop_assert!(!(1..=4).contains(&version)),
            (ours, theirs) => prop_assert!(false, "{bytes:02X?} {ours:?} {theirs:?}"),
        }
        Ok(())
    });
}

#[test]
fn numbers_are_those_of_automotive_diag() {
    use automotive_diag::doip::{
        ActivationCode, DiagnosticNackCode, NackCode, PayloadType as TheirType, PowerMode as TheirMode, ProtocolVersion,
    };
    for number in 0..=u16::MAX {
        let is_ours = !matches!(PayloadType::of(number), PayloadType::Unknown(_));
        assert_eq!(is_ours, TheirType::try_from(number).is_ok(), "{number:04X}");
    }
    for byte in 0..=255_u8 {
        assert_eq!(!matches!(Nack::of(byte), Nack::Other(_)), NackCode::try_from(byte).is_ok());
        assert_eq!(
            !matches!(Activation::of(byte), Activation::Refused(ActivationRefusal::Other(_))),
            ActivationCode::try_from(byte).is_ok()
        );
        assert_eq!(
            !matches!(DiagnosticNack::of(byte), DiagnosticNack::Other(_)),
            DiagnosticNackCode::try_from(byte).is_ok()
        );
        let header = Header::decode([byte, !byte, 0x80, 1, 0, 0, 0, 5]);
        assert_eq!(header.is_ok(), ProtocolVersion::try_from(byte).is_ok(), "{byte:02X}");
        let mode = Message::decode(PayloadType::PowerModeResponse, std::slice::from_ref(&byte)).unwrap();
        if let Ok(theirs) = TheirMode::try_from(byte) {
            assert_eq!(format!("{mode:?}"), format!("PowerModeResponse({theirs:?})"));
        }
    }
}
