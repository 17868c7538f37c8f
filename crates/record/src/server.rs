//! The server as a value: opened on a database, turned into a router.

use std::sync::Arc;

use carnet_ambient::{Clock, Entropy};
use carnet_db::Database;
use carnet_verifier::{BuildError, IssuerPolicy, ProofKind, ProofKinds, Verifier};

use crate::config::{Config, ConfigError};
use crate::core::Core;
use crate::rdf::Limits;
use crate::router::RESOURCE_METADATA;
use crate::used_proofs::UsedProofs;
use crate::{router, v2020};

/// Where the applied migrations are remembered.
const MIGRATIONS_TABLE: &str = "carnet_record_migrations";

/// A record server that is ready to answer.
#[derive(Clone)]
pub struct Server {
    face: v2020::Face,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A field of the configuration.
    #[error("record.{0}")]
    Config(#[from] ConfigError),
    /// The trust in the IAP cannot be set up.
    #[error("the record server cannot verify tokens: {0}")]
    Verifier(#[from] BuildError),
    /// The database.
    #[error(transparent)]
    Database(#[from] carnet_db::Error),
}

impl Server {
    /// Checks the configuration, brings the schema up to date. No network is touched.
    ///
    /// # Errors
    /// [`OpenError`]: the field, the issuer or the database that cannot be used.
    pub async fn open(
        config: Config,
        database: Database,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, OpenError> {
        // No listener of this server asks for a client certificate yet: it does not say that it would take one.
        let policy = IssuerPolicy::new(&config.issuer)
            .allow_bearer(config.allow_bearer)
            .proofs(ProofKinds::ALL.without(ProofKind::Mtls))
            .clamps(config.key_clamps());
        Self::open_with(config, policy, database, clock, entropy).await
    }

    /// As [`Server::open`], with a policy of one's own for the issuer: static keys, another token profile.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub async fn open_with(
        config: Config,
        policy: IssuerPolicy,
        database: Database,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, OpenError> {
        let settings = config.validate()?;
        let verifier = Verifier::builder(&settings.config.audience)
            .fetch_policy(settings.config.fetch_policy())
            .key_limits(settings.config.key_limits())
            .feed_rules(settings.config.feed_rules())
            .clock(clock.clone())
            .entropy(entropy.clone())
            .origin(&settings.base)
            .resource_metadata(format!("{}{RESOURCE_METADATA}", settings.base))
            .replay_store(Arc::new(UsedProofs::new(&database)))
            .trust(policy)
            .build()?;
        database.migrate(sqlx::migrate!("../../migrations/record"), MIGRATIONS_TABLE).await?;
        if settings.tenants.is_empty() {
            tracing::warn!("no company is configured: nobody can create a logistics object on this server");
        }
        let core = Core {
            database,
            clock,
            entropy,
            implicit_grant: settings.config.implicit_grant,
            limits: Limits::default(),
        };
        Ok(Self { face: v2020::Face::new(settings, core, verifier) })
    }

    /// What decides about tokens: for metrics, and for revocation feeds that are handed in.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.face.verifier
    }

    /// Every route of the server: both faces, `/healthz` and `/readyz`.
    pub fn router(&self) -> axum::Router {
        router::router(self.face.clone())
    }
}
