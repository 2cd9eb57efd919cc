//! What every phase does with every event, as a table that a reader can check, and the lookups behind it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;

use std::collections::HashSet;

use chance::{Chance, IGNITIONS};
use headlock_lock::{
    AfterWait, Arming, AtCut, Clears, Clock, Conditions, Config, Effect, EntryWhileWaiting, Event, ExtraAttempts, Feed,
    Forgiveness, Ignition, IgnitionSet, Interruption, Kind, Ladder, MAX_RUNGS, Phase, Policy, Rung, Scope, Span, State,
    SupplyCut, Tally, Tries, UnitNeed, next_change_ms, step,
};

/// `plain` is a code, rounds of 3 and then 2, and 10 s after the first round, doubled after each later one; each other
/// word of the first column changes one thing. A wait is `left/full` once begun, and its full length before. The tally
/// is `[failed in_round rounds extras]`.
const TABLE: &str = "
policy                      | before                        | event                       | after                          | effect
plain                       | open 5s                       | supply-restored(battery 9h) | same                           | persist
battery                     | open 5s [2 2 0 0]             | supply-restored(battery 1s) | armed [2 2 0 0]                | persist
battery                     | open                          | supply-restored(battery 999ms) | same                        | persist
battery                     | open                          | supply-restored(fuse 9h)    | same                           | persist
fuse                        | open                          | supply-restored(fuse 1s)    | armed                          | persist
removal                     | open                          | supply-restored(removal 1s) | armed                          | persist
battery unit-on-at-cut      | open                          | supply-restored(battery 1s was-on) | armed                   | persist
battery unit-on-at-cut      | open                          | supply-restored(battery 1s) | same                           | persist
battery unit-off-at-cut     | open                          | supply-restored(battery 1s was-on) | same                    | persist
battery unit-off-at-cut     | open                          | supply-restored(battery 1s) | armed                          | persist
battery                     | open disabled                 | supply-restored(battery 1s) | same                           | persist
battery                     | open no-code                  | supply-restored(battery 1s) | same                           | persist
battery                     | open not-opted                | supply-restored(battery 1s) | armed not-opted                | persist
battery opt-in              | open not-opted                | supply-restored(battery 1s) | same                           | persist
battery opt-in              | open                          | supply-restored(battery 1s) | armed                          | persist
battery kind-none           | open                          | supply-restored(battery 1s) | same                           | persist
battery kind-tool           | open                          | supply-restored(battery 1s) | armed                          | persist
battery restores-attempts   | open [2 2 1 0]                | supply-restored(battery 1s) | armed [0 0 1 0]                | persist
plain                       | open                          | voltage(0mv)                | same                           | none
low-voltage                 | open quiet=1s                 | voltage(8999mv)             | armed                          | persist
low-voltage                 | open                          | voltage(9000mv)             | same                           | none
surge                       | open                          | voltage(16001mv)            | armed                          | persist
surge                       | open                          | voltage(16000mv)            | same                           | none
low-voltage                 | open no-code                  | voltage(8999mv)             | same                           | none
plain                       | open                          | reflashed                   | same                           | none
reflash                     | open [1 1 0 0]                | reflashed                   | armed [1 1 0 0]                | persist
reflash                     | open disabled                 | reflashed                   | same                           | none
plain                       | open                          | vehicle-seen(other)         | same                           | none
other-vehicle               | open                          | vehicle-seen(other)         | armed                          | persist
other-vehicle               | open                          | vehicle-seen(home)          | same                           | none
kind-pairing                | open                          | vehicle-seen(other)         | armed                          | persist
kind-pairing-or-code        | open                          | vehicle-seen(other)         | armed                          | persist
kind-pairing                | open                          | vehicle-seen(home)          | same                           | none
other-vehicle kind-none     | open                          | vehicle-seen(other)         | same                           | none
plain                       | open                          | code-entered                | same                           | none
plain                       | open 5s [1 1 0 0]             | matched                     | same                           | none
plain                       | open                          | mismatched                  | same                           | none
plain                       | open [1 1 0 0]                | persist-failed              | same                           | none
plain                       | open 5s                       | elapsed(1s)                 | open 6s                        | none
plain                       | open 5s                       | elapsed(0ms)                | same                           | none
calendar                    | open 5s                       | elapsed(4999ms)             | open 9999ms                    | none
calendar                    | open 5s [1 1 0 0]             | elapsed(5s)                 | armed [1 1 0 0]                | persist
calendar                    | open 5s no-code               | elapsed(5s)                 | open 10s no-code               | none
calendar                    | open 20s                      | elapsed(1ms)                | armed                          | persist
forgives-all                | open [1 1 0 0]                | elapsed(9s)                 | open 9s [1 1 0 0]              | none
plain                       | open quiet=1s                 | key-touched                 | same                           | none
forgives-all forgets-on-key | open quiet=1s                 | key-touched                 | open                           | none
plain                       | open                          | ignition-cycled             | same                           | none
plain                       | open                          | rebooted                    | same                           | none
plain                       | open                          | key-cycled                  | same                           | none
extra                       | open [3 0 1 0]                | extra-attempts              | same                           | none
plain                       | open 5s [3 1 2 1]             | cleared(attempts)           | open 5s [0 0 2 1]              | persist
plain                       | open 5s [3 1 2 1]             | cleared(rounds)             | open 5s [3 1 0 0]              | persist
plain                       | open 5s [3 1 2 1]             | cleared(wait locked-out)    | same                           | persist
plain                       | open 5s [3 1 2 1]             | released                    | same                           | none
plain                       | open 5s [3 1 2 1]             | enabled(no)                 | open 5s [3 1 2 1] disabled     | persist
plain                       | open disabled                 | enabled(yes)                | open                           | persist
plain                       | open                          | opted-in(no)                | open not-opted                 | persist
plain                       | open not-opted                | opted-in(yes)               | open                           | persist
plain                       | open                          | code-set(no)                | open no-code                   | persist
plain                       | open no-code                  | code-set(yes)               | open                           | persist
battery                     | armed [1 1 0 0]               | supply-restored(battery 9h) | same                           | persist
restores-attempts           | armed [1 1 1 1]               | supply-restored(fuse 1s)    | armed [0 0 1 1]                | persist
restores-attempts           | armed [1 1 1 1]               | supply-restored(fuse 999ms) | same                           | persist
restores-rounds             | armed [1 1 1 1]               | supply-restored(removal 1s) | armed [1 1 0 0]                | persist
forgives-all                | armed [1 1 0 0]               | supply-restored(battery 9h) | same                           | persist
forgives-all counts-outage  | armed [1 1 0 0]               | supply-restored(battery 4s) | armed [1 1 0 0] quiet=4s       | persist
forgives-all counts-outage  | armed [1 1 1 1] quiet=1s      | supply-restored(battery 4s) | armed                          | persist
forgives-all counts-outage  | armed                         | supply-restored(battery 4s) | same                           | persist
low-voltage                 | armed                         | voltage(0mv)                | same                           | none
reflash                     | armed                         | reflashed                   | same                           | none
plain                       | armed                         | vehicle-seen(home)          | same                           | none
kind-pairing                | armed [1 1 0 0] no-code       | vehicle-seen(home)          | open no-code                   | persist-opened
kind-pairing-or-code        | armed [1 1 0 0]               | vehicle-seen(home)          | open                           | persist-opened
kind-pairing                | armed                         | vehicle-seen(other)         | same                           | none
plain                       | armed [1 1 0 1] quiet=3s      | code-entered                | checking [2 2 0 1]             | persist-then-compare
kind-pairing-or-code        | armed                         | code-entered                | checking [1 1 0 0]             | persist-then-compare
kind-pairing                | armed                         | code-entered                | same                           | none
kind-tool                   | armed                         | code-entered                | same                           | none
kind-none                   | armed                         | code-entered                | same                           | none
plain                       | armed [65535 65535 0 0]       | code-entered                | checking [65535 65535 0 0]     | persist-then-compare
plain                       | armed [1 1 0 0]               | matched                     | same                           | none
plain                       | armed [1 1 0 0]               | mismatched                  | same                           | none
plain                       | armed [1 1 0 0]               | persist-failed              | same                           | none
plain                       | armed [1 1 0 0]               | elapsed(9h)                 | same                           | none
calendar                    | armed                         | elapsed(9h)                 | same                           | none
forgives-all                | armed [1 1 0 0]               | elapsed(4999ms)             | armed [1 1 0 0] quiet=4999ms   | none
forgives-all                | armed [1 1 2 1]               | elapsed(5s)                 | armed                          | persist
forgives-all                | armed                         | elapsed(5s)                 | same                           | none
forgives-all forgives-on    | armed [1 1 0 0]               | elapsed(9h off)             | same                           | none
forgives-all forgives-on    | armed [1 1 0 0] quiet=1s      | elapsed(1s off)             | armed [1 1 0 0] quiet=2s       | none
forgives-attempts           | armed [1 1 2 1] quiet=4s      | elapsed(1s)                 | armed [0 0 2 1]                | persist
forgives-attempts           | armed [0 0 2 0] quiet=4s      | elapsed(1s)                 | same                           | none
forgives-wait               | armed [1 1 2 1]               | elapsed(9h)                 | same                           | none
forgives-all                | armed [1 1 0 0] quiet=4s      | key-touched                 | same                           | none
forgives-all forgets-on-key | armed [1 1 0 0] quiet=4s      | key-touched                 | armed [1 1 0 0]                | none
plain                       | armed                         | ignition-cycled             | same                           | none
plain                       | armed                         | rebooted                    | same                           | none
plain                       | armed                         | key-cycled                  | same                           | none
plain                       | armed [3 2 1 0]               | extra-attempts              | same                           | none
extra                       | armed [3 2 1 0]               | extra-attempts              | armed [1 0 1 1]                | persist
extra                       | armed [1 1 1 0]               | extra-attempts              | armed [0 0 1 1]                | persist
extra                       | armed [3 0 1 0]               | extra-attempts              | armed [1 0 1 1]                | persist
extra                       | armed [3 2 1 1]               | extra-attempts              | same                           | none
plain                       | armed [3 1 2 1]               | cleared(attempts)           | armed [0 0 2 1]                | persist
plain                       | armed [3 1 2 1]               | cleared(rounds wait)        | armed [3 1 0 0]                | persist
plain                       | armed [3 1 2 1] not-opted     | released                    | open not-opted                 | persist-opened
kind-none                   | armed                         | released                    | open                           | persist-opened
plain                       | armed [3 1 2 1]               | enabled(no)                 | open disabled                  | persist-opened
plain                       | armed [3 1 2 1]               | enabled(yes)                | same                           | persist
plain                       | armed                         | opted-in(no)                | same                           | none
plain                       | armed                         | code-set(no)                | same                           | none
battery                     | checking [1 1 0 0]            | supply-restored(battery 0ms) | armed [1 1 0 0]               | persist
plain                       | checking [3 3 0 0]            | supply-restored(battery 1s) | waiting 10s [3 0 1 0]          | persist
counts-outage               | checking [3 3 0 0]            | supply-restored(battery 4s) | waiting 6s/10s [3 0 1 0]       | persist
counts-outage clears-all    | checking [3 3 0 0]            | supply-restored(battery 9h) | armed                          | persist
lock-after-3                | checking [3 3 0 0]            | supply-restored(battery 1s) | locked-out [3 3 0 0]           | persist
cut-ends-wait               | checking [3 3 0 0]            | supply-restored(battery 1s) | armed [3 0 1 0]                | persist
low-voltage                 | checking [1 1 0 0]            | voltage(0mv)                | same                           | none
reflash                     | checking [1 1 0 0]            | reflashed                   | same                           | none
kind-pairing-or-code        | checking [1 1 0 0]            | vehicle-seen(home)          | same                           | none
kind-pairing-or-code        | checking [1 1 0 0]            | vehicle-seen(other)         | same                           | none
plain                       | checking [1 1 0 0]            | code-entered                | same                           | none
plain                       | checking [3 1 2 1] not-opted  | matched                     | open not-opted                 | persist-opened
plain                       | checking [1 1 0 0]            | mismatched                  | armed [1 1 0 0]                | persist
plain                       | checking [3 3 0 0]            | mismatched                  | waiting 10s [3 0 1 0]          | persist
plain                       | checking [4 1 1 0]            | mismatched                  | armed [4 1 1 0]                | persist
plain                       | checking [5 2 1 0]            | mismatched                  | waiting 20s [5 0 2 0]          | persist
plain                       | checking [7 2 2 0]            | mismatched                  | waiting 40s [7 0 3 0]          | persist
no-rounds                   | checking [9 9 0 0]            | mismatched                  | armed [9 9 0 0]                | persist
no-rounds each-failure      | checking [3 3 0 0]            | mismatched                  | waiting 4s [3 3 0 0]           | persist
each-failure                | checking [2 2 0 0]            | mismatched                  | waiting 2s [2 2 0 0]           | persist
each-failure                | checking [3 3 0 0]            | mismatched                  | waiting 10s [3 0 1 0]          | persist
each-in-round               | checking [4 1 1 0]            | mismatched                  | waiting 3s [4 1 1 0]           | persist
each-in-round each-failure  | checking [2 1 0 0]            | mismatched                  | waiting 3s [2 1 0 0]           | persist
each-in-round no-rounds     | checking [2 2 0 0]            | mismatched                  | armed [2 2 0 0]                | persist
in-reboots                  | checking [3 3 0 0]            | mismatched                  | waiting 2reboots [3 0 1 0]     | persist
in-endless                  | checking [3 3 0 0]            | mismatched                  | waiting endless [3 0 1 0]      | persist
in-nothing                  | checking [3 3 0 0]            | mismatched                  | armed [3 0 1 0]                | persist
lock-after-3                | checking [2 2 0 0]            | mismatched                  | armed [2 2 0 0]                | persist
lock-after-3                | checking [3 3 0 0]            | mismatched                  | locked-out [3 3 0 0]           | persist
lock-after-2-rounds         | checking [5 2 1 0]            | mismatched                  | locked-out [5 2 2 0]           | persist
lock-after-2-rounds         | checking [3 3 0 0]            | mismatched                  | waiting 10s [3 0 1 0]          | persist
plain                       | checking [2 1 1 0]            | persist-failed              | armed [1 0 1 0]                | refuse
plain                       | checking                      | persist-failed              | armed                          | refuse
forgives-all                | checking [1 1 0 0]            | elapsed(9h)                 | same                           | none
plain                       | checking [1 1 0 0]            | key-touched                 | same                           | none
plain                       | checking [1 1 0 0]            | ignition-cycled             | same                           | none
plain                       | checking [1 1 0 0]            | rebooted                    | same                           | none
plain                       | checking [1 1 0 0]            | key-cycled                  | same                           | none
extra                       | checking [2 2 0 0]            | extra-attempts              | same                           | none
plain                       | checking [2 2 0 0]            | cleared(attempts)           | armed                          | persist
plain                       | checking [3 3 0 0]            | cleared(attempts)           | waiting 10s [0 0 1 0]          | persist
plain                       | checking [3 3 0 0]            | cleared(wait)               | armed [3 0 1 0]                | persist
lock-after-3                | checking [3 3 0 0]            | cleared(attempts rounds wait) | locked-out [3 3 0 0]         | persist
lock-after-3                | checking [3 3 0 0]            | cleared(locked-out)         | armed [3 3 0 0]                | persist
plain                       | checking [3 3 0 0]            | released                    | open                           | persist-opened
plain                       | checking [3 3 0 0]            | enabled(no)                 | open disabled                  | persist-opened
plain                       | checking [3 3 0 0]            | enabled(yes)                | same                           | persist
plain                       | checking                      | opted-in(no)                | same                           | none
plain                       | checking                      | code-set(no)                | same                           | none
plain                       | waiting 6s/10s [3 0 1 0]      | supply-restored(battery 9h) | same                           | persist
counts-outage               | waiting 6s/10s [3 0 1 0]      | supply-restored(battery 2s) | waiting 4s/10s [3 0 1 0]       | persist
counts-outage               | waiting 6s/10s [3 0 1 0]      | supply-restored(battery 6s) | armed [3 0 1 0]                | persist
counts-outage               | waiting 10s [3 0 1 0]         | supply-restored(battery 2s) | waiting 8s/10s [3 0 1 0]       | persist
counts-outage ignition-on   | waiting 10s [3 0 1 0]         | supply-restored(battery 2s) | same                           | persist
counts-outage ignition-on   | waiting 6s/10s [3 0 1 0]      | supply-restored(battery 2s) | waiting 4s/10s [3 0 1 0]       | persist
counts-outage               | waiting 1reboots/2reboots     | supply-restored(battery 9h) | same                           | persist
cut-restarts-wait           | waiting 6s/10s [3 0 1 0]      | supply-restored(battery 1s) | waiting 10s [3 0 1 0]          | persist
cut-restarts-wait           | waiting 6s/10s [3 0 1 0]      | supply-restored(battery 9ms) | same                          | persist
cut-restarts-wait           | waiting 1reboots/2reboots     | supply-restored(battery 1s) | waiting 2reboots               | persist
cut-restarts-wait counts-outage | waiting 6s/10s            | supply-restored(battery 6s) | armed                          | persist
cut-restarts-wait cut-ends-wait | waiting 6s/10s [3 0 1 0]  | supply-restored(battery 1s) | armed [3 0 1 0]                | persist
restores-attempts restores-rounds | waiting 6s/10s [3 1 1 1] | supply-restored(fuse 1s)   | waiting 6s/10s                 | persist
low-voltage                 | waiting 10s                   | voltage(0mv)                | same                           | none
reflash                     | waiting 10s                   | reflashed                   | same                           | none
plain                       | waiting 10s                   | vehicle-seen(home)          | same                           | none
kind-pairing                | waiting 10s [3 0 1 0]         | vehicle-seen(home)          | open                           | persist-opened
kind-pairing-or-code        | waiting 10s                   | vehicle-seen(other)         | same                           | none
plain                       | waiting 6s/10s [3 0 1 0]      | code-entered                | same                           | none
refused                     | waiting 6s/10s [3 0 1 0]      | code-entered                | same                           | refuse
restarts-wait               | waiting 6s/10s [3 0 1 0]      | code-entered                | waiting 10s [3 0 1 0]          | persist-refuse
restarts-wait               | waiting 1keys/2keys           | code-entered                | waiting 2keys                  | persist-refuse
charged                     | waiting 6s/10s [3 0 1 0] quiet=1s | code-entered            | waiting 10s [4 1 1 0]          | persist-refuse
charged                     | waiting 6s/10s [4 1 1 0]      | code-entered                | waiting 20s [5 0 2 0]          | persist-refuse
charged in-nothing          | waiting 6s/10s [4 1 1 0]      | code-entered                | waiting 10s [5 0 2 0]          | persist-refuse
charged lock-after-3        | waiting 6s/10s [2 2 0 0]      | code-entered                | locked-out [3 3 0 0]           | persist-refuse
charged kind-pairing        | waiting 6s/10s [3 0 1 0]      | code-entered                | same                           | none
refused kind-tool           | waiting 6s/10s [3 0 1 0]      | code-entered                | same                           | none
plain                       | waiting 10s                   | matched                     | same                           | none
plain                       | waiting 10s                   | mismatched                  | same                           | none
plain                       | waiting 10s [3 0 1 0]         | persist-failed              | same                           | none
plain                       | waiting 10s [3 0 1 0]         | elapsed(0ms)                | same                           | none
plain                       | waiting 10s [3 0 1 0]         | elapsed(1s)                 | waiting 9s/10s [3 0 1 0]       | persist
plain                       | waiting 9s/10s [3 0 1 0]      | elapsed(8999ms)             | waiting 1ms/10s [3 0 1 0]      | none
plain                       | waiting 9s/10s [3 2 1 1]      | elapsed(9s)                 | armed [3 2 1 1]                | persist
plain                       | waiting 61s/3m                | elapsed(999ms)              | waiting 60001ms/3m             | none
plain                       | waiting 61s/3m                | elapsed(1s)                 | waiting 60s/3m                 | persist
clears-attempts             | waiting 9s/10s [3 2 1 1]      | elapsed(9s)                 | armed [0 0 1 1]                | persist
clears-all                  | waiting 9s/10s [3 2 1 1]      | elapsed(9h)                 | armed                          | persist
plain                       | waiting endless               | elapsed(9h)                 | same                           | none
plain                       | waiting 1keys/2keys           | elapsed(9h)                 | same                           | none
ignition-on                 | waiting 10s                   | elapsed(1s off)             | same                           | none
ignition-on                 | waiting 9s/10s                | elapsed(9h off)             | same                           | none
ignition-on                 | waiting 9s/10s                | elapsed(9s unit-off)        | armed                          | persist
ignition-on off-restarts    | waiting 9s/10s                | elapsed(1ms off)            | waiting 10s                    | persist
ignition-on off-restarts    | waiting 10s                   | elapsed(1ms off)            | same                           | none
ignition-on off-is-harmless | waiting 9s/10s                | elapsed(1s off)             | waiting 8s/10s                 | none
ignition-on off-is-harmless | waiting 10s                   | elapsed(9h off)             | same                           | none
ignition-on off-is-harmless wants-unit-on | waiting 9s/10s  | elapsed(1s off unit-off)    | same                           | none
ignition-on off-restarts wants-unit-on | waiting 9s/10s     | elapsed(1s off unit-off)    | waiting 10s                    | persist
wants-unit-on               | waiting 10s                   | elapsed(1s)                 | waiting 9s/10s                 | persist
wants-unit-on               | waiting 10s                   | elapsed(1s unit-off)        | same                           | none
wants-unit-off              | waiting 10s                   | elapsed(1s)                 | same                           | none
wants-unit-off              | waiting 10s                   | elapsed(1s unit-off)        | waiting 9s/10s                 | persist
forgives-all                | waiting 10s                   | elapsed(5s)                 | armed                          | persist
forgives-wait               | waiting 10s                   | elapsed(5s)                 | armed                          | persist
forgives-attempts           | waiting 9s/10s [1 1 0 0]      | elapsed(5s)                 | waiting 4s/10s                 | persist
forgives-attempts           | waiting endless               | elapsed(5s)                 | same                           | none
plain                       | waiting 9s/10s                | key-touched                 | same                           | none
key-restarts-wait           | waiting 9s/10s                | key-touched                 | waiting 10s                    | persist
key-restarts-wait           | waiting 10s                   | key-touched                 | same                           | none
forgives-all forgets-on-key | waiting 9s/10s quiet=1s       | key-touched                 | waiting 9s/10s                 | none
plain                       | waiting 9s/10s                | ignition-cycled             | same                           | none
plain                       | waiting 2ignitions            | ignition-cycled             | waiting 1ignitions/2ignitions  | persist
plain                       | waiting 1ignitions/2ignitions [3 0 1 0] | ignition-cycled   | armed [3 0 1 0]                | persist
clears-all                  | waiting 1ignitions [3 0 1 0]  | ignition-cycled             | armed                          | persist
plain                       | waiting 2reboots              | rebooted                    | waiting 1reboots/2reboots      | persist
clears-attempts             | waiting 1reboots/2reboots [3 0 1 0] | rebooted              | armed [0 0 1 0]                | persist
plain                       | waiting 2ignitions            | rebooted                    | same                           | none
plain                       | waiting 2keys                 | key-cycled                  | waiting 1keys/2keys            | persist
plain                       | waiting 1keys/2keys           | key-cycled                  | armed                          | persist
plain                       | waiting endless               | key-cycled                  | same                           | none
plain                       | waiting 10s [3 0 1 0]         | extra-attempts              | same                           | none
extra                       | waiting 10s [3 0 1 0]         | extra-attempts              | armed [1 1 0 1]                | persist
extra                       | waiting 10s [5 0 2 0]         | extra-attempts              | armed [3 0 1 1]                | persist
extra                       | waiting 3s [4 1 1 0]          | extra-attempts              | armed [2 0 1 1]                | persist
extra                       | waiting 10s [3 0 1 1]         | extra-attempts              | same                           | none
plain                       | waiting 9s/10s [3 1 2 1]      | cleared(attempts rounds)    | waiting 9s/10s                 | persist
clears-all                  | waiting 9s/10s [3 1 2 1]      | cleared(wait)               | armed [3 1 2 1]                | persist
plain                       | waiting endless               | cleared(locked-out)         | same                           | persist
plain                       | waiting endless [3 0 1 0]     | released                    | open                           | persist-opened
plain                       | waiting endless [3 0 1 0]     | enabled(no)                 | open disabled                  | persist-opened
plain                       | waiting 9s/10s disabled       | enabled(yes)                | waiting 9s/10s                 | persist
plain                       | waiting 10s                   | opted-in(no)                | same                           | none
plain                       | waiting 10s                   | code-set(no)                | same                           | none
battery                     | locked-out [3 3 0 0]          | supply-restored(battery 9h) | same                           | persist
cut-ends-lock               | locked-out [3 3 0 0]          | supply-restored(battery 1s) | armed [3 3 0 0]                | persist
cut-ends-lock               | locked-out [3 3 0 0]          | supply-restored(battery 9ms) | same                          | persist
restores-attempts           | locked-out [3 3 0 0]          | supply-restored(battery 1s) | same                           | persist
cut-ends-lock restores-attempts | locked-out [3 3 1 0]      | supply-restored(battery 1s) | armed [0 0 1 0]                | persist
forgives-all counts-outage  | locked-out [3 3 0 0] quiet=1s | supply-restored(battery 4s) | armed                          | persist
low-voltage                 | locked-out                    | voltage(0mv)                | same                           | none
reflash                     | locked-out                    | reflashed                   | same                           | none
kind-pairing-or-code        | locked-out                    | vehicle-seen(home)          | same                           | none
kind-pairing-or-code        | locked-out                    | vehicle-seen(other)         | same                           | none
plain                       | locked-out [3 3 0 0]          | code-entered                | same                           | none
plain                       | locked-out [3 3 0 0]          | matched                     | same                           | none
plain                       | locked-out [3 3 0 0]          | mismatched                  | same                           | none
plain                       | locked-out [3 3 0 0]          | persist-failed              | same                           | none
plain                       | locked-out [3 3 0 0]          | elapsed(9h)                 | same                           | none
forgives-attempts           | locked-out [3 3 0 0]          | elapsed(9h)                 | same                           | none
forgives-all                | locked-out                    | elapsed(4s)                 | locked-out quiet=4s            | none
forgives-all                | locked-out [3 3 0 0] quiet=4s | elapsed(1s)                 | armed                          | persist
forgives-all forgets-on-key | locked-out quiet=4s           | key-touched                 | locked-out                     | none
key-restarts-wait           | locked-out                    | key-touched                 | same                           | none
plain                       | locked-out                    | ignition-cycled             | same                           | none
plain                       | locked-out                    | rebooted                    | same                           | none
plain                       | locked-out                    | key-cycled                  | same                           | none
plain                       | locked-out [3 3 0 0]          | extra-attempts              | same                           | none
extra lock-after-3          | locked-out [3 3 0 0]          | extra-attempts              | armed [1 1 0 1]                | persist
extra lock-after-2-rounds   | locked-out [5 2 2 0]          | extra-attempts              | armed [3 0 1 1]                | persist
extra lock-after-3          | locked-out [5 0 1 0]          | extra-attempts              | armed [3 1 0 1]                | persist
extra lock-after-3          | locked-out [3 3 0 1]          | extra-attempts              | same                           | none
plain                       | locked-out [3 3 1 1]          | cleared(attempts rounds wait) | same                         | persist
plain                       | locked-out [3 3 1 1]          | cleared(locked-out)         | armed [3 3 1 1]                | persist
plain                       | locked-out [3 3 1 1]          | cleared(attempts locked-out) | armed [0 0 1 1]               | persist
plain                       | locked-out [3 3 1 1]          | released                    | open                           | persist-opened
plain                       | locked-out [3 3 1 1]          | enabled(no)                 | open disabled                  | persist-opened
plain                       | locked-out [3 3 1 1]          | enabled(yes)                | same                           | persist
plain                       | locked-out                    | opted-in(no)                | same                           | none
plain                       | locked-out                    | code-set(no)                | same                           | none
";

