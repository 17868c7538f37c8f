//! The access control list of one object (Web Access Control).

use std::collections::HashMap;

use carnet_db::Transaction;
use sqlx::Row as _;

use super::access::{Mode, Modes};
use super::open::{OpenError, Opened, corrupt};
use super::{Address, Core, StoreError};

/// How many rules an object may have.
const MAX_RULES: i64 = 1_000;

/// An Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The part after `#` of its IRI.
    pub fragment: String,
    /// Company identifiers.
    pub agents: Vec<String>,
    pub modes: Modes,
}

/// Why no rule was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AclError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the rule `{0}` gives more than the caller has")]
    Exceeds(String),
    #[error("the rule `{0}` was introduced by another company")]
    IntroducedByAnother(String),
    #[error("the object has {MAX_RULES} rules already")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AclError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Core {
    /// Adds rules to the object's ACL; a rule with a known fragment replaces that rule. All or none.
    pub(crate) async fn add_rules(
        &self,
        address: &Address,
        company: &str,
        rules: &[Rule],
    ) -> Result<(), AclError> {
        let mut transaction = self.database.writer().begin().await.map_err(StoreError::from)?;
        // The right is looked at again inside: it may have been taken away since the request came in. The update
        // first, so that two of these for one object stand in line.
        sqlx::query("UPDATE lo SET has_own_acl = 1 WHERE tenant = $1 AND local_id = $2")
            .bind(&address.tenant)
            .bind(&address.local_id)
            .execute(&mut *transaction)
            .await?;
        // Only the owner and those whom the ACL names can hold Control, so that the flag just set changes nothing.
        let found = self.find(&mut *transaction, address, company).await?;
        let opened = found.ok_or(OpenError::Unknown)?.with(Mode::Control)?;
        for rule in rules {
            self.put(&mut transaction, &opened, company, rule).await?;
        }
        let total: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM acl_rule WHERE lo = $1")
            .bind(&opened.id)
            .fetch_one(&mut *transaction)
            .await?;
        if total > MAX_RULES {
            return Err(AclError::TooMany);
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn put(
        &self,
        transaction: &mut Transaction,
        opened: &Opened,
        company: &str,
        rule: &Rule,
    ) -> Result<(), AclError> {
        if !opened.is_owner {
            if !rule.modes.within(opened.modes) {
                return Err(AclError::Exceeds(rule.fragment.clone()));
            }
            let foreign: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM acl_rule WHERE lo = $1 AND fragment = $2 AND introduced_by <> $3",
            )
            .bind(&opened.id)
            .bind(&rule.fragment)
            .bind(company)
            .fetch_one(&mut **transaction)
            .await?;
            if foreign > 0 {
                return Err(AclError::IntroducedByAnother(rule.fragment.clone()));
            }
        }
        sqlx::query("DELETE FROM acl_rule WHERE lo = $1 AND fragment = $2")
            .bind(&opened.id)
            .bind(&rule.fragment)
            .execute(&mut **transaction)
            .await?;
        for agent in &rule.agents {
            sqlx::query(
                "INSERT INTO acl_rule (lo, fragment, agent, modes, introduced_by, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&opened.id)
            .bind(&rule.fragment)
            .bind(agent)
            .bind(rule.modes.to_json())
            .bind(company)
            .bind(self.clock.now_millis())
            .execute(&mut **transaction)
            .await?;
        }
        Ok(())
    }

    /// The rules of the object's own ACL, by fragment.
    pub(crate) async fn rules(&self, opened: &Opened) -> Result<Vec<Rule>, StoreError> {
        let rows =
            sqlx::query("SELECT fragment, agent, modes FROM acl_rule WHERE lo = $1 ORDER BY fragment, agent")
                .bind(&opened.id)
                .fetch_all(self.database.reader().pool())
                .await?;
        let mut rules: Vec<Rule> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for row in rows {
            let fragment: String = row.try_get("fragment")?;
            let agent: String = row.try_get("agent")?;
            let modes: String = row.try_get("modes")?;
            let modes = Modes::from_json(&modes).ok_or_else(|| corrupt("acl_rule", "modes", &opened.id))?;
            let place = *places.entry(fragment.clone()).or_insert(rules.len());
            match rules.get_mut(place) {
                Some(rule) => rule.agents.push(agent),
                None => rules.push(Rule { fragment, agents: vec![agent], modes }),
            }
        }
        Ok(rules)
    }
}
