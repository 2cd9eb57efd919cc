//! What a tester can ask, at the level of its meaning, and what the owner can set.

use headlock_lock::{Event, Phase, Span};
use headlock_profile::behaviour::{CodeOwner, DiagnosticSpec, RequestWord, WrongFileSpec};

use crate::effects;
use crate::input::{OwnerAction, Request};
use crate::record::{Answer, Record};
use crate::twin::{Twin, kind};
use crate::update::JobEnd;

impl Twin {
    pub(crate) fn diagnostic(&mut self, tester: &str, request: Request) {
        let answer = match self.answering(tester, word(&request)) {
            Err(why) => Answer::Refused(why),
            Ok(spec) => self.answer(&spec, request),
        };
        self.record(Record::Answer(answer));
    }

    fn answering(&self, tester: &str, word: RequestWord) -> Result<DiagnosticSpec, &'static str> {
        if !self.alive() {
            return Err("no answer: the unit is without supply, or dead");
        }
        if self.car.ignition == headlock_lock::Ignition::Off {
            return Err("no answer: the ignition is off");
        }
        let mut offers = self.spec.behaviour.diagnostic.iter().filter(|spec| spec.request == word).peekable();
        if offers.peek().is_none() {
            return Err("this unit does not answer that under this reading");
        }
        let mut why = "this tester cannot ask that of this unit";
        for spec in offers {
            if !spec.supported {
                why = "this unit does not answer that";
            } else if !spec.firmware.contains(&self.firmware) {
                why = "this firmware does not answer that";
            } else if spec.testers.is_empty() || spec.testers.iter().any(|t| t.eq_ignore_ascii_case(tester)) {
                return Ok(spec.clone());
            }
        }
        Err(why)
    }

    fn answer(&mut self, spec: &DiagnosticSpec, request: Request) -> Answer {
        let effects = effects::of_request(word(&request));
        let answer = match request {
            Request::ReadSerial => Answer::Serial(self.serial.clone()),
            Request::ReadFirmware => Answer::Firmware(self.firmware.to_string()),
            Request::ReadState => self.state_answer(),
            Request::EnterCode(code) => {
                let index = self.current_lock().unwrap_or(0);
                self.entry.clear();
                let verdict = self.submit(index, code.reveal());
                self.tell(verdict);
                Answer::Verdict(verdict)
            }
            Request::ClearAttempts | Request::ResetLock | Request::ClearLockedOut | Request::DisableChecking => {
                self.cause(effects);
                Answer::Done
            }
            Request::Reflash => {
                self.start_job(spec.takes_s, JobEnd::Unprotected, WrongFileSpec::Bricks);
                Answer::Done
            }
            Request::Pair => {
                self.car.at_home = true;
                self.cause(effects);
                Answer::Done
            }
        };
        self.lose(&spec.loses);
        if spec.unstable {
            self.freeze();
        }
        answer
    }

    fn state_answer(&self) -> Answer {
        let state = &self.locks[0].keeper.state;
        let wait_left_s = match state.phase {
            Phase::Waiting { left: Span::Time { ms }, .. } => Some(ms.div_ceil(1000)),
            _ => None,
        };
        Answer::State {
            phase: kind(&state.phase),
            failed: state.tally.failed,
            attempts_left: self.attempts_left(0),
            wait_left_s,
        }
    }

    pub(crate) fn owner(&mut self, action: OwnerAction) {
        if !self.on || !matches!(self.locks[0].keeper.state.phase, Phase::Open { .. }) {
            self.record(Record::Refused("the settings are reached on an open unit that is switched on"));
            return;
        }
        let allowed = &self.spec.behaviour.owner;
        match action {
            OwnerAction::SetCode(code) if allowed.sets_code => {
                let length = self.locks[0].alphabets.len();
                let fits = code.reveal().chars().count() == length
                    && code
                        .reveal()
                        .chars()
                        .zip(self.locks[0].alphabets.iter())
                        .all(|(c, alphabet)| alphabet.contains(&c));
                if fits && !self.can_save() {
                    self.record(Record::WriteFailed);
                    self.record(Record::Refused("nothing can be written now"));
                } else if fits {
                    // Further codes, such as a maker's own, stay.
                    self.replace_code(&code);
                    self.feed(0, Event::CodeSet(true));
                } else {
                    self.record(Record::Refused("a code of another length or alphabet than this unit takes"));
                }
            }
            OwnerAction::EraseCode(given) if allowed.erases_code => {
                let known = given.is_some_and(|code| self.would_open(0, code.reveal()));
                if known || !allowed.erase_needs_code {
                    self.feed(0, Event::CodeSet(false));
                } else {
                    self.record(Record::Refused("erasing the code asks for it"));
                }
            }
            OwnerAction::OptIn(on) if allowed.opts_in.unwrap_or(self.spec.locks[0].policy.arming.opt_in) => {
                self.feed(0, Event::OptedIn(on));
            }
            OwnerAction::Set { setting, word } => {
                let known = allowed.settings.get(&*setting).is_some_and(|words| words.iter().any(|w| **w == *word))
                    || self.is_length_setting(&setting, &word);
                if known {
                    let lengthens = self.is_length_setting(&setting, &word);
                    self.settings.insert(setting.to_string(), word.to_string());
                    self.refresh_alphabets();
                    // A code of the old length could never be typed again: the owner sets a new one.
                    if lengthens && self.spec.locks[0].code.belongs_to == CodeOwner::Owner {
                        self.locks[0].verifiers = std::sync::Arc::default();
                        self.feed(0, Event::CodeSet(false));
                    }
                } else {
                    self.record(Record::Refused("this unit has no such setting, or not this word for it"));
                }
            }
            OwnerAction::SetCode(_) | OwnerAction::EraseCode(_) | OwnerAction::OptIn(_) => {
                let why = if self.spec.locks[0].code.belongs_to == CodeOwner::Owner {
                    "this unit's settings do not offer that"
                } else {
                    "the code of this unit is not the owner's to change"
                };
                self.record(Record::Refused(why));
            }
        }
    }

    fn is_length_setting(&self, setting: &str, word: &str) -> bool {
        use headlock_profile::behaviour::LengthSpec;
        self.spec.locks.iter().any(|lock| match &lock.code.length {
            LengthSpec::BySetting { by_setting } => {
                by_setting.setting == setting && by_setting.lengths.contains_key(word)
            }
            LengthSpec::Fixed(_) | LengthSpec::BySerial { .. } => false,
        })
    }
}

pub(crate) const fn word(request: &Request) -> RequestWord {
    match request {
        Request::ReadSerial => RequestWord::ReadSerial,
        Request::ReadFirmware => RequestWord::ReadFirmware,
        Request::ReadState => RequestWord::ReadState,
        Request::EnterCode(_) => RequestWord::EnterCode,
        Request::ClearAttempts => RequestWord::ClearAttempts,
        Request::ResetLock => RequestWord::ResetLock,
        Request::ClearLockedOut => RequestWord::ClearLockedOut,
        Request::DisableChecking => RequestWord::DisableChecking,
        Request::Reflash => RequestWord::Reflash,
        Request::Pair => RequestWord::Pair,
    }
}
