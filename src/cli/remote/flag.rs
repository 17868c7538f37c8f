use carnet_client::{FieldError, Problem};

/// Members of the API that a command takes under another name; every other one is `--its-name`.
const NAMES: &[(&str, &str)] = &[
    ("participant_id", "--participant"),
    ("token_endpoint_auth_method", "--auth-method"),
    ("roles", "--role"),
    ("scopes", "--scope"),
    ("audiences", "--audience"),
    ("allowed_addresses", "--allowed-address"),
    ("client_id", "--client"),
    ("secret", "FILE"),
    ("phc", "FILE"),
    ("uri", "URI"),
    ("jwk", "FILE"),
    ("alg", "ALG"),
    ("kid", "KID"),
];

/// Requests without members: what the server names then is what it holds, and no flag.
const VERBS: &[&str] = &["disable", "enable", "approve", "reject", "execute"];

/// What the server says, with the flags of the command in the place of the members that it names.
pub(super) fn said(problem: &Problem, segments: &[&str]) -> String {
    let said = problem.detail.as_deref().unwrap_or(&problem.title);
    if segments.last().is_some_and(|last| VERBS.contains(last)) {
        return said.to_owned();
    }
    let as_sent: Vec<String> = problem.errors.iter().map(|e| format!("{} {}", e.field, e.reason)).collect();
    let as_given: Vec<String> = problem.errors.iter().map(|error| explain(error, segments)).collect();
    let (listed, given) = (as_sent.join("; "), as_given.join("; "));
    // The server's sentence is the list of the errors and perhaps a hint, or the list as far as there was room.
    let line = match said.strip_prefix(&listed) {
        _ if problem.errors.is_empty() => return said.to_owned(),
        Some(hint) => given + hint,
        None if said.strip_suffix('…').is_some_and(|start| listed.starts_with(start)) => given,
        None => format!("{said}; {given}"),
    };
    let mut members: Vec<&str> = problem.errors.iter().map(|error| split(&error.field).0).collect();
    members.dedup();
    members.retain(|member| flag(member, segments) != format!("--{member}"));
    if members.is_empty() { line } else { format!("{line} (API: {})", members.join(", ")) }
}

/// `roles[1]` is `--role number 2`, and `jwks.keys[0].kid` a place in the file of `--jwks`.
fn explain(FieldError { field, reason }: &FieldError, segments: &[&str]) -> String {
    let (member, rest) = split(field);
    let flag = flag(member, segments);
    if rest.is_empty() {
        return format!("{flag}: {reason}");
    }
    let index = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match index.and_then(|index| index.parse::<u32>().ok()) {
        Some(index) => format!("{flag} number {}: {reason}", index.saturating_add(1)),
        None => format!("{flag}: {} {reason}", rest.trim_start_matches('.')),
    }
}

fn split(field: &str) -> (&str, &str) {
    field.split_at(field.find(['.', '[']).unwrap_or(field.len()))
}

/// How the command takes a member.
pub(super) fn flag(member: &str, segments: &[&str]) -> String {
    // `carnet client key add` takes the file without a flag.
    let file = member == "jwks" && segments.last() == Some(&"keys");
    let member = if file { "jwk" } else { member };
    let own = NAMES.iter().find(|(name, _)| *name == member);
    own.map_or_else(|| format!("--{}", member.replace('_', "-")), |(_, flag)| (*flag).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(detail: &str, errors: &[(&str, &str)]) -> Problem {
        let field =
            |(field, reason): &(&str, &str)| FieldError { field: (*field).into(), reason: (*reason).into() };
        Problem {
            status: 400,
            kind: "about:blank".to_owned(),
            title: "Bad".to_owned(),
            detail: Some(detail.to_owned()),
            instance: None,
            errors: errors.iter().map(field).collect(),
        }
    }

    #[test]
    fn members_are_named_as_the_command_takes_them() {
        for (field, expected) in [
            ("participant_id", "--participant: is wrong"),
            ("iol_identifier", "--iol-identifier: is wrong"),
            ("logistics_agent_uri", "--logistics-agent-uri: is wrong"),
            ("roles[1]", "--role number 2: is wrong"),
            ("scopes", "--scope: is wrong"),
            ("jwks", "--jwks: is wrong"),
            ("jwks.keys[0].kid", "--jwks: keys[0].kid is wrong"),
            // Of `carnet keys`, which take both without a flag.
            ("alg", "ALG: is wrong"),
            ("kid", "KID: is wrong"),
        ] {
            let error = FieldError { field: field.to_owned(), reason: "is wrong".to_owned() };
            assert_eq!(explain(&error, &["clients"]), expected);
        }
        assert_eq!(flag("jwks", &["clients", "1", "keys"]), "FILE");
    }

    #[test]
    fn the_list_is_rewritten_and_the_hint_stays() {
        let errors = [("name", "is taken")];
        assert_eq!(
            said(&problem("name is taken; choose another", &errors), &[]),
            "--name: is taken; choose another"
        );
    }

    #[test]
    fn a_list_that_was_cut_is_told_in_full() {
        let errors = [("name", "is blank"), ("identifier", "is blank")];
        assert_eq!(
            said(&problem("name is blank; ident…", &errors), &[]),
            "--name: is blank; --identifier: is blank"
        );
    }

    #[test]
    fn what_is_no_flag_is_not_called_one() {
        let errors = [("approver", "is the one who asked for it")];
        let sent = "approver is the one who asked for it; ask another administrator to approve it";
        assert_eq!(said(&problem(sent, &errors), &["approvals", "01ARZ", "approve"]), sent);
    }

    #[test]
    fn a_sentence_without_members_stays() {
        assert_eq!(said(&problem("there is no client `x`", &[]), &[]), "there is no client `x`");
        assert_eq!(said(&problem("No.", &[("name", "is blank")]), &[]), "No.; --name: is blank");
    }
}
