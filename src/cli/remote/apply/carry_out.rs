//! Doing what was planned, step by step, as long as the plan is true.

use std::collections::{BTreeMap, BTreeSet};

use carnet_client::Method;
use serde_json::{Value, json};

use super::plan::{Collection, Owner, Plan, Step, Todo};
use crate::cli::remote::approval;
use crate::cli::remote::connection::Server;
use crate::cli::remote::output::printable;
use crate::cli::remote::secret_file::SecretFile;
use crate::cli::remote::stop::Stop;

/// What became of a step.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was done, or there was nothing to do.
    Done,
    /// Another administrator has to approve it.
    Waits(Stop),
    /// It was refused, or failed.
    Failed(Stop),
    /// It was not tried: it needs one that was not done, or stands behind one that failed.
    NotDone,
}

/// Does the steps in their order and says of each what became of it. What fails stops everything behind it; what waits
/// for an approval stops only what hangs on it.
pub(super) async fn carry_out(
    server: &Server,
    plan: &Plan,
    waiting: &[Value],
    secrets: &mut Option<SecretFile>,
    mut tell: impl FnMut(&Step, &Outcome),
) -> Vec<Outcome> {
    let mut hand = Hand {
        server,
        waiting,
        secrets,
        made: BTreeMap::new(),
        answered: BTreeMap::new(),
        undecided: BTreeSet::new(),
    };
    let (mut outcomes, mut has_failed) = (Vec::with_capacity(plan.steps.len()), false);
    for step in &plan.steps {
        let outcome = if has_failed && step.todo != Todo::Nothing {
            Outcome::NotDone
        } else {
            match hand.step(step).await {
                Ok(true) => Outcome::Done,
                Ok(false) => Outcome::NotDone,
                Err(stop) if stop.is_waiting() => Outcome::Waits(stop),
                Err(stop) => Outcome::Failed(stop),
            }
        };
        has_failed |= matches!(outcome, Outcome::Failed(_));
        tell(step, &outcome);
        outcomes.push(outcome);
    }
    outcomes
}

struct Hand<'a> {
    server: &'a Server,
    /// Requests that wait for an approval already.
    waiting: &'a [Value],
    secrets: &'a mut Option<SecretFile>,
    /// Ids of the participants that were made, by main ONE Record ID.
    made: BTreeMap<String, String>,
    /// What our own requests made of what the plan saw, by path.
    answered: BTreeMap<Vec<String>, Value>,
    /// ONE Record IDs whose approval has to come first.
    undecided: BTreeSet<String>,
}

