//! Whom the watch notices, and whom it leaves alone.
#![allow(clippy::unwrap_used)]

use headlock_registry::watch::{
    Asked, Outcome, REMEMBERED, Sign, WATCH_BYTES_MAX, Watch, WatchError, WatchRules, WatchRulesError,
};

const DAY_S: u64 = 86_400;
const START_S: u64 = 1_700_000_000;

/// SplitMix64: a run is repeated by its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

fn asked(serial: &str, at_s: u64) -> Asked<'_> {
    Asked { serial, unit: "acme/nova-200", region: Some("DE"), at_s, outcome: Outcome::Released }
}

/// The signs of a row of serials, a minute after each other.
fn signs_of(serials: &[&str]) -> Vec<Sign> {
    let mut watch = Watch::default();
    let times = (0..).map(|index| START_S + index * 60);
    serials
        .iter()
        .zip(times)
        .flat_map(|(serial, at_s)| watch.observe(&WatchRules::default(), &asked(serial, at_s)))
        .collect()
}

// --- one after the other

#[test]
fn the_fourth_neighbour_is_a_sign_in_whatever_order() {
    let in_order = ["NV0000101", "NV0000102", "NV0000103", "NV0000104", "NV0000105"];
    let both = [Sign::Sequential { count: 4 }, Sign::Sequential { count: 5 }];
    assert_eq!(signs_of(&in_order[..3]), []);
    assert_eq!(signs_of(&in_order), both);
    let mixed = [in_order[3], in_order[0], in_order[4], in_order[2], in_order[1]];
    assert_eq!(signs_of(&mixed), both);
}

#[test]
fn neighbours_are_seen_among_other_questions_and_behind_a_check_digit() {
    let hidden = ["NV0000101", "QX7755001", "NV0000140", "NV0931117", "AB4410", "NV0000120", "NV0500000", "NV0000111"];
    assert_eq!(signs_of(&hidden), [Sign::Sequential { count: 4 }]);
    let with_check_digit = ["4711011", "4711028", "4711035", "4711042"];
    assert_eq!(signs_of(&with_check_digit), [Sign::Sequential { count: 4 }]);
    let with_check_letter = ["NV00101K", "NV00102B", "NV00103X", "NV00104A"];
    assert_eq!(signs_of(&with_check_letter), [Sign::Sequential { count: 4 }]);
}

#[test]
fn equal_steps_are_seen_however_wide_and_in_whatever_order() {
    assert_eq!(signs_of(&["NV0003000", "NV0001000", "NV0004000", "NV0002000"]), [Sign::Sequential { count: 4 }]);
    assert_eq!(signs_of(&["NV9000001", "NV6000001", "NV3000001", "NV0000001"]), [Sign::Sequential { count: 4 }]);
    assert_eq!(signs_of(&["NV0001000", "NV0002000", "NV0004000", "NV0008000"]), []);
}

#[test]
fn after_a_sign_only_what_makes_it_worse_is_another() {
    let box_of_four = ["NV0000101", "NV0000102", "NV0000103", "NV0000104"];
    let harmless = ["NV0000103", "NV0770000", "NV0000101", "QX0000105"];
    assert_eq!(signs_of(&[&box_of_four[..], &harmless].concat()), [Sign::Sequential { count: 4 }]);
    let worse = [&box_of_four[..], &harmless, &["NV0000099"]].concat();
    assert_eq!(signs_of(&worse), [Sign::Sequential { count: 4 }, Sign::Sequential { count: 5 }]);
}

#[test]
fn of_two_numbers_as_long_as_each_other_the_last_one_counts() {
    assert_eq!(
        signs_of(&["NV4410-0101", "NV4410-0102", "NV4410-0103", "NV4410-0104"]),
        [Sign::Sequential { count: 4 }]
    );
    assert_eq!(signs_of(&["NV4410-0101", "NV4411-0202", "NV4412-0303", "NV4413-0404"]), []);
}

