use crate::db;
use crate::operations::actor::approval_reason;
use crate::operations::administrator::is_active;
use crate::operations::{Actor, Administrator, Context, Refusal};
use crate::registry::{Approval, Client, scope};

/// How long whoever made or changed an administrator does not count as another person than that one: 7 days, in
/// milliseconds. A second administrator that the first one has just made is no second person.
const ACQUAINTED: i64 = 7 * 24 * 60 * 60 * 1000;

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
    let since = context.clock.now_millis() - ACQUAINTED;
    for (one, other) in [(requester, approver), (approver, requester)] {
        let actor = format!("client/{one}");
        let (consent, subject) = (approval_reason(&actor), format!("client/{other}"));
        let pool = context.database.reader().pool();
        if db::journal::has_acted(pool, &actor, &consent, &subject, since).await? {
            let reason = format!(
                "and requester are not two people for sure: {one} made or changed {other} within the last 7 days"
            );
            return Err(Refusal::conflict("approver", reason, HINT));
        }
    }
    Ok(())
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
