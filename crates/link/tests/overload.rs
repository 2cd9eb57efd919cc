//! Too many testers, testers that do nothing, and testers that do not listen: everybody else is served.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod hosted;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use headlock_link::host::{MOST_CONNECTIONS, raise_file_limit};
use headlock_wire::doip::{ALIVE_CHECK_MS, Address, GENERAL_INACTIVITY_MS, INITIAL_INACTIVITY_MS, Message};
use hosted::{
    Hosted, READ_VIN, SOON, VIN, activate, activated, activation, connect, diagnostic, doip, read_to_end, receive,
    resident,
};

const SOURCE_ACTIVE: u8 = 0x03;
const ROUTED: u8 = 0x10;

/// One after the other: what one of these takes of the machine, another would have to wait for.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line to the ECU, of any kind, and one question on it.
struct Line {
    source: u16,
    stream: TcpStream,
    asks: Vec<u8>,
    /// What comes back contains this.
    wants: &'static [u8],
}

impl Line {
    fn doip(at: SocketAddr, source: u16) -> Self {
        Self { source, stream: activated(at, source), asks: diagnostic(source, &READ_VIN), wants: VIN }
    }

    /// Many questions whose answers are far longer than they are.
    fn asks_for_much(&self) -> Vec<u8> {
        let asks = match self.wants {
            wants if wants == VIN => diagnostic(self.source, &[&[0x22][..], &READ_VIN[1..].repeat(32)].concat()),
            b"7E 00" => b"ATPPS\r".to_vec(),
            _ => b"< ? >".to_vec(),
        };
        asks.repeat(1_000)
    }

    fn elm327(at: SocketAddr) -> Self {
        let mut own = Self { source: 0, stream: connect(at), asks: b"ATSP6\r".to_vec(), wants: b">" };
        own.ask();
        Self { asks: b"3E001\r".to_vec(), wants: b"7E 00", ..own }
    }

    fn socketcand(at: SocketAddr) -> Self {
        let mut own =
            Self { source: 0, stream: connect(at), asks: b"< open can0 >< rawmode >".to_vec(), wants: b"< ok >< ok >" };
        own.ask();
        Self { asks: b"< send 7E0 3 02 3E 00 >".to_vec(), wants: b"< frame 7E8 ", ..own }
    }

    /// How long the answer takes.
    fn ask(&mut self) -> Duration {
        let asked = Instant::now();
        self.stream.write_all(&self.asks).unwrap();
        let mut said = Vec::new();
        let mut chunk = [0; 1_024];
        while !said.windows(self.wants.len()).any(|part| part == self.wants) {
            let read = self.stream.read(&mut chunk).unwrap_or_else(|why| panic!("{why} after {:?}", asked.elapsed()));
            assert!(read > 0, "closed after {:?}", said.escape_ascii().to_string());
            said.extend(&chunk[..read]);
        }
        asked.elapsed()
    }
}

/// Whether nothing more can come.
fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    stream.set_read_timeout(Some(within)).unwrap();
    match stream.read(&mut [0; 256]) {
        Ok(read) => read == 0,
        Err(why) => matches!(why.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
    }
}

/// Asks a few hundred times, on lines of all kinds.
fn assert_all_are_served_at_once(hosted: &Hosted) {
    let mut lines = [Line::doip(hosted.doip, 0x0FFF), Line::elm327(hosted.elm), Line::socketcand(hosted.socketcand)];
    let mut times: Vec<Duration> = (0..100).flat_map(|_| lines.each_mut().map(Line::ask)).collect();
    times.sort_unstable();
    let (most, last) = (times[times.len() * 97 / 100], times[times.len() - 1]);
    // The machine may have something else to do for a moment, the ECU may not.
    assert!(most < Duration::from_millis(100) && last < Duration::from_secs(1), "{most:?}, {last:?}");
}