const PHASES: [&str; 5] = ["open", "armed", "checking", "waiting", "locked-out"];
const EVENTS: [&str; 19] = [
    "supply-restored",
    "voltage",
    "reflashed",
    "vehicle-seen",
    "code-entered",
    "matched",
    "mismatched",
    "persist-failed",
    "elapsed",
    "key-touched",
    "ignition-cycled",
    "rebooted",
    "key-cycled",
    "extra-attempts",
    "cleared",
    "released",
    "enabled",
    "opted-in",
    "code-set",
];

const fn rung(scope: Scope, from: u16, ms: u64, factor: u16, cap: Option<u64>) -> Rung {
    Rung { scope, from, wait: Span::Time { ms }, factor, cap }
}

fn ladder(rungs: &[Rung]) -> Ladder {
    rungs.iter().fold(Ladder::EMPTY, |ladder, rung| ladder.with(*rung).unwrap())
}

fn plain() -> Policy {
    Policy {
        kind: Kind::Code,
        tries: Tries {
            first_round: 3,
            later_rounds: 2,
            locked_out_after_attempts: None,
            locked_out_after_rounds: None,
            extra: ExtraAttempts::NEVER,
        },
        ladder: ladder(&[rung(Scope::Rounds, 1, 10_000, 2, None)]),
        clock: Clock::SUPPLY_ALONE,
        entry_while_waiting: EntryWhileWaiting::Ignored,
        after_wait: AfterWait::Keeps,
        forgiveness: [None, None],
        supply_cut: SupplyCut::NOTHING,
        arming: Arming::NEVER,
    }
}