impl Hand<'_> {
    /// Does a step; false when it hangs on something that was not made.
    async fn step(&mut self, step: &Step) -> Result<bool, Stop> {
        if step.todo.one_record_id().is_some_and(|uri| self.undecided.contains(uri)) {
            return Ok(false);
        }
        match &step.todo {
            Todo::Nothing => Ok(true),
            Todo::Make { collection, body } => self.make(collection, body).await,
            Todo::Change { path, seen, body } => {
                let etag = self.still_true(step, path, seen).await?;
                let now = self.send(Method::PATCH, &refs(path), Some(body), etag.as_deref()).await?;
                self.answered.insert(path.clone(), now);
                Ok(true)
            }
            Todo::Switch { path, verb, seen, body } => {
                let etag = match seen {
                    Some(seen) => self.still_true(step, path, seen).await?,
                    None => None,
                };
                let mut segments = refs(path);
                segments.push(verb);
                let now = self.send(Method::POST, &segments, body.as_ref(), etag.as_deref()).await?;
                self.answered.insert(path.clone(), now);
                Ok(true)
            }
        }
    }

    async fn make(&mut self, collection: &Collection, body: &Value) -> Result<bool, Stop> {
        let mut body = body.clone();
        let owner_id = match collection {
            Collection::Identifiers(owner) | Collection::Clients(owner) => match self.id_of(owner) {
                Some(id) => id,
                None => return Ok(false),
            },
            _ => String::new(),
        };
        let path = match collection {
            Collection::ResourceServers => vec!["resource-servers"],
            Collection::Participants => vec!["participants"],
            Collection::Identifiers(_) => vec!["participants", &owner_id, "identifiers"],
            Collection::Clients(_) => {
                body["participant_id"] = json!(owner_id);
                vec!["clients"]
            }
            Collection::Keys(client_id) => vec!["clients", client_id, "keys"],
        };
        let made = self.send(Method::POST, &path, Some(&body), None).await;
        if let (Collection::Identifiers(_), Err(stop), Some(uri)) = (collection, &made, body["uri"].as_str())
            && stop.is_waiting()
        {
            self.undecided.insert(uri.to_owned());
        }
        let made = made?;
        match collection {
            Collection::Participants => {
                if let (Some(uri), Some(id)) = (body["iol_identifier"].as_str(), made["id"].as_str()) {
                    self.made.insert(uri.to_owned(), id.to_owned());
                }
            }
            Collection::Clients(_) => self.keep_secret(&made)?,
            _ => {}
        }
        Ok(true)
    }

    fn id_of(&self, owner: &Owner) -> Option<String> {
        match owner {
            Owner::Registered(id) => Some(id.clone()),
            Owner::Planned(uri) => self.made.get(uri).cloned(),
        }
    }

    /// Writes a secret down at once: nothing shows it again.
    fn keep_secret(&mut self, made: &Value) -> Result<(), Stop> {
        if made["token_endpoint_auth_method"] == "private_key_jwt" {
            return Ok(());
        }
        let (Some(file), true) = (self.secrets.as_mut(), made["client_secret"].is_string()) else {
            return Err(Stop::failed(format!(
                "client {} was registered, but the answer with its secret got lost: make it another one with carnet \
                 client secret add",
                made["client_id"].as_str().unwrap_or_default()
            )));
        };
        file.write_line(&json!({
            "participant_id": made["participant_id"],
            "name": made["name"],
            "client_id": made["client_id"],
            "client_secret": made["client_secret"],
        }))
    }

    /// Looks whether something is as the plan saw it, or as our own steps left it, and gives its version.
    async fn still_true(&self, step: &Step, path: &[String], seen: &Value) -> Result<Option<String>, Stop> {
        let now = self.server.read(&refs(path)).await?;
        let expected = self.answered.get(path).unwrap_or(seen);
        if is_as_seen(expected, &now.body) {
            return Ok(now.etag);
        }
        Err(Stop::changed(format!(
            "{} {} was changed by somebody else since the plan was made: look at the new plan",
            step.kind,
            printable(&step.name)
        )))
    }

    async fn send(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<Value, Stop> {
        let is_same = |approval: &&Value| is_request(&approval["request"], &method, segments, body, etag);
        if let Some(approval) = self.waiting.iter().find(is_same) {
            return Err(Stop::waits(approval.clone(), approval::waits(approval)));
        }
        self.server.change(method, segments, body, etag).await
    }
}

fn refs(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// Whether a request that waits is the very one that we would send.
fn is_request(
    waiting: &Value,
    method: &Method,
    segments: &[&str],
    body: Option<&Value>,
    etag: Option<&str>,
) -> bool {
    let path = format!("/admin/v1/{}", segments.join("/"));
    waiting["method"] == method.as_str()
        && waiting["path"].as_str().is_some_and(|waiting| waiting.ends_with(&path))
        && waiting["body"] == *body.unwrap_or(&Value::Null)
        && waiting["if_match"].as_str() == etag
}

/// Whether every member that was seen is still the same.
fn is_as_seen(seen: &Value, now: &Value) -> bool {
    seen.as_object().into_iter().flatten().all(|(member, value)| now[member.as_str()] == *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_request_is_not_made_again() {
        let path = ["clients", "01C", "enable"];
        let waiting = |if_match: Value, body: Value| json!({"method": "POST", "path": "/admin/v1/clients/01C/enable", "if_match": if_match, "body": body});
        let is_same = |waiting: &Value| is_request(waiting, &Method::POST, &path, None, Some("\"v1\""));
        assert!(is_same(&waiting(json!("\"v1\""), Value::Null)));
        for other in [
            waiting(json!("\"v2\""), Value::Null),
            waiting(Value::Null, Value::Null),
            waiting(json!("\"v1\""), json!({"a": 1})),
            json!({"method": "POST", "path": "/admin/v1/clients/01D/enable", "if_match": "\"v1\"", "body": null}),
            Value::Null,
        ] {
            assert!(!is_same(&other), "{other}");
        }
    }

    #[test]
    fn what_was_seen_must_not_have_changed() {
        let seen = json!({"name": "a", "updated_at": "1"});
        assert!(is_as_seen(&seen, &json!({"name": "a", "updated_at": "1", "more": true})));
        assert!(!is_as_seen(&seen, &json!({"name": "a", "updated_at": "2"})));
        assert!(!is_as_seen(&seen, &json!({"name": "a"})));
    }
}
