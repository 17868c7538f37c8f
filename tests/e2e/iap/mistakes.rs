//! A wrong start ends at once with one clear line and a status other than zero.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::iap::{Iap, Setup, authority};
use crate::harness::port;
use crate::harness::process::{Ended, carnet, run_to_end};

const LIMIT: Duration = Duration::from_secs(30);

/// A `carnet serve` that would start but for the mistake that a test adds.
fn serve(folder: &Path) -> Command {
    let mut command = carnet();
    let public = port::free();
    command.arg("serve").arg("--data-dir").arg(folder.join("data"));
    command.arg("--listen").arg(format!("127.0.0.1:{public}"));
    command.arg("--admin-listen").arg(format!("127.0.0.1:{}", port::free()));
    command.arg("--issuer").arg(format!("http://127.0.0.1:{public}"));
    command
}

/// One line on standard error that has every one of `words`, nothing on standard output.
#[track_caller]
fn one_clear_line(ended: &Ended, words: &[&str]) {
    assert!(ended.code.is_some_and(|code| code != 0), "status {:?}", ended.code);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    // Besides the log, whose lines are JSON off a terminal.
    let lines: Vec<&str> =
        ended.stderr.lines().filter(|line| !line.is_empty() && !line.starts_with('{')).collect();
    assert_eq!(lines.len(), 1, "not one line:\n{}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    for word in words {
        assert!(lines[0].contains(word), "no {word:?} in {:?}", lines[0]);
    }
}

#[test]
fn an_issuer_that_is_no_origin_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for issuer in [
        "http://127.0.0.1:8080/",
        "http://127.0.0.1:8080/path",
        "http://127.0.0.1:8080?query",
        "http://127.0.0.1:8080#fragment",
        "https://user@iap.example",
        "https://IAP.example",
        "http://iap.example",
        "ftp://iap.example",
        "iap.example",
        "",
    ] {
        let mut command = carnet();
        command.arg("serve").arg("--data-dir").arg(folder.path().join("data"));
        command.args(["--listen", &format!("127.0.0.1:{}", port::free())]);
        command.args(["--admin-listen", &format!("127.0.0.1:{}", port::free())]);
        // With `=`, or an empty value would be a matter of the command line's grammar.
        command.arg(format!("--issuer={issuer}"));
        one_clear_line(&run_to_end(command, LIMIT), &["issuer"]);
        assert!(!folder.path().join("data").exists(), "{issuer:?}: something was made all the same");
    }
}

#[test]
fn a_configuration_mistake_names_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("carnet.toml");
    for (text, words) in [
        ("[server]\nisuer = \"http://127.0.0.1:8080\"\n", &["isuer"][..]),
        ("[sever]\n", &["sever"]),
        ("[tokens]\nlifetime = \"long\"\n", &["lifetime"]),
        ("[tokens]\nlifetime = 5\n", &["lifetime"]),
        ("[log]\nformat = \"fancy\"\n", &["log.format"]),
        ("[server\n", &["carnet.toml"]),
        ("[record]\n[[record.company]]\npath = \"a/b\"\n", &["path"]),
        ("[[record.company]]\npath = \"acl\"\n", &["acl"]),
        ("[[record.company]]\npath = \"a\"\n[[record.company]]\npath = \"a\"\n", &["path"]),
        ("[[record.company]]\npth = \"a\"\n", &["pth"]),
    ] {
        std::fs::write(&file, text).unwrap();
        let mut command = serve(folder.path());
        command.arg("--record-listen").arg(format!("127.0.0.1:{}", port::free()));
        command.arg("--config").arg(&file);
        one_clear_line(&run_to_end(command, LIMIT), words);
    }
}

#[test]
fn a_missing_configuration_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.arg("--config").arg(folder.path().join("nowhere.toml"));
    one_clear_line(&run_to_end(command, LIMIT), &["nowhere.toml"]);
}

#[test]
fn an_environment_override_that_does_not_exist_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.env("CARNET_SERVER__ISUER", "http://127.0.0.1:8080");
    one_clear_line(&run_to_end(command, LIMIT), &["isuer"]);
}