fn forgives(policy: &mut Policy, clears: Clears) {
    policy.forgiveness[0] = Some(Forgiveness { after_ms: 5_000, clock: Clock::SUPPLY_ALONE, clears });
}

fn rounds_call_for(policy: &mut Policy, wait: Span) {
    policy.ladder = ladder(&[Rung { scope: Scope::Rounds, from: 1, wait, factor: 1, cap: None }]);
}

fn change(policy: &mut Policy, word: &str) {
    let second = Some(1_000);
    match word {
        "plain" => {}
        "kind-none" => policy.kind = Kind::None,
        "kind-pairing" => policy.kind = Kind::Pairing,
        "kind-pairing-or-code" => policy.kind = Kind::PairingOrCode,
        "kind-tool" => policy.kind = Kind::Tool,
        "refused" => policy.entry_while_waiting = EntryWhileWaiting::Refused,
        "restarts-wait" => policy.entry_while_waiting = EntryWhileWaiting::RestartsWait,
        "charged" => policy.entry_while_waiting = EntryWhileWaiting::Charged,
        "clears-attempts" => policy.after_wait = AfterWait::ClearsAttempts,
        "clears-all" => policy.after_wait = AfterWait::ClearsAll,
        "no-rounds" => policy.tries.first_round = 0,
        "lock-after-3" => policy.tries.locked_out_after_attempts = Some(3),
        "lock-after-2-rounds" => policy.tries.locked_out_after_rounds = Some(2),
        "extra" => {
            policy.tries.extra =
                ExtraAttempts { attempts: 2, times: 1, while_armed: true, while_waiting: true, while_locked_out: true };
        }
        "each-failure" => policy.ladder = policy.ladder.with(rung(Scope::Failures, 1, 1_000, 2, None)).unwrap(),
        "each-in-round" => {
            policy.ladder = policy.ladder.with(rung(Scope::FailuresInRound, 1, 3_000, 1, None)).unwrap();
        }
        "in-reboots" => rounds_call_for(policy, Span::Reboots(2)),
        "in-endless" => rounds_call_for(policy, Span::Endless),
        "in-nothing" => rounds_call_for(policy, Span::Time { ms: 0 }),
        "ignition-on" => policy.clock.ignition = IgnitionSet::NONE.with(Ignition::On),
        "off-restarts" => policy.clock.on_ignition = Interruption::Restart,
        "off-is-harmless" => policy.clock.on_ignition = Interruption::Harmless,
        "wants-unit-on" => policy.clock.unit = UnitNeed::On,
        "wants-unit-off" => policy.clock.unit = UnitNeed::Off,
        "key-restarts-wait" => policy.clock.on_key = Interruption::Restart,
        "counts-outage" => {
            policy.clock.without_supply = true;
            for rule in policy.forgiveness.iter_mut().flatten() {
                rule.clock.without_supply = true;
            }
        }
        "forgives-attempts" => forgives(policy, Clears { attempts: true, ..Clears::NOTHING }),
        "forgives-wait" => forgives(policy, Clears { wait: true, ..Clears::NOTHING }),
        "forgives-all" => forgives(policy, Clears::ALL),
        "forgives-on" => {
            let clock = &mut policy.forgiveness[0].as_mut().unwrap().clock;
            (clock.ignition, clock.on_ignition) = (IgnitionSet::NONE.with(Ignition::On), Interruption::Harmless);
        }
        "forgets-on-key" => policy.forgiveness[0].as_mut().unwrap().clock.on_key = Interruption::Restart,
        "cut-restarts-wait" => policy.supply_cut.restarts_wait_ms = second,
        "cut-ends-wait" => policy.supply_cut.ends_wait_ms = second,
        "restores-attempts" => policy.supply_cut.restores_attempts_ms = second,
        "restores-rounds" => policy.supply_cut.restores_rounds_ms = second,
        "cut-ends-lock" => policy.supply_cut.ends_locked_out_ms = second,
        "battery" => policy.arming.battery_ms = second,
        "fuse" => policy.arming.fuse_ms = second,
        "removal" => policy.arming.removal_ms = second,
        "unit-on-at-cut" => policy.arming.at_cut = AtCut::UnitOn,
        "unit-off-at-cut" => policy.arming.at_cut = AtCut::UnitOff,
        "low-voltage" => policy.arming.low_voltage_mv = Some(9_000),
        "surge" => policy.arming.surge_mv = Some(16_000),
        "reflash" => policy.arming.reflash = true,
        "other-vehicle" => policy.arming.other_vehicle = true,
        "calendar" => policy.arming.calendar_ms = Some(10_000),
        "opt-in" => policy.arming.opt_in = true,
        _ => panic!("no policy is called {word}"),
    }
}

