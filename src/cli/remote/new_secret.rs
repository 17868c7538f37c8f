//! A secret that the server shows this once: printed, or kept in a file.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::secret_file::SecretFile;
use super::stop::Stop;

/// Members of an answer in which a new secret stands.
pub(super) const MEMBERS: [&str; 2] = ["client_secret", "initial_access_token"];

/// Where a new secret goes.
#[derive(Debug, Clone, Args)]
pub(super) struct SecretOut {
    /// Write the secret into this file, for its owner alone, instead of printing it; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    secret_out: Option<PathBuf>,
}

impl SecretOut {
    /// Makes the file before anything is asked for: a secret that cannot be kept would be lost.
    pub(super) fn create(&self) -> Result<Option<SecretFile>, Stop> {
        self.secret_out.as_deref().map(SecretFile::create).transpose()
    }
}

/// Moves the secret of an answer into its file, if there is one: it then stands there and nowhere else.
pub(super) fn keep(file: Option<SecretFile>, made: &mut Value) -> Result<(), Stop> {
    let Some(mut file) = file else { return Ok(()) };
    for member in MEMBERS {
        if let Some(secret) = made.get(member).and_then(Value::as_str) {
            file.write(&format!("{secret}\n"))?;
            made.as_object_mut().and_then(|members| members.remove(member));
        }
    }
    Ok(())
}

/// Whether the answer has a secret: the repetition of a request whose answer got lost has none.
pub(super) fn has_secret(made: &Value) -> bool {
    MEMBERS.iter().any(|member| made.get(*member).is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_stands_in_its_file_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        for member in MEMBERS {
            let path = folder.path().join(member);
            let file = SecretOut { secret_out: Some(path.clone()) }.create().unwrap();
            let mut made = json!({"id": "01X", member: "s3cret"});
            assert!(has_secret(&made));
            keep(file, &mut made).unwrap();
            assert_eq!(made, json!({"id": "01X"}));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "s3cret\n");
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn without_a_file_or_a_secret_the_answer_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let file = SecretOut { secret_out: Some(path.clone()) }.create().unwrap();
        let (mut without, mut with) = (json!({"id": "01X"}), json!({"client_secret": "s3cret"}));
        keep(file, &mut without).unwrap();
        keep(None, &mut with).unwrap();
        assert_eq!((without, with), (json!({"id": "01X"}), json!({"client_secret": "s3cret"})));
        assert!(!path.exists());
    }
}
