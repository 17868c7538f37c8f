#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| carnet_testkit::fuzzing::strict_json(bytes));
