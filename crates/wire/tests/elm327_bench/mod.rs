//! A bench: an adapter, a small ECU on its bus, and a clock.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use headlock_wire::can::{CanFrame, extended, raw_id, standard};
use headlock_wire::elm327::{Adapter, Outbox, Persona};

/// How long the ECU takes for a frame.
const ECU_US: u64 = 5_000;
pub const VIN: &[u8] = b"VWVWZZZ1KZ7W00042";

/// An ECU at 7E0 / 7E8, or 18DA10F1 / 18DAF110, that also answers functional requests.
#[derive(Default)]
pub struct Ecu {
    pub extended: bool,
    pub silent: bool,
    /// Answers as a second ECU, 7E9, too.
    pub twin: bool,
    /// Answers nothing of OBD.
    pub uds_only: bool,
    long: Vec<u8>,
    expects: usize,
    outgoing: Vec<CanFrame>,
    /// Every message it understood.
    pub heard: Vec<Vec<u8>>,
    pub flow_controls: Vec<CanFrame>,
}

impl Ecu {
    fn frame(&self, data: &[u8]) -> CanFrame {
        let id = if self.extended { extended(0x18DA_F110) } else { standard(0x7E8) };
        let mut bytes = [0; 8];
        bytes[..data.len()].copy_from_slice(data);
        CanFrame::new(id, &bytes).unwrap()
    }

    fn takes(&self, frame: &CanFrame) -> bool {
        let wanted: [u32; 2] = if self.extended { [0x18DB_33F1, 0x18DA_10F1] } else { [0x7DF, 0x7E0] };
        !self.silent && wanted.contains(&raw_id(frame.id()))
    }

    /// What it puts on the bus after a frame of the tester.
    pub fn on(&mut self, frame: &CanFrame) -> Vec<CanFrame> {
        if !self.takes(frame) {
            return Vec::new();
        }
        let data = frame.data().to_vec();
        match data[0] >> 4 {
            0 => {
                let length = usize::from(data[0]).min(7);
                self.message(&data[1..=length])
            }
            1 => {
                self.expects = usize::from(data[0] & 0xF) << 8 | usize::from(data[1]);
                self.long = data[2..].to_vec();
                vec![self.frame(&[0x30, 4, 0])]
            }
            2 => {
                self.long.extend(&data[1..]);
                if self.long.len() < self.expects {
                    // Blocks of four.
                    return if data[0].is_multiple_of(4) { vec![self.frame(&[0x30, 4, 0])] } else { Vec::new() };
                }
                let mut message = std::mem::take(&mut self.long);
                message.truncate(self.expects);
                self.message(&message)
            }
            _ => {
                self.flow_controls.push(*frame);
                std::mem::take(&mut self.outgoing)
            }
        }
    }

    fn message(&mut self, request: &[u8]) -> Vec<CanFrame> {
        self.heard.push(request.to_vec());
        let mut frames = Vec::new();
        for reply in self.replies(request) {
            frames.extend(self.wrap(&reply));
        }
        if self.twin && request[0] == 1 {
            frames.push(CanFrame::new(standard(0x7E9), &[6, 0x41, 0, 0x98, 0x18, 0, 1, 0]).unwrap());
        }
        frames
    }

    fn wrap(&mut self, reply: &[u8]) -> Vec<CanFrame> {
        if reply.len() <= 7 {
            let mut data = vec![u8::try_from(reply.len()).unwrap()];
            data.extend(reply);
            return vec![self.frame(&data)];
        }
        let length = u16::try_from(reply.len()).unwrap();
        let mut first = (0x1000 | length).to_be_bytes().to_vec();
        first.extend(&reply[..6]);
        self.outgoing.clear();
        for (chunk, number) in reply[6..].chunks(7).zip((0..16).cycle().skip(1)) {
            let mut data = vec![0x20 | number];
            data.extend(chunk);
            let frame = self.frame(&data);
            self.outgoing.push(frame);
        }
        vec![self.frame(&first)]
    }

    fn replies(&self, request: &[u8]) -> Vec<Vec<u8>> {
        let refuse = |nrc| vec![vec![0x7F, request[0], nrc]];
        match request {
            [1 | 9, ..] if self.uds_only => Vec::new(),
            [1, 0, 0x20] => vec![vec![0x41, 0, 0xBE, 0x3F, 0xA8, 0x13, 0x20, 0x80, 0, 0, 0]],
            [1, 0] => vec![vec![0x41, 0, 0xBE, 0x3F, 0xA8, 0x13]],
            [9, 2] => vec![[&[0x49, 2, 1], VIN].concat()],
            [0x22, 0xF1, 0x90] => vec![[&[0x62, 0xF1, 0x90], VIN].concat()],
            [0x22, 0xF1, 0xA0] => vec![[vec![0x62, 0xF1, 0xA0], (0..120).collect()].concat()],
            [0x22, _, _] => refuse(0x31),
            [0x22, ..] => refuse(0x13),
            [0x3E, 0] => vec![vec![0x7E, 0]],
            [0x31, 1, ..] => vec![vec![0x7F, 0x31, 0x78], vec![0x71, 1, 2, 3]],
            [0x36, block, rest @ ..] => vec![vec![0x76, *block, u8::try_from(rest.len() % 251).unwrap()]],
            _ => refuse(0x11),
        }
    }
}

/// The whole bench.
pub struct Bench {
    pub adapter: Adapter,
    pub ecu: Ecu,
    pub now_us: u64,
    pub supply_mv: u32,
    /// Everything sent to the bus.
    pub sent: Vec<CanFrame>,
}

impl Bench {
    pub fn new(persona: Persona) -> Self {
        Self { adapter: Adapter::new(persona), ecu: Ecu::default(), now_us: 0, supply_mv: 13_100, sent: Vec::new() }
    }

    /// Sends bytes and lets time run until the adapter has nothing more to do.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Outbox::default();
        self.adapter.receive(self.now_us, bytes, self.supply_mv, &mut out);
        self.run(&mut out);
        out.text
    }

    /// Runs on, at most an hour.
    pub fn run(&mut self, out: &mut Outbox) {
        let end_us = self.now_us + 3_600_000_000;
        loop {
            let mut queue: Vec<_> = std::mem::take(&mut out.frames);
            self.sent.extend(&queue);
            queue = queue.iter().flat_map(|frame| self.ecu.on(frame)).collect();
            for (at, frame) in queue.iter().enumerate() {
                self.now_us += if at == 0 { ECU_US } else { 1_000 };
                self.adapter.frame(self.now_us, frame, out);
            }
            if !out.frames.is_empty() {
                continue;
            }
            match self.adapter.deadline_us() {
                Some(deadline) if deadline < end_us => self.now_us = self.now_us.max(deadline),
                _ => return,
            }
            self.adapter.poll(self.now_us, out);
        }
    }

    /// Sends a command with its carriage return; the answer as text.
    pub fn ask(&mut self, command: &str) -> String {
        let answer = self.bytes(format!("{command}\r").as_bytes());
        String::from_utf8(answer).unwrap()
    }

    /// Sends commands without caring for the answers.
    pub fn set(&mut self, commands: &[&str]) -> &mut Self {
        for command in commands {
            self.ask(command);
        }
        self
    }
}

/// A sequence of numbers that looks random and is always the same.
pub struct Xorshift(pub u64);

impl Xorshift {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    pub fn word(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap()
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