#[test]
fn a_thousand_testers_at_once_are_served_each() {
    let _turn = turn();
    raise_file_limit().unwrap();
    let hosted = Hosted::start();
    let before = resident();
    let started = Instant::now();
    let mut lines: Vec<Line> = (0..500).map(|number| Line::doip(hosted.doip, 0x0E00 + number)).collect();
    lines.extend((0..250).map(|_| Line::elm327(hosted.elm)));
    lines.extend((0..250).map(|_| Line::socketcand(hosted.socketcand)));
    assert_eq!(hosted.handle.connections(), 1_000);
    // All ask before one of them listens.
    for line in &mut lines {
        line.stream.write_all(&line.asks).unwrap();
    }
    for line in &mut lines {
        let asks = std::mem::take(&mut line.asks);
        line.ask();
        line.asks = asks;
    }
    println!("1000 connected and served in {:?}", started.elapsed());
    let grown = resident().saturating_sub(before);
    println!("{grown} bytes more");
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more than before");
}

#[test]
fn a_connection_on_which_no_routing_is_activated_is_closed_after_two_seconds() {
    let hosted = Hosted::start();
    let initial = Duration::from_millis(INITIAL_INACTIVITY_MS);
    let header = [2, 0xFD, 0, 0x05, 0, 0, 0, 7];
    // Nothing, half a header, a header alone, most of a message, and a byte now and then, which is no activation either.
    let begins = [&[][..], &header[..4], &header, &[header.as_slice(), &[0x0E, 0x00, 0]].concat(), &[0]];
    thread::scope(|scope| {
        for (number, begin) in begins.into_iter().enumerate() {
            let at = hosted.doip;
            scope.spawn(move || {
                let started = Instant::now();
                let mut stream = connect(at);
                if begin == [0] {
                    let drip = doip(&Message::Diagnostic { source: Address(0), target: Address(0), data: &[0; 64] });
                    let _ = drip.iter().try_for_each(|byte| {
                        thread::sleep(Duration::from_millis(100));
                        stream.write_all(&[*byte])
                    });
                } else {
                    stream.write_all(begin).unwrap();
                }
                assert!(is_closed(&mut stream, SOON), "{number} is still open");
                let took = started.elapsed();
                let right = initial..initial + Duration::from_secs(2);
                assert!(right.contains(&took) || begin == [0] && took < initial * 4, "{number}: {took:?}");
            });
        }
        let at = hosted.doip;
        scope.spawn(move || {
            // Who has activated routing may think for longer.
            let mut line = Line::doip(at, 0x0E00);
            thread::sleep(initial + Duration::from_secs(1));
            line.ask();
        });
    });
    assert_eq!(GENERAL_INACTIVITY_MS, 300_000);
}

#[test]
fn messages_that_activate_nothing_do_not_keep_a_connection_open() {
    let hosted = Hosted::start();
    let mut stream = connect(hosted.doip);
    let started = Instant::now();
    // Refused each time for its type, and the connection lives on: but not for longer than one without routing may.
    let identification = doip(&Message::IdentificationRequest);
    while stream.write_all(&identification).is_ok() && started.elapsed() < SOON {
        thread::sleep(Duration::from_millis(200));
    }
    let took = started.elapsed();
    assert!(took < Duration::from_millis(INITIAL_INACTIVITY_MS) + Duration::from_secs(2), "still open after {took:?}");
}

#[test]
fn testers_that_never_read_fill_their_own_sockets_and_nobody_elses() {
    let _turn = turn();
    let hosted = Hosted::start();
    let before = resident();
    let deaf = [
        Line::doip(hosted.doip, 0x0E01),
        Line::doip(hosted.doip, 0x0E02),
        Line::elm327(hosted.elm),
        Line::socketcand(hosted.socketcand),
    ];
    for line in &deaf {
        let mut stream = &line.stream;
        stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let asks = line.asks_for_much();
        // Until neither side takes anything any more.
        let filled = (0..10_000).find(|_| stream.write_all(&asks).is_err());
        assert!(filled.is_some(), "it takes whatever it is asked");
    }
    assert_all_are_served_at_once(&hosted);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more than before");
    drop(deaf);
    assert_all_are_served_at_once(&hosted);
}

