//! A server that proves itself by another certificate, over TLS as it is.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::process::command;

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/tls/{name}.pem"))
}

fn config(name: &str) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let certificate = CertificateDer::from_pem_file(pem(name)).unwrap();
    let key = PrivateKeyDer::from_pem_file(pem(name)).unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

/// A server that answers everything with nothing, and proves itself by what it was told last.
struct Provider {
    url: String,
    proof: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Provider {
    fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let proof = Arc::new(Mutex::new(config(name)));
        let shown = Arc::clone(&proof);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let config = Arc::clone(&shown.lock().unwrap());
                let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                // Who only wants to see the certificate hangs up.
                if tls.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                    let _ =
                        tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                }
            }
        });
        Self { url, proof }
    }

    fn proves_itself_by(&self, name: &str) {
        *self.proof.lock().unwrap() = config(name);
    }
}

/// A repository with one model and nothing else.
fn repository(url: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let model = format!("model: main\nprovider: openai\nurl: {url}\nnames: [m]\n");
    for (file, text) in [
        ("plimsoll.yaml", "plimsoll: 1\nproject: ask\n"),
        ("workflows/ask.yaml", "workflow: ask\npurpose: Asks.\nowner: Ines\nmodels: [main]\n"),
        ("models/main.yaml", model.as_str()),
    ] {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn another_certificate_is_drift() {
    let provider = Provider::start("first");
    let repo = repository(&provider.url);
    let trusted = repo.path().join("trusted.pem");
    let both = ["first", "second"].map(|name| std::fs::read_to_string(pem(name)).unwrap()).join("\n");
    std::fs::write(&trusted, both).unwrap();
    let drift = |trust: &Path, more: &[&str]| {
        let repo = repo.path().display().to_string();
        let args = [&["drift", "--repo", &repo, "--json"], more].concat();
        let output = command(&args, &[("SSL_CERT_FILE", &trust.display().to_string())]).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code(), told)
    };
    // Nothing was accepted yet, so there is nothing to hold it against; somebody accepts what is seen.
    let (code, told) = drift(&trusted, &["--accept", "--as", "ines"]);
    assert_eq!(code, Some(0), "{told}");
    let seen = |told: &Value| told["world"]["models_at"]["main"]["certificate"].clone();
    let first = seen(&told);
    assert_eq!(first["issuer"], "O=Example Trust, CN=first");
    let lock = std::fs::read_to_string(repo.path().join("models/main.lock.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&lock).unwrap()["reached"]["certificate"], first);
    let (code, told) = drift(&trusted, &[]);
    assert_eq!((code, told["drift"].as_array().map(Vec::len)), (Some(0), Some(0)), "{told}");
    // Another key, by an issuer that is trusted as well: TLS has nothing against it.
    provider.proves_itself_by("second");
    let (code, told) = drift(&trusted, &[]);
    assert_eq!(code, Some(1), "{told}");
    let found = &told["drift"][0];
    assert_eq!((&found["of"], &found["subject"]), (&"certificates".into(), &"main".into()), "{told}");
    assert_ne!(seen(&told)["key"], first["key"]);
    assert!(found["text"].as_str().unwrap().contains("CN=second"), "{found}");
    // One that is not trusted is no drift: it could not be looked at, and nothing is made of that.
    let (code, told) = drift(&pem("first"), &[]);
    assert_eq!((code, told["drift"].as_array().map(Vec::len)), (Some(2), Some(0)), "{told}");
    assert!(told["failed"][0].as_str().unwrap().contains("the model main"), "{told}");
    provider.proves_itself_by("first");
    assert_eq!(drift(&pem("first"), &[]).0, Some(0));
}
