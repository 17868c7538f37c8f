//! Resolve once, vet, connect to what was vetted.
//!
//! A check that resolves a name and a connection that resolves it again are two answers (DNS rebinding). Here
//! the connector's own resolver does the vetting, so there is only one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{FetchError, FetchPolicy};

pub(crate) struct VettingResolver {
    pub(crate) policy: Arc<FetchPolicy>,
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let vetted = resolve(&policy, name.as_str()).await?;
            Ok(Box::new(vetted.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

async fn resolve(policy: &FetchPolicy, name: &str) -> Result<Vec<IpAddr>, FetchError> {
    // RFC 6761 §6.3: `localhost` is loopback, whatever a resolver says.
    if name.eq_ignore_ascii_case("localhost") {
        return if policy.allow_insecure_loopback {
            Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
        } else {
            let class = crate::AddressClass::Loopback;
            Err(FetchError::Address { host: name.to_owned(), class })
        };
    }
    let answers = match policy.hosts.get(name) {
        Some(fixed) => fixed.clone(),
        None => tokio::net::lookup_host((name, 0))
            .await
            .map_err(|_| FetchError::Resolve(name.to_owned()))?
            .map(|address| address.ip())
            .collect(),
    };
    vetted(policy, name, &answers)
}

/// The admitted answers; an answer that is refused is left out, so that only a vetted one can be connected to.
fn vetted(policy: &FetchPolicy, name: &str, answers: &[IpAddr]) -> Result<Vec<IpAddr>, FetchError> {
    let mut refusal = None;
    let mut admitted = Vec::with_capacity(answers.len());
    for answer in answers {
        match policy.vet_address(*answer, name) {
            Ok(()) => admitted.push(*answer),
            Err(refused) => refusal = Some(refused),
        }
    }
    if admitted.is_empty() {
        return Err(refusal.unwrap_or_else(|| FetchError::Resolve(name.to_owned())));
    }
    Ok(admitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_points_to_loopback_is_refused_even_with_the_switches() {
        let mut policy = FetchPolicy {
            allow_insecure_loopback: true,
            allow_private_networks: true,
            ..FetchPolicy::default()
        };
        policy.hosts.insert("rebind.example".into(), vec!["127.0.0.1".parse().unwrap()]);
        let refused = resolve(&policy, "rebind.example").await.unwrap_err();
        assert_eq!(refused.to_string(), "rebind.example is a loopback address");
    }

    #[tokio::test]
    async fn only_the_admitted_answers_of_a_mixed_name_remain() {
        let mut policy = FetchPolicy::default();
        let answers = ["10.0.0.1", "93.184.216.34", "169.254.169.254"].map(|text| text.parse().unwrap());
        policy.hosts.insert("mixed.example".into(), answers.to_vec());
        assert_eq!(resolve(&policy, "mixed.example").await.unwrap(), [answers[1]]);
    }

    #[tokio::test]
    async fn localhost_needs_the_switch() {
        assert_eq!(resolve(&FetchPolicy::default(), "localhost").await.unwrap_err().code(), "address");
    }

    #[test]
    fn a_name_without_answers_is_unresolved() {
        let refused = vetted(&FetchPolicy::default(), "void.example", &[]).unwrap_err();
        assert_eq!(refused.code(), "resolve");
    }
}
