//! Where an upstream is reached and how it proves itself: one connection, one request without credentials.

use hyper::header::LOCATION;
use hyper::{Method, Request};
use plimsoll_bundle::drift::{Certificate, Reached};
use plimsoll_bundle::{Bundle, Reach, Server};
use sha2::{Digest as _, Sha256};

use super::UpstreamError;
use super::http::HttpClient;
use crate::drift::Looked;

/// Seconds for one look.
const LOOK_TIMEOUT_S: u64 = 15;

/// Looks at every model and tool server of a release.
pub async fn of_bundle(http: &HttpClient, bundle: &Bundle) -> Looked {
    let mut looked = Looked::default();
    for model in bundle.models.values() {
        match of_url(http, &model.id, &model.url).await {
            Ok(reached) => drop(looked.world.models_at.insert(model.id.clone(), reached)),
            Err(error) => looked.failed.push(format!("the model {}: {error}", model.id)),
        }
    }
    for server in bundle.servers.values() {
        match of_server(http, server).await {
            Some(Ok(reached)) => drop(looked.world.servers_at.insert(server.name.clone(), reached)),
            Some(Err(error)) => looked.failed.push(format!("the server {}: {error}", server.name)),
            None => {}
        }
    }
    looked
}

async fn of_server(http: &HttpClient, server: &Server) -> Option<Result<Reached, UpstreamError>> {
    match &server.reach {
        Reach::Http { url } => Some(of_url(http, &server.name, url).await),
        Reach::Stdio { command, .. } => {
            Some(Ok(Reached { endpoint: command.first().cloned().unwrap_or_default(), ..Reached::default() }))
        }
        Reach::Local => None,
    }
}

async fn of_url(http: &HttpClient, name: &str, url: &str) -> Result<Reached, UpstreamError> {
    let certificate = match url.starts_with("https:") {
        true => http.certificate(name, url, LOOK_TIMEOUT_S).await?,
        false => None,
    };
    let unsent = |why: String| UpstreamError::Unreachable { name: name.to_owned(), why };
    let request = Request::builder().method(Method::HEAD).uri(url).body(http_body_util::Full::default());
    let request = request.map_err(|error| unsent(error.to_string()))?;
    let answer = http.send(name, request, LOOK_TIMEOUT_S).await?;
    let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
    let redirect = to.filter(|_| answer.status().is_redirection());
    let certificate = certificate.map(|der| read(&der)).transpose().map_err(unsent)?;
    Ok(Reached { endpoint: plain(url), redirect: redirect.as_deref().map(plain), certificate })
}

/// A URL without what may be a credential in it: this goes into a lock file, and into the record.
fn plain(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

/// Issuer and public key of a certificate.
fn read(der: &rustls::pki_types::CertificateDer<'_>) -> Result<Certificate, String> {
    let parsed = webpki::EndEntityCert::try_from(der).map_err(|error| format!("its certificate: {error}"))?;
    let key = Sha256::digest(&*parsed.subject_public_key_info());
    let key = plimsoll_core::Digest::from_bytes(key.into()).to_string();
    Ok(Certificate { issuer: issuer(parsed.issuer()), key })
}

/// A name (RFC 5280, 4.1.2.4) as people write it: `O=Example, CN=Example R3`. What can't be read so is told by its digest.
fn issuer(name: &[u8]) -> String {
    let parts = names(name).filter(|parts| !parts.is_empty());
    parts.map_or_else(|| plimsoll_core::Digest::of(name).to_string(), |parts| parts.join(", "))
}

fn names(mut name: &[u8]) -> Option<Vec<String>> {
    const SET: u8 = 0x31;
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let mut parts = Vec::new();
    while !name.is_empty() {
        let (tag, mut set, rest) = element(name)?;
        name = rest;
        if tag != SET {
            return None;
        }
        while !set.is_empty() {
            let (tag, pair, rest) = element(set)?;
            set = rest;
            let (of, which, pair) = element(pair)?;
            let (_, text, _) = element(pair)?;
            if tag != SEQUENCE || of != OBJECT_IDENTIFIER {
                return None;
            }
            let which = match which {
                [0x55, 0x04, 0x03] => "CN",
                [0x55, 0x04, 0x06] => "C",
                [0x55, 0x04, 0x0a] => "O",
                [0x55, 0x04, 0x0b] => "OU",
                _ => continue,
            };
            parts.push(format!("{which}={}", String::from_utf8_lossy(text)));
        }
    }
    Some(parts)
}

/// The first element of DER: its tag, what is in it, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short if short < 0x80 => (usize::from(short), rest),
        long => {
            let bytes =
                rest.get(..usize::from(long & 0x7f)).filter(|bytes| (1..=3).contains(&bytes.len()))?;
            (bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)), &rest[bytes.len()..])
        }
    };
    Some((*tag, rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests;
