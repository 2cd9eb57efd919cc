//! The events of a script, and how each happens to a twin.

use std::sync::Arc;

use headlock_lock::Ignition;
use headlock_profile::typing::{PRESS_MS, Press};
use headlock_profile::{Code, Provenance, closest};
use headlock_twin::{Fault, Hands, Input, OwnerAction, Request, Stick, StickFile, Supply, Tear};

use super::hidden::Hidden;
use super::run::Running;
use super::text::{Word, Wrong};

/// One event of a script.
#[derive(Clone, Debug)]
pub struct Event {
    what: What,
    /// The supply is cut at this byte write from here, and what is torn.
    cut_at_write: Option<(u32, Tear)>,
}

#[derive(Clone, Debug)]
enum What {
    Wait(u64),
    SupplyCut(Option<u64>),
    SupplyOn,
    Volts(u32),
    Surge(u32),
    Fuse { id: Arc<str>, out: bool, back_after_ms: Option<u64> },
    Fitted(bool),
    Ignition(Ignition),
    KeyFob(bool),
    Press { key: String, times: u32, hold_ms: u64 },
    Hold { keys: Vec<String>, hold_ms: u64 },
    KeyDown(String),
    KeyUp(String),
    Turn { knob: String, clicks: i32 },
    Type(Hidden),
    Enter(Entered),
    Door(bool),
    Pinhole(u64),
    Usb(Option<Stick>),
    Diag { tester: Arc<str>, request: Asked },
    Vehicle(bool),
    Owner(Owner),
    ReadLabel,
    Fault { plant: bool, fault: Broken },
}

#[derive(Clone, Debug)]
enum Entered {
    Right,
    Wrong,
    Answer,
    Code(Hidden),
}

