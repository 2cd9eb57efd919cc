//! From a [`Node`] to a typed value through serde, with errors that point at the value.

use std::fmt::{self, Display};

use serde::de::{self, DeserializeOwned, DeserializeSeed, Expected, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::node::{Node, Place, Value, join};
use crate::problem::{Problem, closest};

/// Reads a typed value; `path` is the field's name in messages.
pub(crate) fn decode<T: DeserializeOwned>(node: &Node, path: &str) -> Result<T, Problem> {
    T::deserialize(Decoder { node, path }).map_err(|error| error.into_problem(&node.place, path))
}

struct Decoder<'a> {
    node: &'a Node,
    path: &'a str,
}

/// An error that takes its place from the innermost value that it passes through.
#[derive(Debug)]
struct Error {
    place: Option<(Place, String)>,
    what: String,
    help: String,
}

impl Error {
    fn at(mut self, node: &Node, path: &str) -> Self {
        self.place.get_or_insert_with(|| (node.place.clone(), path.to_owned()));
        self
    }

    fn into_problem(self, place: &Place, path: &str) -> Problem {
        let (place, path) = self.place.unwrap_or_else(|| (place.clone(), path.to_owned()));
        Problem::new(&place, &path, self.what).help(self.help)
    }

    fn new(what: String, help: String) -> Self {
        Self { place: None, what, help }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        let message = message.to_string();
        match message.split_once(" || ") {
            Some((what, help)) => Self::new(what.to_owned(), help.to_owned()),
            // What a field that takes several forms says when none fits.
            None if message.starts_with("this must be") => Self::new("this does not fit here".to_owned(), message),
            None => Self::new(message, String::new()),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("found {}", plain(found)), format!("this must be {}", kind(&expected.to_string())))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(
            format!("{} does not fit here", plain(found)),
            format!("this must be {}", kind(&expected.to_string())),
        )
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown field `{field}`"), closest(field, expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("`{variant}` is not a word for this"), closest(variant, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing"), format!("add `{field} = …` here"))
    }
}

/// A type's name in plain words.
fn kind(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65,535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more, without a unit: the field's name has it",
        "i32" | "i64" => "a whole number",
        "f64" => "a number, like 12.4",
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        "a sequence" => "a list, in [ ]",
        other if other.starts_with("struct ") => "a table, like { … = … }; docs/catalogue.md lists its fields",
        other => other,
    }
    .to_owned()
}

fn plain(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("the text {text:?}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Bool(yes) => format!("{yes}"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

impl<'de> de::Deserializer<'de> for Decoder<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self { node, path } = self;
        match &node.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(*number),
            },
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(yes) => visitor.visit_bool(*yes),
            Value::Array(items) => visitor.visit_seq(Items { items, path, next: 0 }),
            Value::Table(entries) => visitor.visit_map(Entries { entries, path, next: 0 }),
        }
        .map_err(|error| error.at(node, path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::String(word) => visitor.visit_enum(de::value::StrDeserializer::<Error>::new(word)),
            _ => Err(Error::new(format!("found {}", self.node.kind()), "this must be one word, as text".to_owned())),
        }
        .map_err(|error| error.at(self.node, self.path))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a> {
    items: &'a [Node],
    path: &'a str,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.get(self.next) else { return Ok(None) };
        let path = join(self.path, &self.next.to_string());
        self.next += 1;
        seed.deserialize(Decoder { node, path: &path }).map(Some).map_err(|error| error.at(node, &path))
    }
}

struct Entries<'a> {
    entries: &'a [(String, Node)],
    path: &'a str,
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, node)) = self.entries.get(self.next) else { return Ok(None) };
        let path = join(self.path, name);
        seed.deserialize(de::value::StrDeserializer::<Error>::new(name))
            .map(Some)
            .map_err(|error| error.at(node, &path))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, node) = &self.entries[self.next];
        self.next += 1;
        let path = join(self.path, name);
        seed.deserialize(Decoder { node, path: &path }).map_err(|error| error.at(node, &path))
    }
}