fn policy_called(words: &str) -> Policy {
    let mut policy = plain();
    for word in words.split_whitespace() {
        change(&mut policy, word);
    }
    policy
}

fn amount(text: &str) -> (u64, &str) {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap();
    (text[..unit].parse().unwrap(), &text[unit..])
}

fn time(text: &str) -> u64 {
    let (n, unit) = amount(text);
    n * match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => panic!("no time is called {text}"),
    }
}

fn span(text: &str) -> Span {
    if text == "endless" {
        return Span::Endless;
    }
    let (n, unit) = amount(text);
    let cycles = u32::try_from(n).unwrap();
    match unit {
        "ignitions" => Span::IgnitionCycles(cycles),
        "reboots" => Span::Reboots(cycles),
        "keys" => Span::KeyCycles(cycles),
        _ => Span::Time { ms: time(text) },
    }
}

fn tally(text: &str) -> Tally {
    let counts: Vec<u16> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let [failed, in_round, rounds, extras] = counts[..] else { panic!("no tally: {text}") };
    Tally { failed, in_round, rounds, extras }
}

fn state_called(text: &str) -> State {
    let (before, counts, after) = match text.split_once('[') {
        Some((before, rest)) => {
            let (counts, after) = rest.split_once(']').unwrap();
            (before, counts, after)
        }
        None => (text, "0 0 0 0", ""),
    };
    let mut words = before.split_whitespace().chain(after.split_whitespace()).peekable();
    let mut take_amount = || {
        let phase = words.next().unwrap();
        (phase, words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit()) || *word == "endless"))
    };
    let phase = match take_amount() {
        ("open", for_how_long) => Phase::Open { for_ms: for_how_long.map_or(0, time) },
        ("armed", None) => Phase::Armed,
        ("checking", None) => Phase::Checking,
        ("locked-out", None) => Phase::LockedOut,
        ("waiting", Some(wait)) => match wait.split_once('/') {
            Some((left, full)) => Phase::Waiting { full: span(full), left: span(left), begun: true },
            None => Phase::Waiting { full: span(wait), left: span(wait), begun: false },
        },
        _ => panic!("no state is called {text}"),
    };
    let mut config = Config { enabled: true, opted_in: true, code_set: true };
    let mut quiet_ms = [0; 2];
    for word in words {
        match word {
            "disabled" => config.enabled = false,
            "not-opted" => config.opted_in = false,
            "no-code" => config.code_set = false,
            _ => quiet_ms[0] = time(word.strip_prefix("quiet=").unwrap()),
        }
    }
    State { phase, tally: tally(counts), config, quiet_ms }
}