#[derive(Clone, Debug)]
enum Asked {
    Plain(&'static str),
    EnterCode(Entered),
}

#[derive(Clone, Debug)]
enum Owner {
    SetCode(Hidden),
    EraseCode(Option<Hidden>),
    OptIn(bool),
    Set(String, String),
}

#[derive(Clone, Debug)]
enum Broken {
    Plain(&'static str),
    Key(&'static str, String),
    Number(&'static str, u32),
}

const EVENTS: [&str; 26] = [
    "wait", "supply", "surge", "fuse", "unit", "ignition", "key", "press", "hold", "keydown", "keyup", "turn", "type",
    "enter", "door", "pinhole", "usb", "diag", "vehicle", "owner", "read", "plant", "mend", "define", "with", "end",
];
const REQUESTS: [&str; 10] = [
    "read-serial",
    "read-firmware",
    "read-state",
    "enter-code",
    "clear-attempts",
    "reset-lock",
    "clear-locked-out",
    "disable-checking",
    "reflash",
    "pair",
];
const FAULTS: [&str; 13] = [
    "eeprom-forgets",
    "eeprom-worn",
    "eeprom-rot",
    "eeprom-cell",
    "stuck-key",
    "dead-key",
    "frozen",
    "muted",
    "glitch",
    "surge-damage",
    "hardware-lock",
    "exchanged",
    "other-code",
];

/// Reads one event.
pub(super) fn parse(words: &[Word]) -> Result<Event, Wrong> {
    let mut words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let mut cut_at_write = None;
    let mut tear = Tear::Byte;
    if let [.., "cut@write", _, "tears", word] = words.as_slice() {
        tear = match *word {
            "byte" => Tear::Byte,
            "group" => Tear::Group,
            "page" => Tear::Page,
            other => {
                return Err(Wrong::new(
                    other,
                    format!("`{other}` is nothing that tears"),
                    "byte, group (of four), page",
                ));
            }
        };
        words.truncate(words.len() - 2);
    }
    if let [.., "cut@write", n] = words.as_slice() {
        let n = *n;
        let number = n.parse().ok().filter(|n| *n > 0);
        let number = number
            .ok_or_else(|| Wrong::new(n, format!("`{n}` is no count of writes"), "1 for the first byte written"))?;
        cut_at_write = Some((number, tear));
        words.truncate(words.len() - 2);
    }
    Ok(Event { what: what(&words)?, cut_at_write })
}

fn what(words: &[&str]) -> Result<What, Wrong> {
    let usage = |help: &str| {
        Wrong::new(
            words.first().copied().unwrap_or_default(),
            format!("`{}` cannot be understood", words.join(" ")),
            help,
        )
    };
    Ok(match words {
        ["wait", time] => What::Wait(duration(time)?),
        ["supply", "cut"] => What::SupplyCut(None),
        ["supply", "cut", time] => What::SupplyCut(Some(duration(time)?)),
        ["supply", "on"] => What::SupplyOn,
        ["supply", volts] => What::Volts(millivolts(volts)?),
        ["surge", volts] => What::Surge(millivolts(volts)?),
        ["fuse", id, "out"] => What::Fuse { id: Arc::from(*id), out: true, back_after_ms: None },
        ["fuse", id, "out", time] => What::Fuse { id: Arc::from(*id), out: true, back_after_ms: Some(duration(time)?) },
        ["fuse", id, "in"] => What::Fuse { id: Arc::from(*id), out: false, back_after_ms: None },
        ["unit", "out"] => What::Fitted(false),
        ["unit", "in"] => What::Fitted(true),
        ["ignition", "off"] => What::Ignition(Ignition::Off),
        ["ignition", "acc"] => What::Ignition(Ignition::Acc),
        ["ignition", "on"] => What::Ignition(Ignition::On),
        ["ignition", "engine"] => What::Ignition(Ignition::Engine),
        ["key", "out"] => What::KeyFob(false),
        ["key", "in"] => What::KeyFob(true),
        ["press", key] => What::Press { key: (*key).to_owned(), times: 1, hold_ms: PRESS_MS },
        ["press", key, "for", time] => What::Press { key: (*key).to_owned(), times: 1, hold_ms: duration(time)? },
        ["press", key, times] => What::Press { key: (*key).to_owned(), times: count(times)?, hold_ms: PRESS_MS },
        ["hold", keys, "for", time] => What::Hold {
            keys: keys.split('+').filter(|k| !k.is_empty()).map(str::to_owned).collect(),
            hold_ms: duration(time)?,
        },
        ["keydown", key] => What::KeyDown((*key).to_owned()),
        ["keyup", key] => What::KeyUp((*key).to_owned()),
        ["turn", knob, clicks] => What::Turn {
            knob: (*knob).to_owned(),
            clicks: clicks.parse().map_err(|_| {
                Wrong::new(clicks, format!("`{clicks}` is no count of clicks"), "like 5, or -3 for the other way")
            })?,
        },
        ["type", "enter"] => What::Type(Hidden::new("\n".to_owned())),
        ["type", text] => What::Type(Hidden::new((*text).to_owned())),
        ["enter", code] => What::Enter(entered(code)),
        ["door", "open"] => What::Door(true),
        ["door", "closed"] => What::Door(false),
        ["pinhole", time] => What::Pinhole(duration(time)?),
        ["usb", "out"] => What::Usb(None),
        ["usb", filesystem, files @ ..] => What::Usb(Some(stick(filesystem, files))),
        ["diag", tester, "enter-code", code] => {
            What::Diag { tester: Arc::from(*tester), request: Asked::EnterCode(entered(code)) }
        }
        ["diag", tester, request] => {
            let known = REQUESTS.iter().find(|known| *known == request && **known != "enter-code");
            let help = if *request == "enter-code" {
                "name the code: diag consult enter-code 1234".to_owned()
            } else {
                closest(request, &REQUESTS)
            };
            let request = known.ok_or_else(|| Wrong::new(request, format!("`{request}` is no whole request"), help))?;
            What::Diag { tester: Arc::from(*tester), request: Asked::Plain(request) }
        }
        ["vehicle", "other"] => What::Vehicle(false),
        ["vehicle", "home"] => What::Vehicle(true),
        ["owner", "set-code", code] => What::Owner(Owner::SetCode(Hidden::new((*code).to_owned()))),
        ["owner", "erase-code"] => What::Owner(Owner::EraseCode(None)),
        ["owner", "erase-code", code] => What::Owner(Owner::EraseCode(Some(Hidden::new((*code).to_owned())))),
        ["owner", "opt-in"] => What::Owner(Owner::OptIn(true)),
        ["owner", "opt-out"] => What::Owner(Owner::OptIn(false)),
        ["owner", "set", name, word] => What::Owner(Owner::Set((*name).to_owned(), (*word).to_owned())),
        ["read", "label"] => What::ReadLabel,
        [verb @ ("plant" | "mend"), name, rest @ ..] => {
            What::Fault { plant: *verb == "plant", fault: fault(name, rest)? }
        }
        [] => return Err(Wrong::new("", "a row without an event", "write one, like: wait 1s")),
        [first, ..] if EVENTS.contains(first) => return Err(usage(forms(first))),
        [first, ..] => return Err(Wrong::new(first, format!("unknown word `{first}`"), closest(first, &EVENTS))),
    })
}

/// The forms of one word.
fn forms(word: &str) -> &'static str {
    match word {
        "wait" => "wait 10min, wait 1h30min",
        "supply" => "supply cut, supply cut 10min, supply on, supply 11.8V",
        "surge" => "surge 17V",
        "fuse" => "fuse F37 out, fuse F37 out 5s, fuse F37 in",
        "unit" => "unit in, unit out, or unit ID … to start one",
        "ignition" => "ignition off, ignition acc, ignition on, ignition engine",
        "key" => "key out, key in; a key of the panel is pressed with `press`",
        "press" => "press 1, press 1 x5, press 1 for 800ms",
        "hold" => "hold 1+6 for 5s",
        "keydown" | "keyup" => "keydown 1, keyup 1",
        "turn" => "turn TUNE 5, turn TUNE -3",
        "type" => "type 1234, type enter",
        "enter" => "enter 1234, enter right, enter wrong, enter answer",
        "door" => "door open, door closed",
        "pinhole" => "pinhole 3s",
        "usb" => "usb fat32 HU_1.bin, usb fat32 HU_1.bin wrong, usb out",
        "diag" => "diag consult reset-lock, diag consult enter-code 1234",
        "vehicle" => "vehicle other, vehicle home",
        "owner" => "owner set-code 1234, owner erase-code, owner opt-in, owner opt-out, owner set NAME WORD",
        "read" => "read label",
        "plant" | "mend" => "plant frozen, plant stuck-key 1",
        "with" => "with tries.round = 5",
        _ => "`define` and `end` stand alone in their rows",
    }
}

fn entered(code: &str) -> Entered {
    match code {
        "right" => Entered::Right,
        "wrong" => Entered::Wrong,
        "answer" => Entered::Answer,
        code => Entered::Code(Hidden::new(code.to_owned())),
    }
}

fn stick(filesystem: &str, files: &[&str]) -> Stick {
    let mut list: Vec<StickFile> = Vec::new();
    for file in files {
        match (*file, list.last_mut()) {
            ("wrong", Some(last)) => last.for_another_unit = true,
            (name, _) => list.push(StickFile { name: Arc::from(name), for_another_unit: false }),
        }
    }
    Stick { filesystem: Arc::from(filesystem), files: list }
}

fn fault(name: &str, rest: &[&str]) -> Result<Broken, Wrong> {
    let known = FAULTS.iter().find(|known| **known == name);
    let known = *known.ok_or_else(|| Wrong::new(name, format!("unknown fault `{name}`"), closest(name, &FAULTS)))?;
    match (known, rest) {
        ("stuck-key" | "dead-key", [key]) => Ok(Broken::Key(known, (*key).to_owned())),
        ("stuck-key" | "dead-key", _) => {
            Err(Wrong::new(name, format!("`{name}` of which key?"), format!("like: plant {name} 1")))
        }
        ("eeprom-rot" | "eeprom-cell", [number]) => match number.parse() {
            Ok(number) => Ok(Broken::Number(known, number)),
            Err(_) => Err(Wrong::new(number, format!("`{number}` is no number"), "counted from 0, like eeprom-rot 17")),
        },
        ("eeprom-rot" | "eeprom-cell", _) => Err(Wrong::new(
            name,
            format!("`{known}` takes a number"),
            "the bit or the cell, counted from 0, like eeprom-rot 17",
        )),
        (known, []) => Ok(Broken::Plain(known)),
        (_, [extra, ..]) => {
            Err(Wrong::new(extra, format!("`{extra}` is too much here"), format!("like: plant {name}")))
        }
    }
}

/// A time like `500ms`, `2s`, `10min`, `3h`, `2d`, in milliseconds.
pub(crate) fn duration(text: &str) -> Result<u64, Wrong> {
    let wrong =
        || Wrong::new(text, format!("`{text}` is no time"), "like 500ms, 2s, 10min, 1h30min, 2d, without spaces");
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let scale = match unit {
            "ms" => 1.0,
            "s" => 1e3,
            "min" => 6e4,
            "h" => 3.6e6,
            "d" => 8.64e7,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let ms = (number * scale).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 0 to 2^52")]
        let ms = if (0.0..4e15).contains(&ms) { ms as u64 } else { return Err(wrong()) };
        total = total.checked_add(ms).ok_or_else(wrong)?;
        rest = tail;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

fn millivolts(text: &str) -> Result<u32, Wrong> {
    let wrong = || {
        Wrong::new(
            text,
            format!("`{text}` is neither `cut`, `on` nor a voltage"),
            if text == "off" { "did you mean `cut`?" } else { "like 11.8V" },
        )
    };
    let volts: f64 = text.strip_suffix(['V', 'v']).and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 0 to 100 V")]
    if (0.0..=100.0).contains(&volts) { Ok((volts * 1000.0).round() as u32) } else { Err(wrong()) }
}

fn count(text: &str) -> Result<u32, Wrong> {
    text.strip_prefix('x').and_then(|n| n.parse().ok()).filter(|n| (1..=1000).contains(n)).ok_or_else(|| {
        Wrong::new(text, format!("`{text}` is neither `for` a time nor a count"), "like x5, at most x1000")
    })
}

impl Event {
    /// Lets it happen.
    pub(super) fn happen(&self, running: &mut Running) -> Result<(), Wrong> {
        if let Some((n, tear)) = self.cut_at_write {
            running.twin.schedule_cut(n, tear);
        }
        running.needs_code(&self.what)?;
        let codes = running.codes.clone();
        let wrong_code = running.wrong_code();
        let mut hands = Hands::on(&mut running.twin);
        let result = what_happens(&self.what, &mut hands, &codes, wrong_code.as_deref());
        // Nothing that hands do takes no time at all; an ignition turned off and on is off for a moment.
        if matches!(self.what, What::Ignition(_) | What::Press { .. }) {
            hands.wait(1);
        }
        running.records = std::mem::take(&mut hands.records);
        running.twin.unschedule_cut();
        result
    }
}

fn what_happens(what: &What, hands: &mut Hands<'_>, codes: &[Code], wrong_code: Option<&str>) -> Result<(), Wrong> {
    match what {
        What::Wait(ms) => hands.wait(*ms),
        What::SupplyCut(time) => {
            hands.now(Input::Supply(Supply::Cut));
            if let Some(ms) = time {
                hands.wait(*ms);
                hands.now(Input::Supply(Supply::Restored));
            }
        }
        What::SupplyOn => hands.now(Input::Supply(Supply::Restored)),
        What::Volts(mv) => hands.now(Input::Supply(Supply::Millivolts(*mv))),
        What::Surge(mv) => hands.now(Input::Supply(Supply::Surge(*mv))),
        What::Fuse { id, out, back_after_ms } => {
            hands.now(Input::Fuse { id: Arc::clone(id), inserted: !out });
            if let Some(ms) = back_after_ms {
                hands.wait(*ms);
                hands.now(Input::Fuse { id: Arc::clone(id), inserted: true });
            }
        }
        What::Fitted(fitted) => hands.now(Input::Fitted(*fitted)),
        What::Ignition(ignition) => hands.now(Input::Ignition(*ignition)),
        What::KeyFob(inserted) => hands.now(Input::KeyFob { inserted: *inserted }),
        What::Press { key, times, hold_ms } => {
            let press = Press::Key { key: key.clone(), hold_ms: *hold_ms };
            let all = vec![press; usize::try_from(*times).unwrap_or(1)];
            hands.press_all(&all).map_err(|error| no_key(key, &error))?;
        }
        What::Hold { keys, hold_ms } => {
            let press = Press::Together { keys: keys.clone(), hold_ms: *hold_ms };
            hands.press(&press).map_err(|error| no_key(&error.wanted, &error))?;
        }
        What::KeyDown(key) => hands.half_press(key, true).map_err(|error| no_key(key, &error))?,
        What::KeyUp(key) => hands.half_press(key, false).map_err(|error| no_key(key, &error))?,
        What::Turn { knob, clicks } => {
            hands.press(&Press::Turn { knob: knob.clone(), clicks: *clicks }).map_err(|error| no_key(knob, &error))?;
        }
        What::Type(text) => text.chars().for_each(|c| hands.now(Input::Keyboard(c))),
        What::Enter(entered) => {
            let code = code(entered, hands, codes, wrong_code)?;
            hands
                .enter(&code)
                .map_err(|error| Wrong::new("enter", error.to_string(), "a code of this unit's length and alphabet"))?;
        }
        What::Door(open) => hands.now(Input::Door { open: *open }),
        What::Pinhole(ms) => {
            hands.now(Input::Pinhole { pressed: true });
            hands.wait(*ms);
            hands.now(Input::Pinhole { pressed: false });
        }
        What::Usb(stick) => hands.now(Input::Usb(stick.clone())),
        What::Diag { tester, request } => {
            let request = request_of(request, hands, codes, wrong_code)?;
            hands.now(Input::Diagnostic { tester: Arc::clone(tester), request });
        }
        What::Vehicle(home) => hands.now(Input::Vehicle { home: *home }),
        What::Owner(action) => hands.now(Input::Owner(owner(action)?)),
        What::ReadLabel => hands.now(Input::ReadLabel),
        What::Fault { plant, fault } => {
            let fault = fault_of(fault, hands)?;
            hands.now(if *plant { Input::Plant(fault) } else { Input::Mend(fault) });
        }
    }
    Ok(())
}

fn no_key(key: &str, error: &headlock_twin::NoSuchKey) -> Wrong {
    Wrong::new(key, error.to_string(), "further keys of a panel go into the reading's `keys`")
}

fn bad_code(error: &headlock_profile::BadCode) -> Wrong {
    Wrong::new("", error.to_string(), "digits and capital letters")
}

fn code(entered: &Entered, hands: &Hands<'_>, codes: &[Code], wrong_code: Option<&str>) -> Result<Code, Wrong> {
    match entered {
        Entered::Right => codes.first().cloned().ok_or_else(|| {
            Wrong::new("right", "nobody knows this unit's code", "give it one in its row: unit … code 1234")
        }),
        Entered::Wrong => {
            Code::new(wrong_code.unwrap_or_default(), Provenance::Stated).map_err(|error| bad_code(&error))
        }
        Entered::Answer => hands.answer().ok_or_else(|| {
            Wrong::new("answer", "this unit asks no challenge", "only one with belongs_to = \"challenge\" does")
        }),
        Entered::Code(text) => Code::new(text, Provenance::Stated).map_err(|error| bad_code(&error)),
    }
}

fn request_of(asked: &Asked, hands: &Hands<'_>, codes: &[Code], wrong_code: Option<&str>) -> Result<Request, Wrong> {
    Ok(match asked {
        Asked::EnterCode(entered) => Request::EnterCode(code(entered, hands, codes, wrong_code)?),
        Asked::Plain("read-serial") => Request::ReadSerial,
        Asked::Plain("read-firmware") => Request::ReadFirmware,
        Asked::Plain("read-state") => Request::ReadState,
        Asked::Plain("clear-attempts") => Request::ClearAttempts,
        Asked::Plain("reset-lock") => Request::ResetLock,
        Asked::Plain("clear-locked-out") => Request::ClearLockedOut,
        Asked::Plain("disable-checking") => Request::DisableChecking,
        Asked::Plain("reflash") => Request::Reflash,
        Asked::Plain(_) => Request::Pair,
    })
}

fn owner(action: &Owner) -> Result<OwnerAction, Wrong> {
    Ok(match action {
        Owner::SetCode(text) => {
            OwnerAction::SetCode(Code::new(text, Provenance::Owner).map_err(|error| bad_code(&error))?)
        }
        Owner::EraseCode(code) => OwnerAction::EraseCode(
            code.as_ref()
                .map(|text| Code::new(text, Provenance::Owner))
                .transpose()
                .map_err(|error| bad_code(&error))?,
        ),
        Owner::OptIn(on) => OwnerAction::OptIn(*on),
        Owner::Set(setting, word) => {
            OwnerAction::Set { setting: Arc::from(setting.as_str()), word: Arc::from(word.as_str()) }
        }
    })
}

fn fault_of(fault: &Broken, hands: &Hands<'_>) -> Result<Fault, Wrong> {
    let key = |name: &str| hands.key(name).map_err(|error| no_key(name, &error));
    Ok(match fault {
        Broken::Key("stuck-key", name) => Fault::StuckKey(key(name)?),
        Broken::Key(_, name) => Fault::DeadKey(key(name)?),
        Broken::Plain("eeprom-forgets") => Fault::EepromForgets,
        Broken::Plain("eeprom-worn") => Fault::EepromWorn,
        Broken::Number("eeprom-rot", bit) => Fault::EepromRot(*bit),
        Broken::Number(_, cell) => Fault::EepromCell(*cell),
        Broken::Plain("frozen") => Fault::Frozen,
        Broken::Plain("muted") => Fault::Muted,
        Broken::Plain("glitch") => Fault::Glitch,
        Broken::Plain("surge-damage") => Fault::SurgeDamage,
        Broken::Plain("hardware-lock") => Fault::HardwareLock,
        Broken::Plain("exchanged") => Fault::Exchanged,
        Broken::Plain(_) => Fault::OtherCode,
    })
}

impl Running {
    /// A code that the twin does not have is asked for before anything is pressed.
    fn needs_code(&self, what: &What) -> Result<(), Wrong> {
        match what {
            What::Enter(Entered::Wrong) | What::Diag { request: Asked::EnterCode(Entered::Wrong), .. }
                if self.wrong_code().is_none() =>
            {
                Err(Wrong::new("wrong", "every code that can be typed opens this unit", "name the code to enter"))
            }
            _ => Ok(()),
        }
    }
}
