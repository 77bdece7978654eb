//! Runs one drill server: `cargo run -p plimsoll-drill --example mock -- model|desk|conformance|hostile [PORT|stdio]`.

use std::io;

use plimsoll_drill::{mcp, mock};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut words = std::env::args().skip(1);
    let server = words.next().unwrap_or_default();
    let place = words.next().unwrap_or_else(|| "7310".to_owned());
    let desk = mcp::desk::DeskOptions {
        effects_file: std::env::var_os("EFFECTS_FILE").map(Into::into),
        bearer: std::env::var("DESK_TOKEN").ok(),
        ..Default::default()
    };
    if place == "stdio" {
        return match server.as_str() {
            "desk" => mcp::desk::serve_stdio(desk).await,
            "conformance" => mcp::conformance::serve_stdio().await,
            "hostile" => mcp::hostile::serve_stdio(mcp::hostile::HostileOptions::default()).await,
            other => Err(unknown(other)),
        };
    }
    let port: u16 = place.parse().map_err(|_| unknown(&place))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    match server.as_str() {
        "model" => mock::serve(listener, mock::MockOptions::default()).await,
        "desk" => mcp::desk::serve(listener, desk).await,
        "conformance" => mcp::conformance::serve(listener).await,
        "hostile" => mcp::hostile::serve(listener, mcp::hostile::HostileOptions::default()).await,
        other => Err(unknown(other)),
    }
}

fn unknown(word: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("'{word}': use model|desk|conformance|hostile [PORT|stdio]"),
    )
}