fn event_called(text: &str) -> Event {
    let (name, inside) = text.strip_suffix(')').and_then(|text| text.split_once('(')).unwrap_or((text, ""));
    let words: Vec<&str> = inside.split_whitespace().collect();
    let says = |word| words.contains(&word);
    let yes = || match words[..] {
        ["yes"] => true,
        ["no"] => false,
        _ => panic!("neither yes nor no: {text}"),
    };
    match name {
        "supply-restored" => Event::SupplyRestored {
            feed: match words[0] {
                "battery" => Feed::Battery,
                "fuse" => Feed::Fuse,
                "removal" => Feed::Removal,
                _ => panic!("no feed is called so: {text}"),
            },
            outage_ms: time(words[1]),
            unit_was_on: says("was-on"),
        },
        "voltage" => Event::Voltage { mv: inside.strip_suffix("mv").unwrap().parse().unwrap() },
        "reflashed" => Event::Reflashed,
        "vehicle-seen" => Event::VehicleSeen { home: says("home") },
        "code-entered" => Event::CodeEntered,
        "matched" => Event::Matched,
        "mismatched" => Event::Mismatched,
        "persist-failed" => Event::PersistFailed,
        "elapsed" => Event::Elapsed {
            ms: time(words[0]),
            during: Conditions {
                ignition: if says("off") { Ignition::Off } else { Ignition::On },
                unit_on: !says("unit-off"),
            },
        },
        "key-touched" => Event::KeyTouched,
        "ignition-cycled" => Event::IgnitionCycled,
        "rebooted" => Event::Rebooted,
        "key-cycled" => Event::KeyCycled,
        "extra-attempts" => Event::ExtraAttempts,
        "cleared" => Event::Cleared(Clears {
            attempts: says("attempts"),
            rounds: says("rounds"),
            wait: says("wait"),
            locked_out: says("locked-out"),
        }),
        "released" => Event::Released,
        "enabled" => Event::Enabled(yes()),
        "opted-in" => Event::OptedIn(yes()),
        "code-set" => Event::CodeSet(yes()),
        _ => panic!("no event is called {text}"),
    }
}

