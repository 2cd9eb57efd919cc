//! What a reading must satisfy beyond its types: a panel that can type its codes, keys that exist, gestures that can be made.

use std::collections::BTreeSet;

use crate::behaviour::{
    AlphabetSpec, AsksSpec, AsksWord, Behaviour, CodeOwner, CodeSpec, ConfirmSpec, GestureSpec, LengthSpec, LockKind,
    Style,
};
use crate::code::MAX_CODE;
use crate::policy::Fault;
use crate::serial::whole;
use crate::typing::{alphabets, typable};

/// Checks one decided reading.
pub(crate) fn check(b: &Behaviour) -> Result<(), Fault> {
    if matches!(b.kind, LockKind::Code | LockKind::PairingOrCode) {
        code(&b.code, "code")?;
        entry(b)?;
        code_can_be_typed(b)?;
    }
    for (index, other) in b.also.iter().enumerate() {
        if let Some(spec) = &other.code {
            code(spec, &format!("also.{index}.code"))?;
            let asked = !matches!(other.asks, AsksSpec::Word(AsksWord::Never));
            if asked && matches!(other.kind, LockKind::Code | LockKind::PairingOrCode) {
                can_be_typed(b, spec, &format!("also.{index}.code"))?;
            }
        }
        if let AsksSpec::Key { key } = &other.asks
            && key.is_empty()
        {
            return Err(Fault::new(format!("also.{index}.asks"), "a key without a name", "name the key"));
        }
    }
    gestures(b)?;
    bounds(b)?;
    panel(b)?;
    texts(b)?;
    supply(b)?;
    patterns(b)
}

fn code(spec: &CodeSpec, path: &str) -> Result<(), Fault> {
    for length in spec.length.all() {
        if length == 0 || usize::from(length) > MAX_CODE {
            return Err(Fault::new(
                format!("{path}.length"),
                format!("a code of {length} characters"),
                format!("1 to {MAX_CODE}"),
            ));
        }
        if let AlphabetSpec::Positions(texts) = &spec.alphabet
            && texts.len() < usize::from(length)
        {
            return Err(Fault::new(
                format!("{path}.alphabet"),
                format!("{} alphabets for {length} positions", texts.len()),
                "one for each position",
            ));
        }
        for (place, alphabet) in alphabets(&spec.alphabet, usize::from(length)).iter().enumerate() {
            let repeated = alphabet.iter().enumerate().find(|(i, c)| alphabet[..*i].contains(c));
            if alphabet.is_empty() || repeated.is_some() {
                return Err(Fault::new(
                    format!("{path}.alphabet"),
                    repeated.map_or(format!("nothing can stand at place {}", place + 1), |(_, c)| {
                        format!("{c:?} stands twice")
                    }),
                    "list every character once",
                ));
            }
            if let Some(c) = alphabet.iter().find(|c| !c.is_ascii_digit() && !c.is_ascii_uppercase()) {
                return Err(Fault::new(
                    format!("{path}.alphabet"),
                    format!("{c:?} is no character of a code"),
                    "digits and capital letters",
                ));
            }
        }
    }
    if let LengthSpec::BySetting { by_setting } = &spec.length
        && !by_setting.lengths.contains_key(&by_setting.initially)
    {
        return Err(Fault::new(
            format!("{path}.length.by_setting.initially"),
            format!("{:?} has no length", by_setting.initially),
            "one of the words in `lengths`",
        ));
    }
    if spec.belongs_to == CodeOwner::Challenge && spec.challenge.is_none() {
        return Err(Fault::new(
            format!("{path}.challenge"),
            "a code that answers a challenge needs one",
            "add challenge = { digits = 6 }",
        ));
    }
    if let Some(challenge) = &spec.challenge
        && !(1..=12).contains(&challenge.digits)
    {
        return Err(Fault::new(format!("{path}.challenge.digits"), format!("{} digits", challenge.digits), "1 to 12"));
    }
    Ok(())
}

