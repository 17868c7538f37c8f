//! Figures as ratios: each subject beside the least that the same work costs on this machine, in turns and in one run,
//! so that a noisy machine disturbs both alike. What each name measures stands in `docs/performance.md`.
//!
//! `cargo xtask bench` runs it: `[NAME…] [--quick] [--json FILE] [--svg DIR] [--markdown FILE]`.

mod arguments;
mod bare;
mod clients;
mod cores;
mod flood;
mod http;
mod iap;
mod jwks;
mod load;
mod log;
mod measurement;
mod process;
mod proof;
mod scale;
mod seed;
mod server;
mod token;
mod verify;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use arguments::Arguments;
use carnet_testkit::measure::{self, Figure};
use measurement::{MEASUREMENTS, Outcome, Setup};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(reason) => {
            eprintln!("bench: {reason}");
            return ExitCode::FAILURE;
        }
    };
    let figures = run(&arguments);
    let table = measure::table(&figures);
    // Its last line is the last of all: a long proof is kept by its last line.
    println!("\n{}", table.trim_end());
    if let Err(error) = write(&arguments, &figures, &table) {
        eprintln!("bench: {error}");
        return ExitCode::FAILURE;
    }
    // A goal that is missed is information; a figure that could not be had is a fault.
    if figures.iter().any(|figure| figure.outcome.is_err()) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(arguments: &Arguments) -> Vec<Figure> {
    let setup = Setup::new(arguments.quick);
    let mut figures = Vec::new();
    for measurement in MEASUREMENTS.iter().filter(|measurement| arguments.wants(measurement.names)) {
        println!("{} …", measurement.names.join(", "));
        match (measurement.run)(&setup) {
            Ok(measured) => figures.extend(measured),
            Err(error) => {
                eprintln!("bench: {}: {error}", measurement.names.join(", "));
                let failed = |name: &&str| Figure::failed(name, measurement.unit, &error);
                figures.extend(measurement.names.iter().map(failed));
            }
        }
    }
    figures
}

fn write(arguments: &Arguments, figures: &[Figure], table: &str) -> Outcome<()> {
    let told = |file: &Path, error: std::io::Error| format!("{}: {error}", file.display());
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&measure::json(figures))?;
        fs::write(file, text + "\n").map_err(|error| told(file, error))?;
    }
    if let Some(folder) = &arguments.svg {
        fs::create_dir_all(folder).map_err(|error| told(folder, error))?;
        for (word, chart) in measure::charts(figures) {
            let file = folder.join(format!("{word}.svg"));
            fs::write(&file, chart).map_err(|error| told(&file, error))?;
        }
    }
    if let Some(file) = &arguments.markdown {
        let page = if file.exists() {
            let page = fs::read_to_string(file).map_err(|error| told(file, error))?;
            measure::insert(&page, table).ok_or_else(|| {
                format!(
                    "{} has no place for the table: put the lines {} and {} there",
                    file.display(),
                    measure::BEGIN,
                    measure::END
                )
            })?
        } else {
            table.to_owned()
        };
        fs::write(file, page).map_err(|error| told(file, error))?;
    }
    Ok(())
}