fn effect_called(text: &str) -> Effect {
    match text {
        "none" => Effect::None,
        "persist" => Effect::Persist,
        "persist-then-compare" => Effect::PersistThenCompare,
        "persist-opened" => Effect::PersistOpened,
        "refuse" => Effect::Refuse,
        "persist-refuse" => Effect::PersistRefuse,
        _ => panic!("no effect is called {text}"),
    }
}

fn rows() -> impl Iterator<Item = [&'static str; 5]> {
    TABLE.trim().lines().skip(1).map(|line| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        columns.try_into().unwrap_or_else(|_| panic!("not five columns: {line}"))
    })
}

#[test]
fn every_pair_of_phase_and_event_answers_as_the_table_says() {
    let mut wrong = Vec::new();
    for row in rows() {
        let [policy, before, event, after, effect] = row;
        let state = state_called(before);
        let expected = (if after == "same" { state } else { state_called(after) }, effect_called(effect));
        let actual = step(&policy_called(policy), state, event_called(event));
        if actual != expected {
            wrong.push(format!("{}\n  expected {expected:?}\n  actual   {actual:?}", row.join(" | ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_leaves_out_no_pair_of_phase_and_event() {
    fn name(text: &str) -> &str {
        text.split([' ', '(']).next().unwrap()
    }
    let told: HashSet<_> = rows().map(|[_, before, event, ..]| (name(before), name(event))).collect();
    for phase in PHASES {
        for event in EVENTS {
            assert!(told.contains(&(phase, event)), "no row for {phase} and {event}");
        }
    }
    assert_eq!(told.len(), PHASES.len() * EVENTS.len());
}

fn ms(wait: Option<Span>) -> Option<u64> {
    match wait {
        Some(Span::Time { ms }) => Some(ms),
        _ => None,
    }
}

#[test]
fn a_position_named_twice_is_in_the_set() {
    for position in IGNITIONS {
        let twice = IgnitionSet::NONE.with(position).with(position);
        assert!(twice.contains(position));
        assert_eq!(twice, IgnitionSet::NONE.with(position));
        assert_eq!(IgnitionSet::ANY.with(position), IgnitionSet::ANY);
    }
}

#[test]
fn a_wait_doubles_with_each_failure_beyond_its_rung() {
    let ladder = ladder(&[rung(Scope::Failures, 3, 1_000, 2, None)]);
    let waits: Vec<_> = (1..=6).map(|n| ms(ladder.wait_for(Scope::Failures, n))).collect();
    assert_eq!(waits, [None, None, Some(1_000), Some(2_000), Some(4_000), Some(8_000)]);
}

#[test]
fn a_factor_of_one_keeps_the_wait() {
    let ladder = ladder(&[rung(Scope::Failures, 1, 1_000, 1, None)]);
    assert_eq!(ms(ladder.wait_for(Scope::Failures, 1)), Some(1_000));
    assert_eq!(ms(ladder.wait_for(Scope::Failures, u16::MAX)), Some(1_000));
}

#[test]
fn a_growing_wait_stops_at_its_cap() {
    let ladder = ladder(&[rung(Scope::Failures, 1, 1_000, 3, Some(5_000))]);
    let waits: Vec<_> = (1..=4).map(|n| ms(ladder.wait_for(Scope::Failures, n)).unwrap()).collect();
    assert_eq!(waits, [1_000, 3_000, 5_000, 5_000]);
}

#[test]
fn a_cap_below_the_first_wait_limits_that_too() {
    let ladder = ladder(&[rung(Scope::Failures, 1, 1_000, 1, Some(400))]);
    assert_eq!(ms(ladder.wait_for(Scope::Failures, 1)), Some(400));
}

#[test]
fn a_growing_wait_never_overflows() {
    let doubling = ladder(&[rung(Scope::Failures, 1, 1_000, 2, None)]);
    let steep = ladder(&[rung(Scope::Failures, 1, 1_000, u16::MAX, None)]);
    for count in [65, 66, 1_000, u16::MAX] {
        assert_eq!(ms(doubling.wait_for(Scope::Failures, count)), Some(u64::MAX));
        assert_eq!(ms(steep.wait_for(Scope::Failures, count)), Some(u64::MAX));
    }
    let cycles = Rung { scope: Scope::Failures, from: 1, wait: Span::Reboots(3), factor: 2, cap: None };
    let cycles = ladder(&[cycles]);
    assert_eq!(cycles.wait_for(Scope::Failures, 3), Some(Span::Reboots(12)));
    assert_eq!(cycles.wait_for(Scope::Failures, u16::MAX), Some(Span::Reboots(u32::MAX)));
}

#[test]
fn an_endless_wait_stays_endless() {
    let endless = Rung { scope: Scope::Failures, from: 1, wait: Span::Endless, factor: 2, cap: Some(1) };
    assert_eq!(ladder(&[endless]).wait_for(Scope::Failures, 9), Some(Span::Endless));
}

#[test]
fn the_highest_rung_reached_applies_and_of_equals_the_later() {
    let ladder = ladder(&[
        rung(Scope::Failures, 5, 50, 1, None),
        rung(Scope::Failures, 1, 10, 1, None),
        rung(Scope::Failures, 3, 30, 1, None),
        rung(Scope::Failures, 3, 31, 1, None),
        rung(Scope::Rounds, 4, 40, 1, None),
    ]);
    let waits: Vec<_> = (0..=6).map(|n| ms(ladder.wait_for(Scope::Failures, n))).collect();
    assert_eq!(waits, [None, Some(10), Some(10), Some(31), Some(31), Some(50), Some(50)]);
    assert_eq!(ladder.wait_for(Scope::FailuresInRound, 9), None);
}

#[test]
fn a_ladder_takes_as_many_rungs_as_it_says() {
    let mut ladder = Ladder::EMPTY;
    for n in 1..=MAX_RUNGS {
        ladder = ladder.with(rung(Scope::Failures, u16::try_from(n).unwrap(), n as u64, 1, None)).unwrap();
    }
    assert_eq!(ladder.rungs().count(), MAX_RUNGS);
    assert_eq!(ladder.with(rung(Scope::Failures, 1, 1, 1, None)), None);
}

#[test]
fn a_completed_round_looks_at_rounds_then_at_the_round_then_at_all_failures() {
    let scopes = [
        rung(Scope::Rounds, 1, 100, 1, None),
        rung(Scope::FailuresInRound, 1, 10, 1, None),
        rung(Scope::Failures, 1, 1, 1, None),
    ];
    let wait_after = |rungs: &[Rung], before: &str| {
        let policy = Policy { ladder: ladder(rungs), ..plain() };
        match step(&policy, state_called(before), Event::Mismatched).0.phase {
            Phase::Waiting { full, .. } => ms(Some(full)),
            _ => None,
        }
    };
    assert_eq!(wait_after(&scopes, "checking [3 3 0 0]"), Some(100));
    assert_eq!(wait_after(&scopes[1..], "checking [3 3 0 0]"), Some(10));
    assert_eq!(wait_after(&scopes[2..], "checking [3 3 0 0]"), Some(1));
    assert_eq!(wait_after(&[], "checking [3 3 0 0]"), None);
    assert_eq!(wait_after(&scopes, "checking [2 2 0 0]"), Some(10), "rounds count only when one is completed");
    assert_eq!(wait_after(&[scopes[0], scopes[2]], "checking [2 2 0 0]"), Some(1));
}

#[test]
fn a_zero_wait_of_a_higher_scope_hides_the_lower_ones() {
    let policy = Policy {
        ladder: ladder(&[rung(Scope::Rounds, 1, 0, 1, None), rung(Scope::Failures, 1, 1_000, 1, None)]),
        ..plain()
    };
    let (state, _) = step(&policy, state_called("checking [3 3 0 0]"), Event::Mismatched);
    assert_eq!(state, state_called("armed [3 0 1 0]"));
}

/// Shows every step of random histories: the seed, the policy, the state before, the event, the state after, the effect.
fn along_random_histories(mut look: impl FnMut(u64, Policy, State, Event, State, Effect)) {
    for seed in 0..50_000 {
        let mut chance = Chance::new(seed);
        let policy = chance.policy();
        let mut state = chance.first_state(&policy);
        let usual = chance.conditions();
        for _ in 0..30 {
            let event = chance.event(&policy, &state, usual);
            let (next, effect) = step(&policy, state, event);
            look(seed, policy, state, event, next, effect);
            state = next;
        }
    }
}

#[test]
fn what_is_compared_is_always_charged_first_and_what_is_charged_never_gets_free() {
    let mut compared = 0;
    along_random_histories(|seed, policy, state, event, next, effect| {
        let enters = next.phase == Phase::Checking && state.phase != Phase::Checking;
        assert_eq!(enters, effect == Effect::PersistThenCompare, "seed {seed}: {state:?} {event:?} {next:?}");
        if enters {
            compared += 1;
            assert_eq!(next.tally.failed, state.tally.failed.saturating_add(1), "seed {seed}");
            assert_eq!(next.tally.in_round, state.tally.in_round.saturating_add(1), "seed {seed}");
            assert_eq!(next.quiet_ms, [0; 2], "seed {seed}");
            let cut = Event::SupplyRestored { outage_ms: 0, feed: Feed::Removal, unit_was_on: true };
            let no_cut = Policy { supply_cut: SupplyCut::NOTHING, clock: Clock::SUPPLY_ALONE, ..policy };
            let no_cut = Policy { forgiveness: [None; 2], ..no_cut };
            assert_eq!(
                step(&no_cut, next, cut).0,
                step(&no_cut, next, Event::Mismatched).0,
                "seed {seed}: a cut in mid-check is a failure"
            );
        }
    });
    assert!(compared > 50_000, "only {compared} comparisons");
}

#[test]
fn a_lock_opens_only_for_a_match_a_release_its_car_or_its_configuration() {
    along_random_histories(|seed, _, state, event, next, effect| {
        let was_open = matches!(state.phase, Phase::Open { .. });
        let opens = !was_open && matches!(next.phase, Phase::Open { .. });
        assert_eq!(opens, effect == Effect::PersistOpened, "seed {seed}: {state:?} {event:?}");
        if opens {
            assert!(
                match event {
                    Event::Matched => state.phase == Phase::Checking,
                    Event::Released | Event::Enabled(false) => true,
                    Event::VehicleSeen { home } => home,
                    _ => false,
                },
                "seed {seed}: {state:?} {event:?}"
            );
        }
    });
}

#[test]
fn nothing_that_changes_more_than_a_clock_goes_unwritten() {
    along_random_histories(|seed, _, state, event, next, effect| {
        if effect == Effect::None || (effect == Effect::Refuse && event != Event::PersistFailed) {
            assert_eq!(next.tally, state.tally, "seed {seed}: {event:?}");
            assert_eq!(next.config, state.config, "seed {seed}: {event:?}");
            assert_eq!(
                std::mem::discriminant(&next.phase),
                std::mem::discriminant(&state.phase),
                "seed {seed}: {event:?}"
            );
        }
    });
}

#[test]
fn a_fresh_lock_is_open_and_an_armed_one_asks_for_its_code() {
    for (words, open) in [("plain", "open"), ("opt-in", "open not-opted")] {
        assert_eq!(State::fresh(&policy_called(words)), state_called(open));
        assert_eq!(State::armed(&policy_called(words)), state_called(&open.replace("open", "armed")));
    }
}

#[test]
fn a_set_of_ignition_positions_holds_what_was_put_in() {
    assert!(IgnitionSet::NONE.is_empty() && !IgnitionSet::ANY.is_empty());
    let mut all = IgnitionSet::NONE;
    for position in IGNITIONS {
        let only = IgnitionSet::NONE.with(position);
        assert_eq!(IGNITIONS.map(|other| only.contains(other)), IGNITIONS.map(|other| other == position));
        assert!(!only.is_empty());
        all = all.with(position);
    }
    assert_eq!(all, IgnitionSet::ANY);
}

#[test]
fn a_forgiveness_that_is_due_at_once_waits_for_the_next_millisecond() {
    let mut policy = policy_called("forgives-all");
    policy.forgiveness[0].as_mut().unwrap().after_ms = 0;
    let state = state_called("armed [1 1 0 0]");
    for ignition in IGNITIONS {
        let during = Conditions { ignition, unit_on: false };
        assert_eq!(next_change_ms(&policy, &state, during), Some(1));
        assert_eq!(step(&policy, state, Event::Elapsed { ms: 1, during }).0, state_called("armed"));
    }
}

#[test]
fn extra_attempts_after_no_round_at_all_take_no_round_back() {
    let mut policy = policy_called("extra lock-after-3");
    policy.tries.first_round = 0;
    policy.tries.locked_out_after_rounds = Some(0);
    let (state, effect) = step(&policy, state_called("locked-out [3 3 0 0]"), Event::ExtraAttempts);
    assert_eq!((state, effect), (state_called("armed [1 0 0 1]"), Effect::Persist));
}
