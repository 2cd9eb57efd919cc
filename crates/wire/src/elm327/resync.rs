//! Finding the prompt again after a time-out: late answers are told from the next one.
//!
//! A late answer ends in the same prompt as the one that is waited for, so counting prompts is no help. A space ends
//! whatever the adapter is busy with and starts nothing; then `ATI` is asked, whose answer names the chip, as no answer
//! of a car does. Everything up to it is dropped, and everything that follows until the line has been quiet.

use alloc::vec::Vec;

/// How long one question waits: a Bluetooth line can be slow. Chosen.
const ANSWER_US: u64 = 1_500_000;
/// How long nothing may come before the line counts as quiet. Chosen.
const QUIET_US: u64 = 300_000;
/// A line that is never quiet for so long is given up.
const LONGEST_US: u64 = 20_000_000;
/// How often it asks.
const TRIES: u8 = 4;
/// What the answer of `ATI` contains.
const MARK: &[u8] = b"ELM327";
/// The question, after a space that interrupts.
const QUESTION: &[u8] = b" ATI\r";
/// Bytes of a late answer that are kept, to find the mark in.
const WINDOW: usize = 64;

/// Where a resynchronisation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Synced {
    /// Still asking, or waiting for silence.
    Working,
    /// The line is quiet behind a prompt: the next command's answer is its own.
    Ready,
    /// Nothing that names the chip came. It may be frozen: `ATZ`, or a power cycle, is next.
    Dead,
}

/// One resynchronisation. Settings of the adapter stay as they are.
#[derive(Clone, Debug)]
pub struct Resync {
    state: Synced,
    tries: u8,
    asked: bool,
    marked: bool,
    prompted: bool,
    window: Vec<u8>,
    deadline_us: u64,
    ends_us: u64,
}

impl Resync {
    /// Begins.
    pub const fn new(now_us: u64) -> Self {
        Self {
            state: Synced::Working,
            tries: 0,
            asked: false,
            marked: false,
            prompted: false,
            window: Vec::new(),
            deadline_us: now_us,
            ends_us: now_us.saturating_add(LONGEST_US),
        }
    }

    /// Bytes to send now, if any.
    pub fn outgoing(&mut self, now_us: u64) -> Option<&'static [u8]> {
        if self.asked || self.state != Synced::Working {
            return None;
        }
        self.asked = true;
        self.tries += 1;
        self.window.clear();
        self.deadline_us = now_us.saturating_add(ANSWER_US);
        Some(QUESTION)
    }

    /// Takes bytes of the adapter: all of them are dropped.
    pub fn receive(&mut self, now_us: u64, bytes: &[u8]) {
        if self.state != Synced::Working {
            return;
        }
        for &byte in bytes {
            self.prompted = byte == b'>';
            if self.window.len() >= WINDOW {
                self.window.remove(0);
            }
            self.window.push(byte);
            self.marked |= self.window.ends_with(MARK);
        }
        if self.marked && !bytes.is_empty() {
            self.deadline_us = now_us.saturating_add(QUIET_US).min(self.ends_us);
        }
    }

    /// When [`Self::poll`] is next due.
    pub fn deadline_us(&self) -> Option<u64> {
        (self.state == Synced::Working && self.asked).then_some(self.deadline_us)
    }

    /// Does what has become due.
    pub fn poll(&mut self, now_us: u64) -> Synced {
        if self.deadline_us().is_some_and(|deadline| deadline <= now_us) {
            if self.marked && self.prompted && now_us < self.ends_us {
                self.state = Synced::Ready;
            } else if self.tries >= TRIES || now_us >= self.ends_us {
                self.state = Synced::Dead;
            } else {
                self.asked = false;
                self.marked = false;
            }
        }
        self.state
    }
}
