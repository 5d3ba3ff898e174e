//! TLS 1.3 by rustls, and the channel binding of a connection.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, ConnectionCommon, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::TLS13,
};
use thiserror::Error;

use crate::protocol::base64url;

/// What a server needs for TLS. Clones share it.
#[derive(Clone, Debug)]
pub struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
}

/// What a client needs for TLS. Clones share it.
#[derive(Clone, Debug)]
pub struct ClientTls {
    pub(super) config: Arc<ClientConfig>,
}

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The text holds no certificate that can be read.
    #[error("no certificate in PEM form (`-----BEGIN CERTIFICATE-----`): {0}")]
    Certificate(String),
    /// The text holds no private key that can be read.
    #[error("no private key in PEM form (`-----BEGIN PRIVATE KEY-----`): {0}")]
    PrivateKey(String),
    /// Certificate and key are no use.
    #[error("certificate and key cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}

impl ServerTls {
    /// From a chain of certificates, the server's own first, and its private key, both in PEM form.
    ///
    /// # Errors
    /// If either cannot be read, or they do not belong together.
    pub fn from_pem(certificates: &str, private_key: &str) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes())
            // What it found instead could be a part of the key.
            .map_err(|_| TlsError::PrivateKey("nothing of that form was found".to_owned()))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(read_certificates(certificates)?, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }
}

impl ClientTls {
    /// Trusts servers whose chain ends at one of these certificates, in PEM form.
    ///
    /// # Errors
    /// If no certificate can be read, or one is no use.
    pub fn trusting(certificates: &str) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates(certificates)? {
            roots.add(certificate)?;
        }
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }
}

/// Says what to do about a certificate that `openssl req -x509` makes by itself.
pub(super) fn explained(error: io::Error) -> io::Error {
    if !error.to_string().contains("CaUsedAsEndEntity") {
        return error;
    }
    let told = "the server shows the certificate of an authority (CA:TRUE), which is no server's: it needs one with \
                `basicConstraints=critical,CA:FALSE`";
    io::Error::new(error.kind(), told)
}

/// The channel binding `tls-exporter` of a connection (RFC 9266 section 4.1), base64url: the same at both of its ends,
/// and on no other connection.
pub(super) fn channel_binding<Side>(connection: &ConnectionCommon<Side>) -> Result<String, rustls::Error> {
    let exported = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))?;
    Ok(base64url::encode(&exported))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn read_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(TlsError::Certificate("nothing of that form was found".to_owned())),
        Err(error) => Err(TlsError::Certificate(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::{ClientConnection, ServerConnection};

    use super::*;

    /// Why a server with a certificate of its own making is not trusted by whoever trusts that certificate.
    fn refused(is_ca: IsCa) -> Option<String> {
        let key = KeyPair::generate().unwrap();
        let mut made = CertificateParams::new(["localhost".to_owned()]).unwrap();
        made.is_ca = is_ca;
        let certificate = made.self_signed(&key).unwrap().pem();
        let server = ServerTls::from_pem(&certificate, &key.serialize_pem()).unwrap();
        let client = ClientTls::trusting(&certificate).unwrap();
        let mut server = ServerConnection::new(server.config).unwrap();
        let mut client = ClientConnection::new(client.config, "localhost".try_into().unwrap()).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        let error = client.process_new_packets().err()?;
        Some(explained(io::Error::new(io::ErrorKind::InvalidData, error)).to_string())
    }

    #[test]
    fn an_authority_s_own_certificate_is_told_with_what_to_do() {
        assert_eq!(refused(IsCa::ExplicitNoCa), None);
        let told = refused(IsCa::Ca(BasicConstraints::Unconstrained)).unwrap();
        assert!(told.contains("CA:FALSE"), "{told}");
        let other = explained(io::Error::other("nobody is there"));
        assert_eq!(other.to_string(), "nobody is there");
    }
}