#[test]
fn numbers_of_different_series_are_no_neighbours() {
    assert_eq!(signs_of(&["NVA000101", "NVB000102", "NVC000103", "NVD000104", "NVE000105"]), []);
    assert_eq!(signs_of(&["XX", "YY", "ZZ", "WW", "", "é"]), [], "serials without a number");
}

#[test]
fn among_few_digits_numbers_are_close_by_chance_and_no_sign() {
    assert_eq!(signs_of(&["NV-A-1", "NV-A-2", "NV-A-3", "NV-A-4", "NV-A-5"]), []);
    assert_eq!(signs_of(&["NV-A-110", "NV-A-230", "NV-A-350", "NV-A-470"]), [], "steps of three digits");
    let close = ["NV-A-110", "NV-A-111", "NV-A-112", "NV-A-113"];
    assert_eq!(signs_of(&close), [Sign::Sequential { count: 4 }], "a hundredth of three digits are ten");
}

#[test]
fn the_same_serial_again_is_the_same_car() {
    let mut serials = vec!["NV0000101", "NV0000102", "NV0000103"];
    serials.extend(["NV0000101", "NV0000103", "NV0000102"].repeat(5));
    assert_eq!(signs_of(&serials), []);
}

#[test]
fn a_serial_longer_than_any_number_is_no_trouble() {
    let long = "9".repeat(60);
    let next = format!("{}8", "9".repeat(59));
    assert_eq!(signs_of(&[&long, &next, &long]), []);
    let four: Vec<String> = (5..9).map(|last| format!("{}{last}", "9".repeat(59))).collect();
    let four: Vec<&str> = four.iter().map(String::as_str).collect();
    assert_eq!(signs_of(&four), [Sign::Sequential { count: 4 }]);
}

// --- boxes

fn signs_of_a_box(days: &[u64]) -> usize {
    let mut watch = Watch::default();
    let asked_for = days.iter().zip(0..).map(|(day, index)| (*day, format!("NV{:07}", 4_200 + index)));
    asked_for
        .map(|(day, serial)| watch.observe(&WatchRules::default(), &asked(&serial, START_S + day * DAY_S)).len())
        .sum()
}

#[test]
fn a_box_of_twelve_radios_that_come_back_over_a_year_raises_nothing() {
    assert_eq!(signs_of_a_box(&std::array::from_fn::<u64, 12, _>(|month| month as u64 * 30)), 0);
    // On days by chance, two boxes in a hundred at most look like more than chance.
    let mut dice = Dice(12);
    let noticed = (0..2_000).filter(|_| {
        let mut days = [(); 12].map(|()| dice.below(365));
        days.sort_unstable();
        signs_of_a_box(&days) > 0
    });
    let noticed = noticed.count();
    println!("{noticed} of 2000 boxes");
    assert!(noticed < 40, "{noticed} of 2000");
}

#[test]
fn a_box_of_twelve_radios_in_one_afternoon_is_a_sign() {
    assert_eq!(signs_of_a_box(&[3; 12]), 9, "the fourth and each after it");
}

#[test]
fn three_a_week_are_no_sign_and_the_week_is_seven_days() {
    let mut watch = Watch::default();
    let rules = WatchRules::default();
    for serial in ["NV0000101", "NV0000102", "NV0000103"] {
        assert_eq!(watch.observe(&rules, &asked(serial, START_S)), []);
    }
    let mut later = watch.clone();
    assert_eq!(later.observe(&rules, &asked("NV0000104", START_S + 7 * DAY_S + 120)), []);
    let sign = [Sign::Sequential { count: 4 }];
    assert_eq!(watch.clone().observe(&rules, &asked("NV0000104", START_S + 7 * DAY_S)), sign);
    assert_eq!(watch.observe(&rules, &asked("NV0000104", START_S - 400 * DAY_S)), sign, "the clock was set back");
}