/// A code that a panel cannot type is a mistake in the catalogue, not in the owner.
fn code_can_be_typed(b: &Behaviour) -> Result<(), Fault> {
    can_be_typed(b, &b.code, "code")?;
    defaults(b)
}

fn can_be_typed(b: &Behaviour, code: &CodeSpec, path: &str) -> Result<(), Fault> {
    if b.entry.style == Style::Diagnostics {
        return Ok(());
    }
    for length in code.length.all() {
        for (place, alphabet) in alphabets(&code.alphabet, usize::from(length)).iter().enumerate() {
            let typed = typable(&b.entry, alphabet, place);
            let missing: String = alphabet.iter().filter(|c| !typed.contains(c)).collect();
            if !missing.is_empty() {
                let can: String = typed.iter().collect();
                return Err(Fault::new(
                    format!("{path}.alphabet"),
                    format!("this panel cannot type {missing:?} at place {}", place + 1),
                    format!("with this entry style it types {can:?}; narrow the alphabet, or correct the entry"),
                ));
            }
        }
    }
    Ok(())
}

fn defaults(b: &Behaviour) -> Result<(), Fault> {
    for default in &b.code.defaults {
        let fits = b.code.length.all().iter().any(|length| {
            let alphabets = alphabets(&b.code.alphabet, usize::from(*length));
            default.chars().count() == alphabets.len() && default.chars().zip(&alphabets).all(|(c, a)| a.contains(&c))
        });
        if !fits {
            return Err(Fault::new(
                "code.defaults",
                format!("{default:?} is no code of this unit"),
                "length and alphabet of `code`, all typable on the panel",
            ));
        }
    }
    Ok(())
}

fn entry(b: &Behaviour) -> Result<(), Fault> {
    let e = &b.entry;
    let takes_code = matches!(b.kind, LockKind::Code | LockKind::PairingOrCode);
    let longest = usize::from(b.code.length.all().into_iter().max().unwrap_or(4));
    let missing = |field: &str, help: &str| Err(Fault::new(format!("entry.{field}"), "this style needs it", help));
    if !takes_code {
        return Ok(());
    }
    match e.style {
        Style::KeyIsDigit | Style::TouchPad | Style::Hold | Style::MultiTap if e.keys.is_empty() => {
            return missing("keys", "list the keys that type characters, like keys = [\"1\", \"2\", \"3\"]");
        }
        Style::PressCount if e.keys.len() < longest => {
            return missing("keys", &format!("one key for each of {longest} places"));
        }
        Style::Dials if e.dials.is_empty() => {
            return missing("dials", "like dials = [{ key = \"H\", places = [1, 2] }]");
        }
        Style::Cursor if e.next.is_none() || (e.up.is_none() && e.down.is_none()) => {
            return missing("next", "name `next`, and `up` or `down`");
        }
        Style::Rotary if e.knob.is_none() || e.next.is_none() => {
            return missing("knob", "name the `knob` that turns and the key `next` that goes on");
        }
        _ => {}
    }
    if !e.types.is_empty() && e.types.len() != e.keys.len() {
        return Err(Fault::new(
            "entry.types",
            format!("{} for {} keys", e.types.len(), e.keys.len()),
            "one for each of `keys`, in their order",
        ));
    }
    if e.types.is_empty()
        && matches!(e.style, Style::KeyIsDigit | Style::TouchPad | Style::Hold)
        && let Some(key) = e.keys.iter().find(|key| key.chars().count() != 1)
    {
        return Err(Fault::new(
            "entry.keys",
            format!("what does {key:?} type?"),
            "add `types`, one character for each key",
        ));
    }
    if e.style == Style::Dials {
        for (index, dial) in e.dials.iter().enumerate() {
            let wrong = dial.places.iter().any(|place| *place == 0 || usize::from(*place) > longest);
            if dial.places.is_empty() || wrong || dial.places.len() > 4 || dial.modulo == Some(0) {
                return Err(Fault::new(
                    format!("entry.dials.{index}"),
                    "a dial that cannot be turned",
                    format!("1 to 4 places, each from 1 to {longest}, and a modulo of 1 or more"),
                ));
            }
        }
        for place in 1..=longest {
            let turned = e.dials.iter().flat_map(|dial| &dial.places).filter(|p| usize::from(**p) == place).count();
            if turned != 1 {
                return Err(Fault::new(
                    "entry.dials",
                    format!("{turned} dials turn place {place}"),
                    "exactly one for each place",
                ));
            }
        }
    }
    let steps = matches!(e.style, Style::PressCount | Style::Dials | Style::Cursor);
    if steps && matches!(e.confirm, ConfirmSpec::Word(_)) {
        return Err(Fault::new(
            "entry.confirm",
            "with this style no character is the last",
            "name the key, like confirm = { key = \"OK\", hold_ms = 2000 }",
        ));
    }
    if e.style == Style::Hold && e.hold_ms == 0 {
        return Err(Fault::new("entry.hold_ms", "0 ms is no hold", "how long until the next place appears"));
    }
    if e.ignition.list().is_empty() {
        return Err(Fault::new(
            "entry.ignition",
            "no position at all: nothing could ever be entered",
            "list positions",
        ));
    }
    Ok(())
}

