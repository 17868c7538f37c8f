use serde_json::Value;
use tempfile::TempDir;

use super::http::Request;
use super::iap::wait_until_ready;
use super::process::Process;
use super::{port, tools};

/// Somebody else's IAP: it signs whatever a test asks for.
pub struct ForeignIap {
    _process: Process,
    _folder: TempDir,
    issuer: String,
}

impl ForeignIap {
    #[track_caller]
    pub fn start() -> Self {
        let port = port::free();
        let issuer = format!("http://127.0.0.1:{port}");
        let folder = tempfile::tempdir().unwrap();
        let mut command = tools::python_command("foreign_iap.py");
        command.arg(port.to_string());
        let mut process = Process::start("foreign_iap", command, folder.path());
        wait_until_ready(&mut process, &issuer);
        Self { _process: process, _folder: folder, issuer }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A token; see the script for what can be asked.
    #[track_caller]
    pub fn mint(&self, order: &Value) -> String {
        let answer = Request::post(&format!("{}/mint", self.issuer)).json(order).send().expect(200);
        answer.json()["token"].as_str().unwrap().to_owned()
    }
}
