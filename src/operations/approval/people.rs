use std::collections::HashSet;

use crate::db;
use crate::operations::actor::approver_in;
use crate::operations::administrator::is_active;
use crate::operations::{Actor, Administrator, Context, Refusal};
use crate::registry::{Approval, Client, scope};

/// How long whoever made or changed an administrator does not count as another person than that one: 7 days, in
/// milliseconds. A second administrator that the first one has just made is no second person.
const ACQUAINTED: i64 = 7 * 24 * 60 * 60 * 1000;

/// What gives an administrator a credential, which whoever does it has seen or chosen.
const GIVES: [&str; 4] =
    ["administrator.create", "client_secret.add", "client_secret.rotate", "client_key.add"];

const HINT: &str = "ask another administrator to approve it";

/// Refuses an approver who may be the requester behind another name.
pub(super) async fn check_two(
    context: &Context,
    approver: &Actor,
    approval: &Approval,
) -> Result<(), Refusal> {
    let approver = approver.client_id().unwrap_or_default();
    let requester = approval.requested_by.as_str();
    if approver == requester {
        return Err(Refusal::conflict("approver", "is the one who asked for it", HINT));
    }
    for (one, other) in [(requester, approver), (approver, requester)] {
        if makers(context, other).await?.contains(one) {
            let reason = format!(
                "and requester are not two people for sure: within the last 7 days, {one} made or changed {other}, or \
                 somebody who did"
            );
            return Err(Refusal::conflict("approver", reason, HINT));
        }
    }
    // Two puppets of one hand. The first administrator's hand is excepted: somebody has to make the first two.
    let first = db::client::find_bootstrap(context.database.reader().pool()).await?.map(|client| client.id);
    let (of_one, of_other) = (givers(context, requester).await?, givers(context, approver).await?);
    if let Some(giver) = of_one.intersection(&of_other).find(|giver| Some(*giver) != first.as_ref()) {
        let reason = format!(
            "and requester are not two people for sure: within the last 7 days, {giver} made both, or secrets or keys \
             of theirs"
        );
        return Err(Refusal::conflict("approver", reason, HINT));
    }
    Ok(())
}

/// Whoever made or changed an administrator within the last days or approved that, and whoever made or changed those: a
/// puppet's puppet is a puppet.
async fn makers(context: &Context, client_id: &str) -> Result<HashSet<String>, Refusal> {
    behind(context, client_id, |actor, _, reason| [actor.strip_prefix("client/"), approver_in(reason)]).await
}

/// Whoever gave an administrator a credential within the last days, or gave one to whoever did: each of them may be that
/// administrator.
async fn givers(context: &Context, client_id: &str) -> Result<HashSet<String>, Refusal> {
    behind(context, client_id, |actor, action, _| {
        [actor.strip_prefix("client/").filter(|_| GIVES.contains(&action)), None]
    })
    .await
}

/// Those whom `who` finds in the records of an administrator (actor, action and reason of each), and in the records of
/// those in turn.
async fn behind(
    context: &Context,
    client_id: &str,
    who: impl for<'a> Fn(&'a str, &'a str, &'a str) -> [Option<&'a str>; 2],
) -> Result<HashSet<String>, Refusal> {
    let since = context.clock.now_millis() - ACQUAINTED;
    let (mut found, mut open) = (HashSet::new(), vec![client_id.to_owned()]);
    while let Some(id) = open.pop() {
        let pool = context.database.reader().pool();
        for (actor, action, reason) in db::journal::actors_on(pool, &format!("client/{id}"), since).await? {
            for other in who(&actor, &action, &reason).into_iter().flatten().filter(|other| *other != id) {
                if found.insert(other.to_owned()) {
                    open.push(other.to_owned());
                }
            }
        }
    }
    Ok(found)
}

/// The requester as they are now: still an administrator, and with no scope that was taken from them meanwhile.
pub(super) async fn requester(
    context: &Context,
    approval: &Approval,
    approver: &str,
) -> Result<Administrator, Refusal> {
    let client = active(context, "requested_by", &approval.requested_by).await?;
    let scope: Vec<&str> = approval
        .scope
        .split(' ')
        .filter(|token| client.scopes.iter().any(|held| scope::covers(held, token)))
        .collect();
    let scope = scope.join(" ");
    let actor = Actor::administrator(&client.id, &scope, &client.scopes)
        .approved_by(&format!("client/{approver}"), &approval.id);
    Ok(Administrator::new(actor, scope))
}

/// An administrator on whose word something is to be done.
pub(super) async fn active(context: &Context, member: &'static str, id: &str) -> Result<Client, Refusal> {
    let found = db::client::find(context.database.reader().pool(), id).await?;
    found.filter(is_active).ok_or_else(|| {
        Refusal::conflict(
            member,
            "is no active administrator any more",
            "reject it; somebody else can make the request anew",
        )
    })
}
