//! The console: HTML and the admin API.
#![forbid(unsafe_code)]

use std::sync::Arc;

use plimsoll_gateway::Gateway;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves the admin listener until `stop` changes.
///
/// # Errors
/// When the listener itself fails.
pub async fn serve(gateway: Arc<Gateway>, listener: TcpListener, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let app = axum::Router::new().with_state(gateway);
    axum::serve(listener, app.into_make_service())
        .with_graceful_shutdown(async move {
            let _changed = stop.changed().await;
        })
        .await
}
