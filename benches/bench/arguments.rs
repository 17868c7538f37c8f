use std::path::PathBuf;

use super::measurement::MEASUREMENTS;

const USAGE: &str = "\
usage: cargo xtask bench [NAME…] [--quick] [--json FILE] [--svg DIR] [--markdown FILE]

  NAME              only these measurements; token stands for all that begin with token.
  --quick           short rounds and fewer rows, for a look: under two minutes in all
  --json FILE       write [{name, value, unit, floor, ratio}], medians all
  --svg DIR         write a plot for each first word of the names
  --markdown FILE   write the table, into a page between its markers if the file exists";

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Arguments {
    names: Vec<String>,
    pub quick: bool,
    pub json: Option<PathBuf>,
    pub svg: Option<PathBuf>,
    pub markdown: Option<PathBuf>,
}

impl Arguments {
    /// Reads the arguments, or says what could have been given.
    pub fn parse(given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self::default();
        let mut given = given;
        while let Some(word) = given.next() {
            let mut file = || {
                let name = given.next().filter(|name| !name.starts_with("--"));
                name.map(PathBuf::from)
                    .map(Some)
                    .ok_or_else(|| format!("{word} needs a name after it\n{USAGE}"))
            };
            match word.as_str() {
                "--quick" => arguments.quick = true,
                "--json" => arguments.json = file()?,
                "--svg" => arguments.svg = file()?,
                "--markdown" => arguments.markdown = file()?,
                // What `cargo bench` itself adds.
                "--bench" => {}
                _ if MEASUREMENTS.iter().flat_map(|m| m.names).any(|name| is_named(name, &word)) => {
                    arguments.names.push(word);
                }
                _ => return Err(unknown(&word)),
            }
        }
        Ok(arguments)
    }

    /// Whether a measurement with these names is asked for: any of them, or none at all was given.
    pub fn wants(&self, names: &[&str]) -> bool {
        self.names.is_empty() || names.iter().any(|name| self.names.iter().any(|word| is_named(name, word)))
    }
}

/// The word is the name, or its beginning up to a dot.
fn is_named(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn unknown(word: &str) -> String {
    let names: Vec<&str> = MEASUREMENTS.iter().flat_map(|measurement| measurement.names).copied().collect();
    format!("{word}: neither a measurement nor a flag\n{USAGE}\n\nmeasurements: {}", names.join(", "))
}
