use std::fmt;

/// Why a document is refused: a code for logs and tests, the place, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputError {
    /// Stable reason code.
    pub code: &'static str,
    /// JSON pointer, or line of a turtle document; empty for the document as a whole.
    pub place: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Input that somebody else wrote goes into answers and logs only in part.
const QUOTED_CHARS: usize = 120;

impl InputError {
    pub(crate) fn new(code: &'static str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into() }
    }

    pub(crate) fn empty_document() -> Self {
        Self::new("empty_document", "", "the document makes no statement about a logistics object")
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.place, self.message)
        }
    }
}

impl std::error::Error for InputError {}

/// `text` in quotes, cut to a length that is safe to repeat.
pub(crate) fn quoted(text: &str) -> String {
    let mut cut: String = text.chars().take(QUOTED_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("`{}`", cut.escape_debug())
}
