//! Where a server is and how it is reached: over TLS for `https://` and `wss://`. Owns the choice of whom to trust; knows nothing of what is said.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::ClientError;

/// A server, by its URL.
#[derive(Clone)]
pub(crate) struct Endpoint {
    authority: String,
    secure: Option<(TlsConnector, ServerName<'static>)>,
}

impl Endpoint {
    /// `url` is `http://`, `https://`, `ws://` or `wss://`, and `host[:port]`.
    pub(crate) fn new(url: &str) -> Result<Self, ClientError> {
        let unusable = || ClientError::Url(url.to_owned());
        let (scheme, authority) = url.split_once("://").ok_or_else(unusable)?;
        let port = match scheme {
            "http" | "ws" => 80,
            "https" | "wss" => 443,
            _ => return Err(unusable()),
        };
        let authority = authority.trim_end_matches('/');
        let parsed: http::uri::Authority = authority.parse().map_err(|_| unusable())?;
        let host = parsed.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let secure = if port == 443 {
            let name = ServerName::try_from(bare.to_owned()).map_err(|_| unusable())?;
            Some((connector()?, name))
        } else {
            None
        };
        let authority = match parsed.port() {
            Some(_) => authority.to_owned(),
            None => format!("{authority}:{port}"),
        };
        Ok(Self { authority, secure })
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        match &self.secure {
            None => Ok(Stream::Plain(stream)),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                Ok(Stream::Secure(Box::new(stream)))
            }
        }
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secure = self.secure.is_some();
        let Self { authority, .. } = self;
        f.debug_struct("Endpoint").field("authority", authority).field("secure", &secure).finish()
    }
}

/// Trusts whom this machine trusts. It keeps the tickets of servers, so that coming back costs less.
fn connector() -> Result<TlsConnector, ClientError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(ClientError::NoTrust(why));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions that are on by default")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection to a server.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(url: &str) -> Option<String> {
        Endpoint::new(url).ok().map(|endpoint| endpoint.authority().to_owned())
    }

    #[test]
    fn a_port_is_that_of_the_scheme_unless_it_is_named() {
        assert_eq!(authority("http://chat.example/").as_deref(), Some("chat.example:80"));
        assert_eq!(authority("ws://chat.example:81").as_deref(), Some("chat.example:81"));
        assert_eq!(authority("http://[::1]").as_deref(), Some("[::1]:80"));
        for url in ["chat.example", "ftp://chat.example", "http://", "http://a b"] {
            assert_eq!(authority(url), None, "{url}");
        }
    }
}
