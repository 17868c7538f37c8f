//! What the other end of standard output is.

use std::io::{self, IsTerminal, Write};

/// How many characters a line of the terminal holds; `None` when standard output is a file or a pipe, whose reader
/// wants everything.
pub(super) fn width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no error.
pub(super) fn print(text: &str) {
    let _ = try_print(text);
}

/// The same for what goes on and on, and has to know whether it was written.
pub(super) fn try_print(text: &str) -> io::Result<()> {
    // Not print!: it panics when nobody reads.
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Writes to standard error.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether somebody sits there who can be asked.
pub(super) fn has_person() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that is answered with `yes` or `no`; everything but a clear yes is a no.
pub(super) fn ask(question: &str) -> bool {
    complain(&format!("{question} [y/N] "));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(is_yes("y\n") && is_yes(" Yes\r\n"));
        for no in ["", "\n", "n\n", "yes please\n", "j\n", "yy\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
