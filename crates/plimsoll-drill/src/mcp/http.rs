//! Streamable HTTP for both eras at one address, `/mcp`: starting, options, and a handle for tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::endpoint::Endpoint;
use super::service::Service;
use crate::net;

/// How the endpoint behaves, whatever the service.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpOptions {
    /// Accept any `Host` and `Origin`. Without it only loopback names are, against DNS rebinding.
    pub any_host: bool,
    /// Answer every request as an event stream, as some servers do.
    pub always_stream: bool,
}

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct McpHandle {
    addr: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl McpHandle {
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.addr)
    }
}

impl Drop for McpHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves `service` on `listener` until the future is dropped.
///
/// # Errors
/// When the listener can no longer accept.
pub async fn serve<S: Service>(listener: TcpListener, service: Arc<S>) -> io::Result<()> {
    serve_with(listener, service, HttpOptions::default()).await
}

/// [`serve`], with options.
///
/// # Errors
/// When the listener can no longer accept.
pub async fn serve_with<S: Service>(
    listener: TcpListener,
    service: Arc<S>,
    options: HttpOptions,
) -> io::Result<()> {
    let endpoint = Arc::new(Endpoint { service, hub: Arc::default(), options });
    net::serve(listener, move |request| Arc::clone(&endpoint).handle(request)).await
}

/// Starts `service` on a free port of the loopback interface.
///
/// # Errors
/// When no port can be bound.
pub async fn spawn<S: Service>(service: Arc<S>) -> io::Result<McpHandle> {
    spawn_with(service, HttpOptions::default()).await
}

/// [`spawn`], with options.
///
/// # Errors
/// When no port can be bound.
pub async fn spawn_with<S: Service>(service: Arc<S>, options: HttpOptions) -> io::Result<McpHandle> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let addr = listener.local_addr()?;
    Ok(McpHandle { addr, task: tokio::spawn(serve_with(listener, service, options)) })
}
