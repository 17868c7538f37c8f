//! The paths that a Rust file names (`crate::registry::Client`, `axum::Router`), read from its tokens.
//!
//! Not a parser: comments, strings and character literals are skipped, and what stands around `::` is read. That is
//! enough to see who uses whom, and keeps a Rust parser out of this program's tree.

/// A path and the line (from 1) where it begins.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedPath {
    pub line: usize,
    pub segments: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    PathSeparator,
    Sign(char),
}

/// Every path with at least two segments; a group `a::{b, c::d}` gives `a::b` and `a::c::d`.
pub fn paths(source: &str) -> Vec<NamedPath> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let line = tokens[at].0;
        let start = at;
        let mut segments = Vec::new();
        read_path(&tokens, &mut at, &mut segments, line, &mut found);
        if at == start {
            at += 1;
        }
    }
    found
}

/// Reads one path at `at`, following groups; `prefix` holds the segments before it.
fn read_path(
    tokens: &[(usize, Token)],
    at: &mut usize,
    prefix: &mut Vec<String>,
    line: usize,
    found: &mut Vec<NamedPath>,
) {
    let depth = prefix.len();
    while let Some((_, Token::Word(word))) = tokens.get(*at) {
        prefix.push(word.clone());
        *at += 1;
        if !matches!(tokens.get(*at), Some((_, Token::PathSeparator))) {
            break;
        }
        *at += 1;
        if matches!(tokens.get(*at), Some((_, Token::Sign('{')))) {
            *at += 1;
            read_group(tokens, at, prefix, found);
            prefix.truncate(depth);
            return;
        }
    }
    if prefix.len() > 1 && prefix.len() > depth {
        found.push(NamedPath { line, segments: prefix.clone() });
    }
    prefix.truncate(depth);
}

fn read_group(
    tokens: &[(usize, Token)],
    at: &mut usize,
    prefix: &mut Vec<String>,
    found: &mut Vec<NamedPath>,
) {
    while let Some((line, token)) = tokens.get(*at) {
        match token {
            Token::Sign('}') => {
                *at += 1;
                return;
            }
            // The new name behind `as` belongs to nobody.
            Token::Word(word) if word == "as" => *at += 2,
            Token::Word(_) => read_path(tokens, at, prefix, *line, found),
            _ => *at += 1,
        }
    }
}

fn tokens(source: &str) -> Vec<(usize, Token)> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        let start = at;
        let next = text.get(at + 1).copied();
        match text[at] {
            '/' if next == Some('/') => at = find(&text, at, '\n'),
            '/' if next == Some('*') => at = after_block_comment(&text, at),
            '"' => at = after_string(&text, at),
            '\'' => at = after_quote(&text, at),
            ':' if next == Some(':') => {
                tokens.push((line, Token::PathSeparator));
                at += 2;
            }
            letter if letter.is_alphanumeric() || letter == '_' => {
                while at < text.len() && (text[at].is_alphanumeric() || text[at] == '_') {
                    at += 1;
                }
                let word: String = text[start..at].iter().collect();
                match (word.as_str(), text.get(at)) {
                    ("r" | "br" | "cr", Some('"' | '#')) => at = after_raw_string(&text, at),
                    ("b" | "c", Some('"' | '\'')) => {}
                    _ => tokens.push((line, Token::Word(word))),
                }
            }
            white if white.is_whitespace() => at += 1,
            sign => {
                tokens.push((line, Token::Sign(sign)));
                at += 1;
            }
        }
        line += text[start..at].iter().filter(|&&letter| letter == '\n').count();
    }
    tokens
}

fn find(text: &[char], from: usize, wanted: char) -> usize {
    text[from..].iter().position(|&letter| letter == wanted).map_or(text.len(), |distance| from + distance)
}

/// Block comments nest.
fn after_block_comment(text: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn after_string(text: &[char], mut at: usize) -> usize {
    at += 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

/// `at` stands on the first `#` or the quote. `r#word` is a raw identifier: the word is read as the next token.
fn after_raw_string(text: &[char], at: usize) -> usize {
    let hashes = text[at..].iter().take_while(|&&letter| letter == '#').count();
    if text.get(at + hashes) != Some(&'"') {
        return at + hashes;
    }
    let mut end = at + hashes + 1;
    while end < text.len() {
        let closes =
            text[end] == '"' && text[end + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
        end += 1;
        if closes {
            return end + hashes;
        }
    }
    end
}

/// A character literal or a lifetime.
fn after_quote(text: &[char], at: usize) -> usize {
    match (text.get(at + 1), text.get(at + 2)) {
        (Some('\\'), _) => (find(text, (at + 3).min(text.len()), '\'') + 1).min(text.len()),
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::paths;

    fn named(source: &str) -> Vec<String> {
        paths(source).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        let source = "use crate::{audit, registry::{self, Client as C}, keys::*};";
        assert_eq!(
            named(source),
            ["crate::audit", "crate::registry::self", "crate::registry::Client", "crate::keys"]
        );
    }

    #[test]
    fn path_in_the_middle_of_code_is_seen_with_its_line() {
        let found = paths("fn f() {\n    let x = crate::ca::issue(1);\n}");
        assert_eq!((found[0].line, found[0].segments.join("::")), (2, "crate::ca::issue".into()));
    }

    #[test]
    fn comments_and_strings_name_nothing() {
        let source = r#"
            // crate::ca
            /* crate::ca /* nested */ crate::ca */
            let a = "crate::ca \" crate::ca"; let b = r@"crate::"ca""@; let c = b"crate::ca"; let d = '"';
            let e: &'static str = '\''; crate::oauth::run();
        "#;
        assert_eq!(named(&source.replace('@', "#")), ["crate::oauth::run"]);
    }

    #[test]
    fn raw_identifier_is_a_word() {
        assert_eq!(named("use crate::r#type::Name;"), ["crate::type::Name"]);
    }
}
