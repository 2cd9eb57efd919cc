//! What was said, for people and for Wireshark.
//!
//! `uds.txt` has the requests and responses alone, so that the same conversation over two connections is the same file. `trace.txt`
//! has them with times. `trace.pcap` has what was on the wire: CAN frames (link type 227, `SocketCAN`), or DoIP in TCP packets made
//! up around it (link type 101), since a tester does not see its own packets.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use embedded_can::Id;
use headlock_wire::can::{CanFrame, raw_id};

use super::mask::masked;

/// Who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The tester.
    ToEcu,
    /// The ECU.
    FromEcu,
}

const LINK_CAN: u32 = 227;
const LINK_IP: u32 = 101;
/// Bytes of one packet that are written at most: what a length field of IP can tell.
const SEGMENT_BYTES: usize = 60_000;

/// The three files of one conversation.
#[derive(Debug)]
pub struct Trace {
    uds: BufWriter<File>,
    text: BufWriter<File>,
    pcap: BufWriter<File>,
    started: Instant,
    link: u32,
    /// Sequence numbers of the made-up connection: to the ECU, and from it.
    sequence: [u32; 2],
    failed: Option<io::Error>,
}

impl Trace {
    /// Of a conversation on CAN, in this folder.
    ///
    /// # Errors
    /// The folder or a file cannot be made.
    pub fn of_can(folder: &Path) -> io::Result<Self> {
        Self::new(folder, LINK_CAN)
    }

    /// Of a conversation over IP.
    ///
    /// # Errors
    /// The folder or a file cannot be made.
    pub fn of_ip(folder: &Path) -> io::Result<Self> {
        let mut trace = Self::new(folder, LINK_IP)?;
        trace.handshake();
        Ok(trace)
    }

    fn new(folder: &Path, link: u32) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let open = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
        let mut pcap = open("trace.pcap")?;
        let head: [u32; 6] = [0xA1B2_C3D4, 2 | 4 << 16, 0, 0, 262_144, link];
        for word in head {
            pcap.write_all(&word.to_le_bytes())?;
        }
        let (uds, text) = (open("uds.txt")?, open("trace.txt")?);
        Ok(Self { uds, text, pcap, started: Instant::now(), link, sequence: [1, 1], failed: None })
    }

    /// A request or a response, without its code or key.
    pub fn message(&mut self, direction: Direction, bytes: &[u8]) {
        let mark = if direction == Direction::ToEcu { '>' } else { '<' };
        let hex = headlock_wire::hex::digits(&masked(bytes));
        let at = self.started.elapsed();
        let uds = writeln!(self.uds, "{mark} {hex}");
        let text = writeln!(self.text, "{:>6}.{:03} {mark} {hex}", at.as_secs(), at.subsec_millis());
        self.note(uds.and(text));
    }

    /// A remark beside the conversation.
    pub fn remark(&mut self, what: &str) {
        let at = self.started.elapsed();
        let written = writeln!(self.text, "{:>6}.{:03} # {what}", at.as_secs(), at.subsec_millis());
        self.note(written);
    }

    /// A frame that was on the bus.
    pub fn frame(&mut self, frame: &CanFrame) {
        if self.link != LINK_CAN {
            return;
        }
        let extended = if matches!(frame.id(), Id::Extended(_)) { 1 << 31 } else { 0 };
        let mut packet = (raw_id(frame.id()) | extended).to_be_bytes().to_vec();
        packet.extend([u8::try_from(frame.data().len()).unwrap_or(8), 0, 0, 0]);
        packet.extend(frame.data());
        self.packet(&packet);
    }

    /// Bytes that were in the connection.
    pub fn bytes(&mut self, direction: Direction, bytes: &[u8]) {
        if self.link == LINK_IP {
            bytes.chunks(SEGMENT_BYTES).for_each(|part| self.segment(direction, 0x18, part));
        }
    }

    /// SYN, SYN and ACK, ACK.
    fn handshake(&mut self) {
        self.sequence = [0, 0];
        self.segment(Direction::ToEcu, 0x02, &[]);
        self.sequence[0] = 1;
        self.segment(Direction::FromEcu, 0x12, &[]);
        self.sequence[1] = 1;
        self.segment(Direction::ToEcu, 0x10, &[]);
    }

    /// A packet of IP and TCP, from 127.0.0.1:51000 to 127.0.0.1:13400 or back.
    fn segment(&mut self, direction: Direction, flags: u8, payload: &[u8]) {
        let (own, other) = if direction == Direction::ToEcu { (0, 1) } else { (1, 0) };
        let ports: [u16; 2] = if own == 0 { [51_000, 13_400] } else { [13_400, 51_000] };
        let acknowledged = if flags & 0x10 == 0 { 0 } else { self.sequence[other] };
        let mut tcp = Vec::with_capacity(20 + payload.len());
        ports.iter().for_each(|port| tcp.extend(port.to_be_bytes()));
        tcp.extend(self.sequence[own].to_be_bytes());
        tcp.extend(acknowledged.to_be_bytes());
        tcp.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        tcp.extend(payload);
        let length = u16::try_from(20 + tcp.len()).unwrap_or(u16::MAX);
        let localhost = [127, 0, 0, 1];
        let pseudo = [localhost, localhost].concat().into_iter().chain([0, 6]).chain((length - 20).to_be_bytes());
        let sum = checksum(pseudo.chain(tcp.iter().copied())).to_be_bytes();
        tcp[16..18].copy_from_slice(&sum);
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend([localhost, localhost].concat());
        let sum = checksum(packet.iter().copied()).to_be_bytes();
        packet[10..12].copy_from_slice(&sum);
        packet.extend(tcp);
        self.packet(&packet);
        self.sequence[own] = self.sequence[own].wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
    }

    fn packet(&mut self, packet: &[u8]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let seconds = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let written = [seconds, now.subsec_micros(), length, length]
            .iter()
            .try_for_each(|word| self.pcap.write_all(&word.to_le_bytes()))
            .and_then(|()| self.pcap.write_all(packet));
        self.note(written);
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(why) = written {
            self.failed.get_or_insert(why);
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first thing that could not be written.
    pub fn finish(&mut self) -> io::Result<()> {
        let flushed = self.uds.flush().and(self.text.flush()).and(self.pcap.flush());
        self.failed.take().map_or(flushed, Err)
    }
}

/// The checksum of RFC 1071.
fn checksum(bytes: impl Iterator<Item = u8>) -> u16 {
    let mut sum = 0_u32;
    for (index, byte) in bytes.enumerate() {
        sum += if index % 2 == 0 { u32::from(byte) << 8 } else { u32::from(byte) };
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}
