//! Tables, columns, rows: what both stores make their SQL from, so that neither has a query of its own.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 without NUL; ordered by its bytes.
    Text,
    /// Bytes.
    Bytes,
    /// 64 bits, signed.
    Whole,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: `a-z` and `_`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row may have nothing there. A column of the key may not.
    pub optional: bool,
}

impl Column {
    /// A text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text, optional: false }
    }

    /// Bytes.
    pub const fn bytes(name: &'static str) -> Self {
        Self { name, kind: Kind::Bytes, optional: false }
    }

    /// A whole number.
    pub const fn whole(name: &'static str) -> Self {
        Self { name, kind: Kind::Whole, optional: false }
    }

    /// The same, and a row may have nothing there.
    #[must_use]
    pub const fn or_nothing(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// One table.
///
/// Invariant: the first column is the one that a distributed engine spreads the rows by; it is part of the only unique key.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name: `a-z` and `_`.
    pub name: &'static str,
    /// Its columns, those of the key first.
    pub columns: &'static [Column],
    /// How many of them are the key.
    pub key: usize,
    /// Whether its rows have some hundred bytes and more, and mostly come one behind the other. A store may keep them apart from their keys.
    pub long: bool,
}

impl Table {
    /// The columns of the key.
    pub fn key_columns(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }
}

/// What stands in a column. Debug shows no value: they are people's, or sealed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing.
    Nothing,
    /// A whole number.
    Whole(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// Whether a column may hold it.
    pub fn fits(&self, column: &Column) -> bool {
        match self {
            Self::Nothing => column.optional,
            Self::Whole(_) => column.kind == Kind::Whole,
            Self::Text(text) => column.kind == Kind::Text && !text.contains('\0'),
            Self::Bytes(_) => column.kind == Kind::Bytes,
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Whole(_) => "Whole(…)",
            Self::Text(_) => "Text(…)",
            Self::Bytes(_) => "Bytes(…)",
        })
    }
}

/// A row, or its key: the values in the order of the table's columns.
pub type Row = Vec<Value>;
