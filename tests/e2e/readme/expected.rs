/// What the README prints where an answer differs from run to run.
///
/// Alone on a line it stands for any lines, within a line for anything on that line.
pub const ANYTHING: &str = "…";

/// Whether `actual` is what the README says.
pub fn matches<E: AsRef<str>>(expected: &[E], actual: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else { return actual.is_empty() };
    if first.as_ref().trim() == ANYTHING {
        return (0..=actual.len()).any(|skipped| matches(rest, &actual[skipped..]));
    }
    actual
        .split_first()
        .is_some_and(|(line, others)| line_matches(first.as_ref(), line) && matches(rest, others))
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let (expected, actual) = (expected.trim_end(), actual.trim_end());
    let mut pieces = expected.split(ANYTHING);
    let Some(mut rest) = pieces.next().and_then(|head| actual.strip_prefix(head)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(tail) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(tail)
}

#[test]
fn an_ellipsis_stands_for_what_differs() {
    for (expected, actual) in [
        (&["a"][..], &["a"][..]),
        (&["{\"id\":\"…\",\"name\":\"x\"}"], &["{\"id\":\"01K\",\"name\":\"x\"}"]),
        (&["…"], &[]),
        (&["…", "b"], &["x", "a", "b"]),
        (&["a", "…", "b", "…"], &["a", "b", "c"]),
        (&["…a…"], &["bab"]),
    ] {
        assert!(matches(expected, actual), "{expected:?} {actual:?}");
    }
}

#[test]
fn another_answer_is_noticed() {
    for (expected, actual) in [
        (&["a"][..], &["b"][..]),
        (&["a"], &[]),
        (&[], &["a"]),
        (&["a"], &["a", "b"]),
        (&["a…c"], &["abcd"]),
        (&["a…a"], &["a"]),
        (&["…", "b"], &["b", "a"]),
    ] {
        assert!(!matches(expected, actual), "{expected:?} {actual:?}");
    }
}
