#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| carnet_testkit::fuzzing::signature_input(bytes));
