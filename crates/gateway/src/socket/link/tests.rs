use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;
use tokio_rustls::client;

use super::*;
use crate::{CertificateFiles, Tls};

fn certificate(folder: &Path) -> CertificateFiles {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let signed = params.self_signed(&key).expect("signed");
    let files =
        CertificateFiles { certificate: folder.join("certificate"), key: folder.join("key") };
    std::fs::write(&files.certificate, signed.pem()).expect("written");
    std::fs::write(&files.key, key.serialize_pem()).expect("written");
    files
}

/// Both ends of a secure connection.
async fn connected() -> (Reader, Writer, client::TlsStream<TcpStream>) {
    let folder = tempfile::tempdir().expect("a folder");
    let files = certificate(folder.path());
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(&files.certificate).expect("PEM");
    roots.add(root).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Tls::open(files).expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let client = async {
        let stream = TcpStream::connect(address).await.expect("connected");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("trusted")
    };
    let server = async {
        let (stream, _) = listener.accept().await.expect("accepted");
        tls.acceptor.accept(stream).await.expect("greeted")
    };
    let (client, server) = tokio::join!(client, server);
    let (reader, writer) = split_secure(server);
    (reader, writer, client)
}

#[tokio::test]
async fn what_the_session_took_and_the_socket_did_not_is_told_until_it_is_sent() {
    let (_reader, writer, mut client) = connected().await;
    let piece = [7; 1_000];
    let mut taken = 0;
    let held = loop {
        taken += writer.try_write(&piece).expect("taken, since nothing was held before");
        let held = writer.send_held().expect("open");
        if held.left {
            break held;
        }
    };
    assert!(held.left, "{held:?}");
    let refused = writer.try_write(&piece).expect_err("it holds already");
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    let mut read = vec![0; taken];
    let (sent, ()) = tokio::join!(
        async {
            loop {
                writer.writable().await.expect("open");
                let held = writer.send_held().expect("open");
                if !held.left {
                    return held;
                }
            }
        },
        async { assert_eq!(client.read_exact(&mut read).await.expect("read"), taken) }
    );
    assert!(sent.moved, "{sent:?}");
    assert!(read.iter().all(|byte| *byte == 7));
    assert_eq!(writer.send_held().expect("open"), Held::default());
}

#[tokio::test]
async fn both_ends_say_goodbye() {
    let (mut reader, writer, mut client) = connected().await;
    client.write_all(b"hello").await.expect("written");
    let mut read = [0; 5];
    reader.read_exact(&mut read).await.expect("read");
    assert_eq!(&read, b"hello");
    drop(writer);
    // An end without a goodbye would be an error.
    assert_eq!(client.read(&mut read).await.expect("an end"), 0);
    client.shutdown().await.expect("shut down");
    assert_eq!(reader.read(&mut read).await.expect("an end"), 0);
}
