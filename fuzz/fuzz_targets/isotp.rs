//! Any frames at any time, then a message over a bus that loses, doubles and swaps frames: no other message arrives.
#![no_main]

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use headlock_wire::isotp::{Framing, Payload, Received, Receiver, Sender, Sent};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    address: Option<u8>,
    pad: Option<u8>,
    block_size: u8,
    st_min_us: u16,
    room: u16,
    frames: Vec<(u32, Vec<u8>)>,
    message: Vec<u8>,
    fates: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let framing = Framing { address: input.address, pad: input.pad };
    let room = vec![0; usize::from(input.room % 5_000)];
    let mut receiver = Receiver::new(framing, room).with_flow(input.block_size, input.st_min_us.into());
    let mut sender = Sender::new(framing);
    let mut now = 0;
    for (wait, bytes) in &input.frames {
        now += u64::from(*wait);
        if sender.is_idle() {
            let _ = sender.start(now, bytes.clone());
        }
        let _ = receiver.frame(now, bytes);
        let _ = sender.frame(now, bytes);
        for due in [sender.deadline_us(), receiver.deadline_us()].into_iter().flatten() {
            now = now.max(due);
        }
        let _ = sender.poll(now);
        receiver.poll(now).ok();
        assert_eq!(receiver.deadline_us(), None, "it does not give up when it says");
    }
    carry(framing, &input, now + 10_000_000);
});

/// A frame on its way: lost, doubled, before the one that went before it, or simply there.
fn put(bus: &mut VecDeque<Payload>, payload: Payload, fate: u8) {
    match fate {
        1 => return,
        2 => bus.push_back(payload),
        3 if !bus.is_empty() => return bus.insert(bus.len() - 1, payload),
        _ => {}
    }
    bus.push_back(payload);
}

fn carry(framing: Framing, input: &Input, mut now: u64) {
    let mut sender = Sender::new(framing);
    let mut receiver = Receiver::new(framing, vec![0; 5_000]).with_flow(input.block_size, input.st_min_us.into());
    let Ok(first) = sender.start(now, &input.message) else { return };
    let mut fates = input.fates.iter().copied();
    let is_good = input.fates.iter().all(|fate| !(1..=3).contains(fate)) && input.message.len() <= 5_000;
    let (mut there, mut back) = (VecDeque::new(), VecDeque::new());
    put(&mut there, first, fates.next().unwrap_or(0));
    let mut arrived = false;
    loop {
        let mut moved = false;
        if let Ok(Sent::Frame(payload) | Sent::Last(payload)) = sender.poll(now) {
            put(&mut there, payload, fates.next().unwrap_or(0));
            moved = true;
        }
        // A good bus passes each frame on before the next; a bad one lets them pile up.
        if (is_good || there.len() > 1 || !moved)
            && let Some(payload) = there.pop_front()
        {
            moved = true;
            match receiver.frame(now, payload.bytes()) {
                Received::Message(got) => {
                    assert_eq!(got, input.message);
                    arrived = true;
                }
                Received::Reply(reply) => put(&mut back, reply, fates.next().unwrap_or(0)),
                Received::Nothing | Received::Failed(_) => {}
            }
        }
        if let Some(payload) = back.pop_front() {
            moved = true;
            let _ = sender.frame(now, payload.bytes());
        }
        if moved {
            continue;
        }
        let Some(due) = [sender.deadline_us(), receiver.deadline_us()].into_iter().flatten().min() else { break };
        now = now.max(due);
        let _ = receiver.poll(now);
    }
    assert!(arrived || !is_good, "a good bus loses nothing");
}
