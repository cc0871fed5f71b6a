//! TLS: which certificate is shown, and how a connection is made secure.
//!
//! The certificate may change while connections are open; each keeps what it was opened with. **Law**: a pair of files that could not be
//! used never takes the place of one that can. It refuses to know when to look at the files, and what to say about them.

mod validity;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, RwLock};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig, crypto};
use tokio_rustls::TlsAcceptor;

pub use validity::Validity;

/// Where the certificate comes from: two files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate of this server, and after it those that lead to one that clients know.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Why a pair of files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot read {}: {error}", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{} holds no {wanted} in PEM", file.display())]
    NotPem { file: PathBuf, wanted: &'static str },
    #[error("the certificate in {} cannot be read", .0.display())]
    Certificate(PathBuf),
    #[error("the key in {} is of no kind that is known", .0.display())]
    Key(PathBuf),
    #[error("the key in {} is not that of the certificate in {}", .0.key.display(), .0.certificate.display())]
    Mismatch(CertificateFiles),
    #[error("the new certificate in {} expired {until}, and the present one has not", file.display())]
    Expired { file: PathBuf, until: String },
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// When each of the two files was written last, its size and which file it is; `None`: it is not there.
type Trace = [Option<(SystemTime, u64, u64)>; 2];

/// A certificate with its key.
#[derive(Clone, Debug)]
struct Pair {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

impl CertificateFiles {
    /// When their certificate may be shown, if both can be used together.
    pub fn validity(&self) -> Result<Validity, CertificateError> {
        self.load().map(|pair| pair.validity)
    }

    fn load(&self) -> Result<Pair, CertificateError> {
        let Self { certificate, key } = self;
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(certificate, "certificate", error))?;
        let own = chain.first();
        let validity = own.and_then(|own| Validity::of(own));
        let Some(validity) = validity else {
            return Err(match own {
                Some(_) => CertificateError::Certificate(certificate.clone()),
                None => {
                    CertificateError::NotPem { file: certificate.clone(), wanted: "certificate" }
                }
            });
        };
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| unreadable(key, "private key", error))?;
        let signing = crypto::ring::sign::any_supported_type(&secret)
            .map_err(|_| CertificateError::Key(key.clone()))?;
        let pair = CertifiedKey::new(chain, signing);
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(CertificateError::Mismatch(self.clone()));
            }
            Err(_) => return Err(CertificateError::Certificate(certificate.clone())),
        }
        Ok(Pair { key: Arc::new(pair), validity })
    }

    /// Changes whenever a file is written or put in another's place.
    fn trace(&self) -> Trace {
        [&self.certificate, &self.key].map(|file| {
            let found = fs::metadata(file).ok()?;
            Some((found.modified().ok()?, found.len(), found.ino()))
        })
    }
}

fn unreadable(file: &Path, wanted: &'static str, error: pem::Error) -> CertificateError {
    match error {
        pem::Error::Io(error) => CertificateError::Unreadable { file: file.to_owned(), error },
        _ => CertificateError::NotPem { file: file.to_owned(), wanted },
    }
}

/// What a look at the files found.
#[derive(Debug)]
pub enum Look {
    Unchanged,
    /// New connections get the new certificate.
    Renewed(Validity),
    /// The new files cannot be used; the certificate stays.
    Kept(CertificateError),
}

/// The certificate that is shown.
#[derive(Debug)]
struct Shown {
    files: CertificateFiles,
    pair: RwLock<Pair>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.read().key.clone())
    }
}

/// How connections are made secure. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    shown: Arc<Shown>,
    /// What the files were like when they were looked at last, usable or not.
    seen: Arc<Mutex<Trace>>,
    pub(crate) acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads the files. An expired certificate is taken: clients will say what they think of it.
    pub fn open(files: CertificateFiles) -> Result<Self, CertificateError> {
        let seen = files.trace();
        let pair = files.load()?;
        let shown = Arc::new(Shown { files, pair: RwLock::new(pair) });
        let provider = Arc::new(crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets that the client keeps: a herd that comes back resumes, and nothing is remembered for it here.
        config.ticketer = crypto::ring::Ticketer::new()?;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { shown, seen: Arc::new(Mutex::new(seen)), acceptor })
    }

    /// When the certificate that is shown may be shown.
    pub fn validity(&self) -> Validity {
        self.shown.pair.read().validity
    }

    /// Takes what the files hold now, if they changed and can be used. `now` in seconds since 1970.
    pub fn look(&self, now: i64) -> Look {
        let files = &self.shown.files;
        let trace = files.trace();
        if std::mem::replace(&mut *self.seen.lock(), trace) == trace {
            return Look::Unchanged;
        }
        let pair = match files.load() {
            Ok(pair) => pair,
            Err(error) => return Look::Kept(error),
        };
        if pair.validity.is_over(now) && !self.validity().is_over(now) {
            let until = pair.validity.until_text();
            return Look::Kept(CertificateError::Expired {
                file: files.certificate.clone(),
                until,
            });
        }
        let validity = pair.validity;
        *self.shown.pair.write() = pair;
        Look::Renewed(validity)
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.shown.files).finish_non_exhaustive()
    }
}