// --- guesses

fn outcome(serial: &str, at_s: u64, outcome: Outcome) -> Asked<'_> {
    Asked { outcome, ..asked(serial, at_s) }
}

#[test]
fn the_fifth_serial_that_does_not_exist_is_a_sign() {
    let (mut watch, rules) = (Watch::default(), WatchRules::default());
    let mut observe = |serial, at| watch.observe(&rules, &outcome(serial, START_S, at));
    for serial in ["A810000", "B220000", "C930000", "D140000"] {
        assert_eq!(observe(serial, Outcome::NotFound), []);
        assert_eq!(observe(serial, Outcome::NotFound), [], "the same one again");
    }
    assert_eq!(observe("E550000", Outcome::Released), []);
    assert_eq!(observe("F660000", Outcome::NotFound), [Sign::Guessing { not_found: 5, of: 6 }]);
    assert_eq!(observe("F660000", Outcome::NotFound), []);
    assert_eq!(observe("G770000", Outcome::NotFound), [Sign::Guessing { not_found: 6, of: 7 }]);
    assert_eq!(observe("H880000", Outcome::Refused), [], "known, and refused for another reason");
}

#[test]
fn a_desk_that_mistypes_one_in_three_is_not_guessing() {
    let (mut watch, rules) = (Watch::default(), WatchRules::default());
    for index in 0..30_u64 {
        let serial = format!("NV{:07}", index * index * 9_973);
        let at = if index % 3 == 0 { Outcome::NotFound } else { Outcome::Released };
        assert_eq!(watch.observe(&rules, &outcome(&serial, START_S + index * 600, at)), []);
    }
}

#[test]
fn misses_on_different_days_are_no_guesses() {
    let (mut watch, rules) = (Watch::default(), WatchRules::default());
    for index in 0..30_u64 {
        let serial = format!("NV{:07}", index * index * 9_973);
        assert_eq!(watch.observe(&rules, &outcome(&serial, START_S + index * 22_000, Outcome::NotFound)), []);
    }
}

// --- a trade

#[test]
fn a_ninth_unit_or_a_fifth_region_in_a_day_is_a_trade() {
    let (mut watch, rules) = (Watch::default(), WatchRules::default());
    let mut observe = |unit: &str, region: Option<&str>, day: u64| {
        let serial = format!("{unit}-{region:?}");
        watch.observe(&rules, &Asked { unit, region, ..asked(&serial, START_S + day * DAY_S) })
    };
    for unit in ["a", "b", "c", "d", "e", "f", "g", "h", "a"] {
        assert_eq!(observe(unit, None, 0), []);
    }
    assert_eq!(observe("i", None, 0), [Sign::Broker { units: 9, regions: 0 }]);
    assert_eq!(observe("i", None, 0), [], "no worse than before");
    assert_eq!(observe("j", None, 3), []);
    for region in ["DE", "FR", "PL", "IT"] {
        assert_eq!(observe("j", Some(region), 3), []);
    }
    assert_eq!(observe("j", Some("ES"), 3), [Sign::Broker { units: 1, regions: 5 }]);
    assert_eq!(observe("j", Some("PT"), 9), []);
}

// --- honest desks

#[test]
fn a_dealer_s_years_raise_nothing() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let (mut watch, rules) = (Watch::default(), WatchRules::default());
        for day in 0..365 {
            if day % 7 >= 5 {
                continue;
            }
            for question in 0..dice.below(5) {
                // One brand: three units with two series each, five million radios a series, one region and its neighbour.
                let unit = dice.one_of(&["acme/nova-100", "acme/nova-200", "acme/nova-300"]);
                let serial = format!("{}{}{:07}", &unit[10..11], dice.below(2), dice.below(5_000_000));
                let region = if dice.below(10) == 0 { "FR" } else { "DE" };
                let missed = dice.below(12) == 0;
                let outcome = if missed { Outcome::NotFound } else { Outcome::Released };
                let at_s = START_S + day * DAY_S + question * 3_600;
                let signs =
                    watch.observe(&rules, &Asked { serial: &serial, unit, region: Some(region), at_s, outcome });
                assert_eq!(signs, [], "seed {seed}, day {day}");
            }
        }
    }
}

