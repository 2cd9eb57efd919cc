//! A code in a script: wiped from memory, redacted in Debug.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// Text that nobody logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Deref for Hidden {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_text_does_not_show_in_debug() {
        let hidden = Hidden::new("5169");
        assert_eq!(&*hidden, "5169");
        assert!(!format!("{hidden:?}").contains("5169"));
    }
}
