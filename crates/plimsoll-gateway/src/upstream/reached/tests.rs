use base64::Engine as _;

use super::*;

/// A certificate of the name `C=DE, O=Example Trust, CN=Example Test CA`, made with openssl.
const CERTIFICATE: &str = "MIIB7zCCAZagAwIBAgIUXx8a+BAnQMcfay8vI5rEwgy+1sEwCgYIKoZIzj0EAwIwPzELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUV4YW1wbGUgVHJ1c3QxGDAWBgNVBAMMD0V4YW1wbGUgVGVzdCBDQTAgFw0yNjExMzAwMTQ4MzNaGA8yMTI2MTEwNjAxNDgzM1owPzELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUV4YW1wbGUgVHJ1c3QxGDAWBgNVBAMMD0V4YW1wbGUgVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBo2NX90fxd6DbAL+fGfyVHsUZxDWVidN53oEHjLhIggXLG2HendCrZqzE4i9iYqTo5eX1Y7ehqOtqIM6YuZzyijbjBsMB0GA1UdDgQWBBRw4xe53VgOxp6+AtPK2Z7+rArliDAfBgNVHSMEGDAWgBRw4xe53VgOxp6+AtPK2Z7+rArliDAPBgNVHRMBAf8EBTADAQH/MBkGA1UdEQQSMBCCDm1vZGVscy5leGFtcGxlMAoGCCqGSM49BAMCA0cAMEQCIBIpx8ARDltaOpBsbrxzHK+L/DFpBALKBnSCJO4ZEc60AiB6309Msn1lc2o9mUnZZ5elTTwvfuK5DtJEfmcqvAjuaQ==";
/// `openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum` of it.
const KEY: &str = "sha256:99293959b376cd0e3ff36f9c9a5da683ae0546b10db4456e8f09b576552ffc95";

#[test]
fn a_certificate_is_told_by_issuer_and_key() {
    let der = base64::engine::general_purpose::STANDARD.decode(CERTIFICATE).unwrap();
    let read = read(&der.as_slice().into()).unwrap();
    assert_eq!(read.issuer, "C=DE, O=Example Trust, CN=Example Test CA");
    assert_eq!(read.key, KEY);
}

#[test]
fn no_bytes_break_the_reading_of_a_name() {
    let der = base64::engine::general_purpose::STANDARD.decode(CERTIFICATE).unwrap();
    for start in 0..der.len() {
        for end in [start, (start + 7).min(der.len()), der.len()] {
            assert!(!issuer(&der[start..end]).is_empty());
        }
    }
    assert!(issuer(&[0x31, 0x84, 0xff, 0xff, 0xff, 0xff]).starts_with("sha256:"));
}

#[test]
fn no_credential_of_an_address_is_written_down() {
    assert_eq!(plain("https://ada:secret@crm.example:8443/mcp?key=secret#x"), "https://crm.example:8443/mcp");
    assert_eq!(plain("https://crm.example/a@b"), "https://crm.example/a@b");
    assert_eq!(plain("/elsewhere?key=secret"), "/elsewhere");
}

#[tokio::test]
async fn a_place_is_where_it_is_and_where_it_sends_on_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 1024];
        let read = stream.read(&mut head).await.unwrap();
        let answer =
            "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://evil.example/\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let http = HttpClient::new(false).unwrap();
    let reached = of_url(&http, "desk", &url).await.unwrap();
    assert_eq!(reached.redirect.as_deref(), Some("https://evil.example/"));
    assert_eq!((reached.endpoint, reached.certificate), (url, None));
    let asked = server.await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("head /mcp ") && !asked.contains("authorization"), "{asked}");
}
