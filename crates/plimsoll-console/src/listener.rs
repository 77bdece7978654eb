//! The socket of the admin listener.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use plimsoll_gateway::Gateway;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::logins::Logins;
use crate::{Console, routes};

/// Seconds to send the request's head: slow clients lose their connection.
pub const HEAD_TIMEOUT_S: u64 = 15;
/// Seconds that running requests get to end after a stop was asked for.
pub const DRAIN_S: u64 = 10;
/// Connections at most. People and a few scripts come here; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;

/// Serves the admin listener until `stop` changes, then lets running requests end.
///
/// # Errors
/// When the listener itself fails.
pub async fn serve(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let console = Arc::new(Console { gateway, logins: Logins::default(), local: listener.local_addr()? });
    let app = routes::router(&console);
    let graceful = hyper_util::server::graceful::GracefulShutdown::new();
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = async {
            let seat = Arc::clone(&seats).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _peer)| (seat, stream))
        };
        let (seat, stream) = tokio::select! {
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            _ = stop.changed() => break,
        };
        stream.set_nodelay(true)?;
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEAD_TIMEOUT_S))
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _seat = seat;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(Duration::from_secs(DRAIN_S), graceful.shutdown()).await.is_err() {
        tracing::warn!("admin requests were still running after {DRAIN_S} s");
    }
    Ok(())
}