// --- what is kept

#[test]
fn a_watch_that_was_kept_goes_on_as_if_it_had_not_been() {
    let mut dice = Dice(7);
    let rules = WatchRules::default();
    let (mut watch, mut kept) = (Watch::default(), Watch::default());
    let mut raised = 0;
    for index in 0..500_u64 {
        let serial = format!("N{}{:05}", dice.below(2), dice.below(400));
        let unit = format!("unit {}", dice.below(12));
        let region = dice.one_of(&[Some("DE"), Some("FR"), Some("PL"), None]);
        let outcome = dice.one_of(&[Outcome::Released, Outcome::Refused, Outcome::NotFound]);
        let asked = Asked { serial: &serial, unit: &unit, region, at_s: START_S + index * 3_000, outcome };
        let signs = watch.observe(&rules, &asked);
        raised += signs.len();
        assert_eq!(kept.observe(&rules, &asked), signs);
        let bytes = kept.to_bytes();
        assert!(bytes.len() <= WATCH_BYTES_MAX && WATCH_BYTES_MAX <= 600);
        kept = Watch::from_bytes(&bytes).unwrap();
        assert!(kept == watch);
    }
    assert!(raised > 50, "{raised}: a test without signs shows nothing");
    assert_eq!(watch.to_bytes().len(), WATCH_BYTES_MAX);
    assert_eq!(format!("{watch:?}"), format!("Watch({REMEMBERED} questions)"));
}

#[test]
fn bytes_that_are_no_watch_are_refused() {
    let mut watch = Watch::default();
    for serial in ["NV0000101", "NV0000102"] {
        watch.observe(&WatchRules::default(), &asked(serial, START_S));
    }
    let bytes = watch.to_bytes();
    assert!(Watch::from_bytes(&[]).unwrap() == Watch::default());
    for length in 1..bytes.len() {
        assert_eq!(Watch::from_bytes(&bytes[..length]), Err(WatchError::Length { have: length }));
    }
    let mut wrong = bytes.clone();
    wrong[0] = 2;
    assert_eq!(Watch::from_bytes(&wrong), Err(WatchError::Version { found: 2 }));
    let mut wrong = bytes.clone();
    wrong[6] = 0xff;
    assert_eq!(Watch::from_bytes(&wrong), Err(WatchError::Outcome));
    let many = [&[1, 33][..], &[0; 33 * 18]].concat();
    assert_eq!(Watch::from_bytes(&many), Err(WatchError::Length { have: many.len() }));
}

#[test]
fn rules_are_read_with_defaults_and_checked() {
    let read = |text: &str| serde_json::from_str::<WatchRules>(text);
    assert_eq!(read("{}").unwrap(), WatchRules::default());
    let rules = read(r#"{"sequence_count": 6}"#).unwrap();
    assert_eq!(rules, WatchRules { sequence_count: 6, ..WatchRules::default() });
    assert!(read(r#"{"sequenze_count": 6}"#).is_err());
    assert_eq!(WatchRules::default().check(), Ok(()));
    let never = WatchRules { guess_count: 33, ..WatchRules::default() };
    assert_eq!(never.check(), Err(WatchRulesError::Never { rule: "guess_count" }));
    let never = WatchRules { broker_units_max: 32, ..WatchRules::default() };
    assert_eq!(never.check(), Err(WatchRulesError::Never { rule: "broker_units_max" }));
    let always = WatchRules { sequence_count: 1, ..WatchRules::default() };
    assert_eq!(always.check(), Err(WatchRulesError::Always { rule: "sequence_count" }));
}
