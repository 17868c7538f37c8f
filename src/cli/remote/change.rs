//! `set`: a change of what was read, and of nothing newer.

use carnet_client::Method;
use serde_json::{Map, Value};

use super::connection::{Connection, READ_AND_WRITE};
use super::output;
use super::stop::Stop;

/// The word that takes a setting back to the installation's default.
pub(super) const DEFAULT: &str = "default";

/// Reads the resource, and sends `change` with the version that was read. When somebody else was faster, tells what
/// differs.
pub(super) async fn set(connection: &Connection, segments: &[&str], change: &Value) -> Result<Value, Stop> {
    if change.as_object().is_none_or(Map::is_empty) {
        return Err(Stop::usage("nothing to set: give at least one of the flags that --help lists"));
    }
    let server = connection.open(READ_AND_WRITE)?;
    let before = server.read(segments).await?;
    let answer = server.change(Method::PATCH, segments, Some(change), before.etag.as_deref()).await;
    match answer {
        Err(stop) if stop.is_changed() => {
            let now = server.read(segments).await?;
            Err(stop.with_sentence(overtaken(&before.body, &now.body)))
        }
        other => other,
    }
}

/// Members for a PATCH: those that were given.
pub(super) fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<Map<_, _>>()
        .into()
}

/// A setting with a default: `default` takes it back, which is `null` in the API.
pub(super) fn or_default(text: Option<String>) -> Option<Value> {
    text.map(|text| if text == DEFAULT { Value::Null } else { text.into() })
}

/// A list with a default, which the one word takes back.
pub(super) fn list_or_default(items: Vec<String>) -> Option<Value> {
    match items.as_slice() {
        [] => None,
        [word] if word == DEFAULT => Some(Value::Null),
        _ => Some(items.into()),
    }
}

fn overtaken(before: &Value, now: &Value) -> String {
    let mut names: Vec<&String> =
        [before, now].into_iter().filter_map(Value::as_object).flat_map(Map::keys).collect();
    names.sort();
    names.dedup();
    let differences: Vec<String> = names
        .into_iter()
        // Everything that changes has a new time of change, which tells nothing.
        .filter(|name| *name != "updated_at" && before[name.as_str()] != now[name.as_str()])
        .map(|name| {
            let (before, now) = (output::text(&before[name.as_str()]), output::text(&now[name.as_str()]));
            format!("{name} was {before} and is {now}")
        })
        .collect();
    let what =
        if differences.is_empty() { "what is shown is as it was".to_owned() } else { differences.join("; ") };
    format!(
        "somebody else changed it meanwhile, and nothing was set: {what}; look again, and set again if you still want to"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_given_is_sent() {
        let body = members([
            ("name", Some(json!("x"))),
            ("roles", None),
            ("signing_alg", or_default(Some("default".into()))),
        ]);
        assert_eq!(body, json!({"name": "x", "signing_alg": null}));
    }

    #[test]
    fn default_takes_a_list_back_only_when_it_stands_alone() {
        assert_eq!(list_or_default(Vec::new()), None);
        assert_eq!(list_or_default(vec!["default".into()]), Some(Value::Null));
        assert_eq!(list_or_default(vec!["default".into(), "b".into()]), Some(json!(["default", "b"])));
    }

    #[test]
    fn who_was_overtaken_learns_by_what() {
        let (before, now) = (
            json!({"name": "a", "status": "active", "updated_at": "1"}),
            json!({"name": "b", "status": "active", "updated_at": "2", "extra": true}),
        );
        let said = overtaken(&before, &now);
        assert!(said.contains("extra was - and is yes; name was a and is b;"), "{said}");
        assert!(!said.contains("updated_at") && !said.contains("status"), "{said}");
    }
}
