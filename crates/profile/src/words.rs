//! Small values of the catalogue: texts, thresholds, firmware versions.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// What a display shows: the first of these on the virtual unit, any of them on a real one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(Vec<String>);

impl Text {
    /// One text.
    pub fn one(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }

    /// The first.
    pub fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "this must be text in quotes, or a list of them")]
        enum Either {
            One(String),
            Many(Vec<String>),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::One(text) => Self(vec![text]),
            Either::Many(texts) => Self(texts),
        })
    }
}

/// A count or a time from which on something happens, or never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Threshold {
    /// Never.
    #[default]
    Never,
    /// From this on.
    At(u64),
}

impl Threshold {
    /// The number, if there is one.
    pub const fn number(self) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::At(number) => Some(number),
        }
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Threshold;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, 0 or more, or \"never\"")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Threshold, E> {
                Ok(Threshold::At(number))
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Threshold, E> {
                match word {
                    "never" => Ok(Threshold::Never),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A firmware version: numbers between dots, compared number by number, so that 1.10 comes after 1.9.
#[derive(Clone, Debug)]
pub struct Firmware {
    text: String,
    parts: Vec<u32>,
}

impl Firmware {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The versions just before and just after, as far as there are any.
    pub fn neighbours(&self) -> Vec<Self> {
        let with = |last: u32| {
            let mut parts = self.parts.clone();
            if let Some(slot) = parts.last_mut() {
                *slot = last;
            }
            let text = parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            Self { text, parts }
        };
        let Some(last) = self.parts.last().copied() else { return Vec::new() };
        let mut all: Vec<Self> = [last.checked_sub(1), last.checked_add(1)].into_iter().flatten().map(with).collect();
        // Before 2.0 comes every 1.x.
        if let (0, [.., major, _]) = (last, self.parts.as_slice())
            && let Some(major) = major.checked_sub(1)
        {
            let mut parts = self.parts.clone();
            let at = parts.len() - 2;
            parts[at] = major;
            let text = parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            all.push(Self { text, parts });
        }
        all
    }
}

/// Not a firmware version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a firmware version; it reads like 1.05, SW: 1.05 or FW: 2.01")]
pub struct BadFirmware {
    text: String,
}

impl FromStr for Firmware {
    type Err = BadFirmware;

    fn from_str(text: &str) -> Result<Self, BadFirmware> {
        let trimmed = text.trim();
        let bare = ["SW", "FW", "sw", "fw"]
            .iter()
            .find_map(|prefix| trimmed.strip_prefix(prefix))
            .unwrap_or(trimmed)
            .trim_start_matches(':')
            .trim();
        let parts = bare.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>();
        match parts {
            Ok(parts) if (1..=4).contains(&parts.len()) => Ok(Self { text: bare.to_owned(), parts }),
            _ => Err(BadFirmware { text: text.to_owned() }),
        }
    }
}

impl<'de> Deserialize<'de> for Firmware {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            serde::de::Error::custom(format!("{text:?} is not a firmware version || write it as text, like \"1.05\""))
        })
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Firmware {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Firmware {}

impl PartialOrd for Firmware {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Firmware {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.parts.len().max(other.parts.len());
        let part = |parts: &[u32], index: usize| parts.get(index).copied().unwrap_or(0);
        (0..length)
            .map(|i| part(&self.parts, i).cmp(&part(&other.parts, i)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}
