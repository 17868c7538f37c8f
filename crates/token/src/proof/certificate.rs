//! The client certificate of the connection (RFC 8705 §3), direct or told by a proxy (RFC 9440).

use sfv::{BareItem, Item, Parser};

use super::{Certificate, Checked, Covered, ProofError, ProofKind, ProofKinds, RequestView};
use crate::Thumbprint;

/// The longest certificate that is looked at, in bytes of DER.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Reads the `Client-Cert` field of a proxy that is trusted to tell (RFC 9440 §2.2): the certificate in DER; `None`
/// without the field.
///
/// # Errors
/// [`ProofError::Malformed`] for two fields or anything but one byte sequence.
pub fn client_cert_field(request: &RequestView<'_>) -> Result<Option<Vec<u8>>, ProofError> {
    let Some(field) = request.only_field("client-cert")? else { return Ok(None) };
    if field.len() > 2 * MAX_LENGTH {
        return Err(ProofError::Malformed);
    }
    let item: Item = Parser::new(field).parse().map_err(|_| ProofError::Malformed)?;
    match item.bare_item {
        BareItem::ByteSequence(der) if !der.is_empty() && der.len() <= MAX_LENGTH => Ok(Some(der)),
        _ => Err(ProofError::Malformed),
    }
}

/// Compares the certificate of the connection with the one that the token is bound to. Its chain does not matter here.
///
/// # Errors
/// [`ProofError::NoCertificate`], [`ProofError::UntrustedHeader`] or [`ProofError::CnfMismatch`].
pub fn check(certificate: Certificate<'_>, bound: Thumbprint) -> Result<Checked, ProofError> {
    match certificate {
        Certificate::None => Err(ProofError::NoCertificate),
        Certificate::Untrusted => Err(ProofError::UntrustedHeader),
        Certificate::Presented(der) if Thumbprint::of(der) == bound => Ok(Checked {
            kinds: ProofKinds::NONE.with(ProofKind::Mtls),
            key: None,
            certificate: Some(bound),
            covered: Covered::default(),
            replay: Vec::new(),
        }),
        Certificate::Presented(_) => Err(ProofError::CnfMismatch),
    }
}