#[test]
fn who_comes_when_there_are_too_many_is_refused_and_served_once_somebody_has_gone() {
    let _turn = turn();
    raise_file_limit().unwrap();
    let hosted = Hosted::start();
    let mut served: Vec<Line> = (0..MOST_CONNECTIONS).map(|_| Line::elm327(hosted.elm)).collect();
    assert_eq!(hosted.handle.connections(), MOST_CONNECTIONS);
    for at in [hosted.doip, hosted.elm, hosted.socketcand].into_iter().cycle().take(60) {
        assert!(is_closed(&mut connect(at), SOON), "one more than {MOST_CONNECTIONS}");
    }
    served.iter_mut().step_by(100).for_each(|line| {
        line.ask();
    });
    served.truncate(MOST_CONNECTIONS / 2);
    until(|| hosted.handle.connections() == MOST_CONNECTIONS / 2);
    assert_all_are_served_at_once(&hosted);
}

/// Waits until it is so.
fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < end, "it never was");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn ten_thousand_connections_that_come_and_go_leave_nothing_behind() {
    const COUNT: u16 = 10_000;
    let _turn = turn();
    let hosted = Hosted::start();
    let once = |number: u16| match number % 5 {
        // Somebody who says good-bye, by closing; somebody who does not even say hello; one in the middle of a word; one who
        // leaves without having read; and one of another kind.
        0 => drop(Line::doip(hosted.doip, 0x0E00 + number % 0x100).ask()),
        1 => drop(connect(hosted.doip)),
        2 => activated(hosted.doip, 0x0F00 + number % 0x100).write_all(&[2, 0xFD, 0x80]).unwrap(),
        3 => {
            let source = 0x0E00 + number % 0x100;
            let mut stream = connect(hosted.doip);
            stream.write_all(&[activation(source), diagnostic(source, &READ_VIN).repeat(9)].concat()).unwrap();
        }
        _ => drop(Line::socketcand(hosted.socketcand).ask()),
    };
    (0..1_000).for_each(once);
    until(|| hosted.handle.connections() == 0);
    let before = resident();
    let started = Instant::now();
    (0..COUNT).for_each(once);
    println!("{COUNT} came and went in {:?}", started.elapsed());
    until(|| hosted.handle.connections() == 0);
    let grown = resident().saturating_sub(before);
    assert!(grown < 8 * 1024 * 1024, "{grown} bytes more than before");
    assert_all_are_served_at_once(&hosted);
}

// Alive checks

/// Answers alive checks of the ECU for as long as the connection is open, and says how many there were.
fn answers_alive_checks(mut stream: TcpStream, source: u16) -> usize {
    let mut checks = 0;
    while let Some((kind, _)) = receive(&mut stream) {
        if kind == 0x0007 {
            checks += 1;
            let alive = doip(&Message::AliveCheckResponse { source: Address(source) });
            if stream.write_all(&alive).is_err() {
                break;
            }
        }
    }
    checks
}

#[test]
fn an_address_stays_with_who_still_answers_for_it() {
    let hosted = Hosted::start();
    let first = activated(hosted.doip, 0x0E00);
    let answers = first.try_clone().unwrap();
    let answers = thread::spawn(move || answers_alive_checks(answers, 0x0E00));
    for _ in 0..3 {
        let mut second = connect(hosted.doip);
        assert_eq!(activate(&mut second, 0x0E00), Some(SOURCE_ACTIVE));
        assert!(is_closed(&mut second, SOON), "a refused tester keeps its connection");
    }
    first.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(answers.join().unwrap(), 3);
    assert_eq!(activate(&mut connect(hosted.doip), 0x0E00), Some(ROUTED), "the address of somebody who has gone");
}