fn gestures(b: &Behaviour) -> Result<(), Fault> {
    let mut all: Vec<(String, &GestureSpec)> = Vec::new();
    all.extend(b.entry.open_with.as_ref().map(|g| ("entry.open_with".to_owned(), g)));
    all.extend(b.entry.restart.as_ref().map(|g| ("entry.restart".to_owned(), g)));
    if let ConfirmSpec::Gesture(g) = &b.entry.confirm {
        all.push(("entry.confirm".to_owned(), g));
    }
    all.extend(b.tries.extra.as_ref().map(|extra| ("tries.extra.gesture".to_owned(), &extra.gesture)));
    for (index, service) in b.service.iter().enumerate() {
        all.push((format!("service.{index}.gesture"), &service.gesture));
        if service.item.is_empty() {
            return Err(Fault::new(
                format!("service.{index}.item"),
                "a menu without items",
                "add [[reading.service.item]]",
            ));
        }
    }
    for (path, gesture) in all {
        let ways = usize::from(gesture.key.is_some())
            + usize::from(!gesture.keys.is_empty())
            + usize::from(!gesture.sequence.is_empty());
        if ways != 1 {
            return Err(Fault::new(
                path,
                "a gesture is one key, several keys held, or a sequence",
                "give exactly one of key, keys, sequence",
            ));
        }
        if !gesture.sequence.is_empty() && (gesture.hold_ms > 0 || gesture.from.is_some()) {
            return Err(Fault::new(path, "a sequence is pressed, not held", "leave out hold_ms and from"));
        }
    }
    Ok(())
}

/// Times and counts that would never come, or come all the time.
fn bounds(b: &Behaviour) -> Result<(), Fault> {
    const LOCKS: usize = 4;
    const KEYS: usize = 64;
    const ITEMS: usize = 100;
    if b.also.len() >= LOCKS {
        return Err(Fault::new("also", format!("{} further locks", b.also.len()), format!("{} at most", LOCKS - 1)));
    }
    let keys: BTreeSet<&String> = named_keys(b).collect();
    if keys.len() > KEYS {
        return Err(Fault::new("keys", format!("{} keys on one panel", keys.len()), format!("{KEYS} at most")));
    }
    let positive = [
        ("entry.digit_timeout_s", b.entry.digit_timeout_s),
        ("entry.timeout_s", b.entry.timeout_s),
        ("power.auto_off_s", b.power.auto_off_s),
        ("power.sleeps_after_s", b.power.sleeps_after_s),
        ("arming.calendar_days", b.arming.calendar_days.map(u64::from)),
    ];
    if let Some((path, _)) = positive.iter().find(|(_, value)| *value == Some(0)) {
        return Err(Fault::new(*path, "0 would be at once, always", "1 or more; or leave it out"));
    }
    // A plain press lasts 120 ms: what acts sooner would act twice.
    if b.entry.repeat_ms.is_some_and(|ms| ms < 200) {
        return Err(Fault::new("entry.repeat_ms", "a plain press lasts 120 ms and would repeat", "200 or more"));
    }
    if b.entry.long_press.is_some_and(|long| long.over_ms < 200) {
        return Err(Fault::new(
            "entry.long_press.over_ms",
            "a plain press lasts 120 ms and would be long",
            "200 or more",
        ));
    }
    for (index, service) in b.service.iter().enumerate() {
        if service.item.len() > ITEMS {
            return Err(Fault::new(
                format!("service.{index}.item"),
                format!("{} items", service.item.len()),
                format!("{ITEMS} at most"),
            ));
        }
        if let Some(item) = service.item.iter().position(|item| item.turns_after_ms.is_some_and(|ms| ms < 200)) {
            return Err(Fault::new(
                format!("service.{index}.item.{item}.turns_after_ms"),
                "nobody could read that",
                "200 or more",
            ));
        }
    }
    Ok(())
}

