//! How a field of a record stands in its column.

use crate::sign_in::{Roles, Scopes};
use crate::store::{Kind, Value};

/// A value that has a column of its own.
pub trait Field: Sized {
    /// What the column holds.
    const KIND: Kind;
    /// Whether it may hold nothing.
    const OPTIONAL: bool = false;

    /// The value in its column.
    fn value(&self) -> Value;

    /// The value of a column; none if it is no such value.
    fn of(value: Value) -> Option<Self>;
}

impl Field for String {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl Field for Vec<u8> {
    const KIND: Kind = Kind::Bytes;

    fn value(&self) -> Value {
        Value::Bytes(self.clone())
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl<const N: usize> Field for [u8; N] {
    const KIND: Kind = Kind::Bytes;

    fn value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value { bytes.try_into().ok() } else { None }
    }
}

impl Field for u64 {
    const KIND: Kind = Kind::Whole;

    /// Counts and times: far below 2^63, which is where they stop.
    fn value(&self) -> Value {
        Value::Whole(i64::try_from(*self).unwrap_or(i64::MAX))
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Whole(whole) = value { Self::try_from(whole).ok() } else { None }
    }
}

impl Field for u32 {
    const KIND: Kind = Kind::Whole;

    fn value(&self) -> Value {
        Value::Whole(i64::from(*self))
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Whole(whole) = value { Self::try_from(whole).ok() } else { None }
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Whole;

    fn value(&self) -> Value {
        Value::Whole(i64::from(*self))
    }

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Whole(0) => Some(false),
            Value::Whole(1) => Some(true),
            _ => None,
        }
    }
}

impl Field for Roles {
    const KIND: Kind = Kind::Whole;

    fn value(&self) -> Value {
        Value::Whole(i64::from(self.bits()))
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Whole(bits) = value { Self::from_bits(u16::try_from(bits).ok()?).ok() } else { None }
    }
}

impl Field for Scopes {
    const KIND: Kind = Kind::Whole;

    fn value(&self) -> Value {
        Value::Whole(i64::from(self.bits()))
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Whole(bits) = value { Self::from_bits(u16::try_from(bits).ok()?).ok() } else { None }
    }
}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Nothing, Field::value)
    }

    fn of(value: Value) -> Option<Self> {
        if value == Value::Nothing { Some(None) } else { T::of(value).map(Some) }
    }
}

/// An enumeration that stands in its column as a word, and so in JSON and in a log's event.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$item_doc])* #[serde(rename = $word)] $item,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$item),+];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$item => $word,)+ }
            }

            /// The one of this word.
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.word())
            }
        }

        impl $crate::record::Field for $name {
            const KIND: $crate::store::Kind = $crate::store::Kind::Text;

            fn value(&self) -> $crate::store::Value {
                $crate::store::Value::Text(self.word().to_owned())
            }

            fn of(value: $crate::store::Value) -> Option<Self> {
                if let $crate::store::Value::Text(word) = value { Self::of_word(&word) } else { None }
            }
        }
    };
}

/// A record: a struct, its table, and the way between them. The first fields are the key; `long` after it says that its rows are.
macro_rules! record {
    (@long) => { false };
    (@long long) => { true };
    ($(#[$doc:meta])* $name:ident in $table:literal, key $key:literal $($long:ident)? { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)+ }

        impl $crate::record::Record for $name {
            const TABLE: &'static $crate::store::Table = &$crate::store::Table {
                name: $table,
                columns: &[$($crate::store::Column {
                    name: stringify!($field),
                    kind: <$type as $crate::record::Field>::KIND,
                    optional: <$type as $crate::record::Field>::OPTIONAL,
                }),+],
                key: $key,
                long: record!(@long $($long)?),
            };

            fn to_row(&self) -> $crate::store::Row {
                vec![$($crate::record::Field::value(&self.$field)),+]
            }

            fn from_row(row: $crate::store::Row) -> Option<Self> {
                let mut values = row.into_iter();
                let record = Self { $($field: $crate::record::Field::of(values.next()?)?,)+ };
                values.next().is_none().then_some(record)
            }
        }

        /// Shows no field: they are people's, or sealed.
        impl std::fmt::Debug for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

pub(crate) use {record, words};
