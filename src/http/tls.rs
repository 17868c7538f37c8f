use std::sync::Arc;

use carnet_ambient::Clock;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::config::TlsFiles;

/// Why a listener's TLS identity is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file could not be read as PEM.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate is not for now.
    #[error("{file}: the certificate is not valid now (from {not_before} to {not_after}): renew it")]
    Validity {
        /// The file.
        file: String,
        /// Start of its validity.
        not_before: String,
        /// End of its validity.
        not_after: String,
    },
    /// The certificate is not for the issuer's host.
    #[error(
        "{file}: the certificate does not name {host}, the issuer's host, so that every client would refuse it"
    )]
    Name {
        /// The file.
        file: String,
        /// The host that it should name.
        host: String,
    },
    /// Certificate and key do not belong together, or rustls refuses them.
    #[error("the TLS certificate and key cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}

/// Reads a TLS identity and checks it as a client would, so that a mistake shows at start and not at noon.
///
/// # Errors
/// The first thing that is wrong with the files.
pub fn acceptor(files: &TlsFiles, host: &str, clock: &Clock) -> Result<TlsAcceptor, TlsError> {
    let file = files.certificate.display().to_string();
    let unreadable = |file: &str, reason: String| TlsError::File { file: file.to_owned(), reason };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|e| unreadable(&file, e.to_string()))?;
    let Some(leaf) = chain.first() else {
        return Err(unreadable(&file, "it holds no certificate".to_owned()));
    };
    check_leaf(&file, leaf, host, clock)?;
    let key = PrivateKeyDer::from_pem_file(&files.private_key)
        .map_err(|e| unreadable(&files.private_key.display().to_string(), e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // No 0-RTT: what comes in early data can be replayed.
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// When the server's own certificate expires, seconds since 1970-01-01 UTC.
///
/// # Errors
/// When there is none.
pub fn certificate_expiry(files: &TlsFiles) -> Result<i64, TlsError> {
    let file = files.certificate.display().to_string();
    let unreadable = |reason: String| TlsError::File { file: file.clone(), reason };
    let leaf = CertificateDer::from_pem_file(&files.certificate).map_err(|e| unreadable(e.to_string()))?;
    let (_, certificate) = X509Certificate::from_der(&leaf).map_err(|e| unreadable(e.to_string()))?;
    Ok(certificate.validity().not_after.timestamp())
}

fn check_leaf(file: &str, leaf: &CertificateDer<'_>, host: &str, clock: &Clock) -> Result<(), TlsError> {
    let (_, certificate) = X509Certificate::from_der(leaf)
        .map_err(|e| TlsError::File { file: file.to_owned(), reason: e.to_string() })?;
    let validity = certificate.validity();
    let now = clock.now();
    if now < validity.not_before.timestamp() || now > validity.not_after.timestamp() {
        return Err(TlsError::Validity {
            file: file.to_owned(),
            not_before: validity.not_before.to_string(),
            not_after: validity.not_after.to_string(),
        });
    }
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host });
    let names = certificate.subject_alternative_name().ok().flatten();
    let fits = names.is_some_and(|names| {
        names.value.general_names.iter().any(|general| match general {
            GeneralName::DNSName(dns) => dns_name_fits(dns, name),
            GeneralName::IPAddress(bytes) => match name.trim_matches(['[', ']']).parse() {
                Ok(std::net::IpAddr::V4(ip)) => ip.octets() == **bytes,
                Ok(std::net::IpAddr::V6(ip)) => ip.octets() == **bytes,
                Err(_) => false,
            },
            _ => false,
        })
    });
    if fits { Ok(()) } else { Err(TlsError::Name { file: file.to_owned(), host: name.to_owned() }) }
}

/// RFC 9525 §6.3: exact, or a wildcard for exactly the leftmost label.
fn dns_name_fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name
            .split_once('.')
            .is_some_and(|(first, rest)| !first.is_empty() && rest.eq_ignore_ascii_case(parent)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> (tempfile::TempDir, TlsFiles) {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("chain.pem"),
            private_key: folder.path().join("key.pem"),
        };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.private_key, made.signing_key.serialize_pem()).unwrap();
        (folder, files)
    }

    #[test]
    fn a_certificate_must_name_the_issuer_and_be_valid_now() {
        let (_folder, files) = files(&["iap.example", "*.net.example", "127.0.0.1"]);
        let now = Clock::system();
        for host in ["iap.example", "IAP.example:8443", "a.net.example", "127.0.0.1:8443"] {
            assert!(acceptor(&files, host, &now).is_ok(), "{host}");
        }
        for host in ["other.example", "a.b.net.example", "net.example", "127.0.0.2", "[::1]:1"] {
            assert!(matches!(acceptor(&files, host, &now), Err(TlsError::Name { .. })), "{host}");
        }
        let past = Clock::manual(0);
        assert!(matches!(acceptor(&files, "iap.example", &past), Err(TlsError::Validity { .. })));
    }

    #[test]
    fn a_foreign_key_or_a_broken_file_is_refused() {
        let (_one, first) = files(&["iap.example"]);
        let (_two, second) = files(&["iap.example"]);
        let mixed = TlsFiles { certificate: first.certificate.clone(), private_key: second.private_key };
        assert!(matches!(acceptor(&mixed, "iap.example", &Clock::system()), Err(TlsError::Refused(_))));
        std::fs::write(&first.certificate, "no certificate").unwrap();
        assert!(matches!(acceptor(&first, "iap.example", &Clock::system()), Err(TlsError::File { .. })));
    }
}