/// Every key that some field names.
fn named_keys(b: &Behaviour) -> impl Iterator<Item = &String> {
    let e = &b.entry;
    let gestures = [&e.open_with, &e.restart].into_iter().flatten().chain(b.service.iter().map(|s| &s.gesture));
    let gestures = gestures.chain(b.tries.extra.iter().map(|extra| &extra.gesture));
    let held = gestures.flat_map(|g| g.key.iter().chain(&g.keys).chain(&g.sequence));
    let single =
        [&e.next, &e.previous, &e.up, &e.down, &e.knob, &e.confirm_each, &e.erase, &b.power.key].into_iter().flatten();
    let menus = b.service.iter().flat_map(|s| [&s.next, &s.previous, &s.confirm, &s.leave].into_iter().flatten());
    let dials = e.dials.iter().flat_map(|dial| std::iter::once(&dial.key).chain(&dial.down));
    e.keys.iter().chain(&b.keys).chain(held).chain(single).chain(menus).chain(dials)
}

/// Shorter than this a hold cannot be told from a press.
const PRESS_MS: u64 = 300;

/// Keys that must exist, and keys that cannot be two things at once.
fn panel(b: &Behaviour) -> Result<(), Fault> {
    use crate::behaviour::OnWith;
    if b.power.on_with == OnWith::Key && b.power.key.is_none() {
        return Err(Fault::new("power.key", "switched on with a key that is not named", "add key = \"POWER\""));
    }
    if b.owner.sets_code && b.code.belongs_to == CodeOwner::Unit {
        return Err(Fault::new(
            "owner.sets_code",
            "an owner cannot set a code that belongs to the unit for its life",
            "write belongs_to = \"owner\" in `code`",
        ));
    }
    let e = &b.entry;
    let single = [&e.next, &e.previous, &e.up, &e.down, &e.confirm_each, &e.erase].into_iter().flatten();
    let dials = e.dials.iter().flat_map(|dial| std::iter::once(&dial.key).chain(&dial.down));
    let types: Vec<&String> = e.keys.iter().chain(dials).chain(single).collect();
    if let ConfirmSpec::Gesture(GestureSpec { key: Some(key), hold_ms, .. }) = &e.confirm
        && *hold_ms < PRESS_MS
        && types.contains(&key)
    {
        return Err(Fault::new(
            "entry.confirm",
            format!("{key:?} does something else in the entry, so a press of it cannot confirm"),
            "add hold_ms, 300 or more, or name another key",
        ));
    }
    if let Some(key) = e.keys.iter().enumerate().find(|(i, key)| e.keys[..*i].contains(key)).map(|(_, key)| key) {
        return Err(Fault::new(
            "entry.keys",
            format!("{key:?} stands twice"),
            "each key once; what it types goes into `types`",
        ));
    }
    if let Some(key) = b.power.key.as_ref().filter(|key| types.contains(key)) {
        return Err(Fault::new(
            "power.key",
            format!("{key:?} is a key of the entry, too"),
            "name the power key otherwise",
        ));
    }
    if let Some(initial) = &e.initial {
        let places = b.code.length.all().into_iter().map(usize::from).max().unwrap_or(0);
        let count = initial.chars().count();
        if count != 1 && count < places {
            return Err(Fault::new(
                "entry.initial",
                format!("{count} characters for {places} places"),
                "one for all, or one for each place",
            ));
        }
        let alphabets = alphabets(&b.code.alphabet, places);
        let stranger = if count == 1 {
            initial.chars().find(|c| !alphabets.iter().any(|alphabet| alphabet.contains(c)))
        } else {
            initial.chars().zip(&alphabets).find(|(c, alphabet)| !alphabet.contains(c)).map(|(c, _)| c)
        };
        if let Some(c) = stranger {
            return Err(Fault::new(
                "entry.initial",
                format!("{c:?} cannot stand there"),
                "a character of the code's alphabet",
            ));
        }
    }
    Ok(())
}