#[test]
fn of_many_who_want_an_address_that_is_alive_none_gets_it() {
    let hosted = Hosted::start();
    let first = activated(hosted.doip, 0x0E00);
    let slow = first.try_clone().unwrap();
    let answers = thread::spawn(move || {
        // It is asked once or more often, and answers late, but in time.
        let mut slow = slow;
        while let Some((kind, _)) = receive(&mut slow) {
            if kind == 0x0007 {
                thread::sleep(Duration::from_millis(ALIVE_CHECK_MS / 2));
                let alive = doip(&Message::AliveCheckResponse { source: Address(0x0E00) });
                slow.write_all(&alive).unwrap();
            }
        }
    });
    thread::scope(|scope| {
        let others: Vec<_> = (0..6)
            .map(|number| {
                let at = hosted.doip;
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(number * 20));
                    activate(&mut connect(at), 0x0E00)
                })
            })
            .collect();
        for other in others {
            assert_eq!(other.join().unwrap(), Some(SOURCE_ACTIVE));
        }
    });
    first.shutdown(std::net::Shutdown::Both).unwrap();
    answers.join().unwrap();
}

#[test]
fn an_address_goes_to_the_next_one_when_nobody_answers_for_it() {
    let hosted = Hosted::start();
    let mut first = activated(hosted.doip, 0x0E00);
    let started = Instant::now();
    let mut second = connect(hosted.doip);
    assert_eq!(activate(&mut second, 0x0E00), Some(ROUTED));
    assert!(started.elapsed() >= Duration::from_millis(ALIVE_CHECK_MS), "nobody waited for an answer");
    assert_eq!(receive(&mut first).map(|(kind, _)| kind), Some(0x0007));
    assert!(read_to_end(&mut first, SOON).is_empty(), "who did not answer hears nothing more");
    second.write_all(&diagnostic(0x0E00, &READ_VIN)).unwrap();
    assert_eq!(receive(&mut second).map(|(kind, _)| kind), Some(0x8002));
    assert_eq!(receive(&mut second).unwrap().1[7..], *VIN);
}

#[test]
fn who_was_deaf_when_asked_does_not_share_the_address_with_who_got_it() {
    let _turn = turn();
    let hosted = Hosted::start();
    let mut deaf = activated(hosted.doip, 0x0E00);
    deaf.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let message = diagnostic(0x0E00, &READ_VIN);
    let (asks, mut written) = (message.repeat(1_000), 0);
    while let Ok(length) = deaf.write(&asks[written % message.len()..]) {
        written += length;
    }
    let mut second = connect(hosted.doip);
    assert_eq!(activate(&mut second, 0x0E00), Some(ROUTED));
    // Now it listens again, is asked at last, and answers: too late.
    let rest = message[written % message.len()..].to_vec();
    let mut ends_its_word = deaf.try_clone().unwrap();
    let ends = thread::spawn(move || ends_its_word.write_all(&rest));
    let checks = answers_alive_checks(deaf.try_clone().unwrap(), 0x0E00);
    // Whether the connection was over before the word was makes no difference.
    let _ = ends.join().unwrap();
    assert!(checks <= 1, "{checks} checks");
    assert!(is_closed(&mut deaf, SOON), "two testers with one address");
    second.write_all(&diagnostic(0x0E00, &READ_VIN)).unwrap();
    assert_eq!(receive(&mut second).map(|(kind, _)| kind), Some(0x8002));
}

// The end

#[test]
fn the_end_of_the_ecu_is_the_end_of_every_connection_within_a_second() {
    let _turn = turn();
    let mut hosted = Hosted::start();
    let mut deaf = [Line::doip(hosted.doip, 0x0E01), Line::elm327(hosted.elm), Line::socketcand(hosted.socketcand)];
    for line in &mut deaf {
        line.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let asks = line.asks_for_much();
        while line.stream.write_all(&asks).is_ok() {}
    }
    let idle = [Line::doip(hosted.doip, 0x0E02), Line::elm327(hosted.elm), Line::socketcand(hosted.socketcand)];
    let mut half_open = connect(hosted.doip);
    half_open.write_all(&[2, 0xFD, 0, 5]).unwrap();
    let started = Instant::now();
    hosted.stop_and_linger(Duration::from_secs(2));
    for mut stream in idle.into_iter().chain(deaf).map(|line| line.stream).chain([half_open]) {
        read_to_end(&mut stream, SOON);
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    for at in [hosted.doip, hosted.elm, hosted.socketcand] {
        assert!(TcpStream::connect(at).is_err(), "something still listens");
    }
}