#[test]
fn a_database_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.args(["--database", "mysql://root:secret-word@127.0.0.1/carnet"]);
    let ended = run_to_end(command, LIMIT);
    one_clear_line(&ended, &["database"]);
    assert!(!ended.stderr.contains("secret-word"), "{}", ended.stderr);
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.args(["--database", &format!("postgres://root:secret-word@127.0.0.1:{}/carnet", port::free())]);
    let ended = run_to_end(command, Duration::from_mins(1));
    one_clear_line(&ended, &["database"]);
    assert!(!ended.stderr.contains("secret-word"), "{}", ended.stderr);
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--admin-listen", "--record-listen"] {
        let folder = tempfile::tempdir().unwrap();
        let (public, admin) = (format!("127.0.0.1:{}", port::free()), format!("127.0.0.1:{}", port::free()));
        let mut command = carnet();
        command.arg("serve").arg("--data-dir").arg(folder.path().join("data"));
        command.arg("--issuer").arg(format!("http://{public}"));
        let flags = [("--listen", &public), ("--admin-listen", &admin)];
        for (name, value) in flags.into_iter().filter(|(name, _)| *name != flag) {
            command.args([name, value]);
        }
        command.args([flag, &address]);
        one_clear_line(&run_to_end(command, LIMIT), &[&address]);
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for (flag, value) in
        [("--listen", "nonsense"), ("--listen", "127.0.0.1:99999"), ("--admin-listen", "127.0.0.1")]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut command = carnet();
        command.arg("serve").arg("--data-dir").arg(folder.path().join("data")).args([flag, value]);
        let ended = run_to_end(command, LIMIT);
        assert!(ended.code.is_some_and(|code| code != 0));
        assert!(ended.stderr.contains(value), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[test]
fn an_unknown_flag_is_refused() {
    let mut command = carnet();
    command.args(["serve", "--lisen", "127.0.0.1:8080"]);
    let ended = run_to_end(command, LIMIT);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--lisen"), "{}", ended.stderr);
}

#[test]
fn a_data_directory_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "a file").unwrap();
    one_clear_line(&run_to_end(serve(folder.path()), LIMIT), &["data"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("data")).unwrap(), "a file");
}

#[test]
fn a_second_server_on_the_same_data_directory_is_refused() {
    let iap = Iap::start();
    let mut command = carnet();
    command.arg("serve").arg("--data-dir").arg(iap.data_dir()).arg("--issuer").arg(iap.issuer());
    command.args(["--listen", &format!("127.0.0.1:{}", port::free())]);
    command.args(["--admin-listen", &format!("127.0.0.1:{}", port::free())]);
    one_clear_line(&run_to_end(command, LIMIT), &["data"]);
    iap.admin("GET", "/participants", None).expect(200);
}

#[test]
fn another_master_key_is_refused() {
    let mut iap = Setup::default().sqlite().start();
    iap.stop();
    let other = Setup::default().sqlite().start();
    std::fs::copy(other.data_dir().join("keys/master.jwk"), iap.data_dir().join("keys/master.jwk")).unwrap();
    one_clear_line(&run_to_end(iap.command(), LIMIT), &["master"]);
}

#[test]
fn a_lost_master_key_is_not_made_anew() {
    let mut iap = Setup::default().sqlite().start();
    iap.stop();
    let key = iap.data_dir().join("keys/master.jwk");
    std::fs::remove_file(&key).unwrap();
    one_clear_line(&run_to_end(iap.command(), LIMIT), &["master"]);
    assert!(!key.exists());
}

#[test]
fn the_record_server_names_its_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = carnet();
    command.args(["record", "serve", "--issuer", "http://127.0.0.1:8080/path"]);
    command.args(["--listen", &format!("127.0.0.1:{}", port::free())]);
    command.arg("--data-dir").arg(folder.path().join("data"));
    one_clear_line(&run_to_end(command, LIMIT), &["issuer"]);
}

#[test]
fn a_command_that_cannot_reach_the_server_says_so() {
    let mut iap = Iap::start();
    let credentials = iap.data_dir().join("admin-credentials.json");
    iap.stop();
    let mut command = carnet();
    command.args(["participant", "list", "--credentials"]).arg(credentials);
    let ended = run_to_end(command, LIMIT);
    one_clear_line(&ended, &[authority(iap.issuer())]);
}