/// Placeholders that a display's text may hold.
pub(crate) const PLACEHOLDERS: [&str; 15] = [
    "failed",
    "attempt",
    "tried",
    "in_round",
    "rounds",
    "left",
    "left_for_good",
    "letter",
    "wait_s",
    "wait_min",
    "wait_h",
    "cycles",
    "entered",
    "challenge",
    "serial",
];

fn texts(b: &Behaviour) -> Result<(), Fault> {
    let d = &b.display;
    let optional =
        [("prompt_again", &d.prompt_again), ("refused", &d.refused), ("locked_out_again", &d.locked_out_again)];
    let all = [
        ("prompt", &d.prompt),
        ("entering", &d.entering),
        ("error", &d.error),
        ("wait", &d.wait),
        ("locked_out", &d.locked_out),
        ("hardware_lock", &d.hardware_lock),
        ("welcome", &d.welcome),
        ("open", &d.open),
    ];
    let all =
        all.into_iter().chain(optional.into_iter().filter_map(|(name, text)| text.as_ref().map(|text| (name, text))));
    for (name, text) in all {
        if text.all().next().is_none() {
            return Err(Fault::new(
                format!("display.{name}"),
                "a list without a text",
                "text in quotes; \"\" shows nothing",
            ));
        }
        for part in text.all().flat_map(|text| text.split('{').skip(1)) {
            let word = part.split('}').next().unwrap_or_default();
            if !PLACEHOLDERS.contains(&word) {
                return Err(Fault::new(
                    format!("display.{name}"),
                    format!("unknown placeholder {{{word}}}"),
                    crate::problem::closest(word, &PLACEHOLDERS),
                ));
            }
        }
    }
    Ok(())
}

fn supply(b: &Behaviour) -> Result<(), Fault> {
    for (name, volts) in [("works_above_v", b.supply.works_above_v), ("saves_above_v", b.supply.saves_above_v)] {
        if !(0.0..=60.0).contains(&volts) {
            return Err(Fault::new(format!("supply.{name}"), format!("{volts} V is no supply of a car"), "0 to 60 V"));
        }
    }
    for (index, setting) in &b.owner.settings {
        if setting.is_empty() {
            return Err(Fault::new(
                format!("owner.settings.{index}"),
                "a setting without words",
                "list what it can be set to",
            ));
        }
    }
    Ok(())
}

fn patterns(b: &Behaviour) -> Result<(), Fault> {
    let mut all = Vec::new();
    if let LengthSpec::BySerial { by_serial, .. } = &b.code.length {
        all.extend(by_serial.iter().map(|rule| ("code.length.by_serial", rule.pattern.as_str())));
    }
    all.extend(b.update.as_ref().map(|update| ("update.file", update.file.as_str())));
    for (path, pattern) in all {
        if let Err(error) = whole(pattern) {
            return Err(Fault::new(path, format!("{pattern:?} is no regular expression: {error}"), "like CL[0-9]{8}"));
        }
    }
    Ok(())
}
