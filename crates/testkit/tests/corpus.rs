//! The kept corpus of the fuzz targets, through the same functions, on the stable compiler.

use std::path::Path;

use carnet_testkit::fuzzing::TARGETS;

/// What all of it may weigh together, bytes.
const MOST: u64 = 500_000;

#[test]
fn nothing_in_the_corpus_breaks_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut weight = 0;
    for (name, target) in TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpus.join(name)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            weight += bytes.len() as u64;
            inputs += 1;
            target(&bytes);
        }
        assert!(inputs >= 3, "{name} has {inputs} inputs");
    }
    assert!(weight <= MOST, "the corpus weighs {weight} bytes");
}

#[test]
fn every_target_has_its_program() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut programs: Vec<String> = std::fs::read_dir(targets)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    programs.sort();
    let mut names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(programs, names);
}
