//! The floor: the least that a proxy in Rust can do. Head and body go through as they are, over a pool
//! of its own on one thread.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::CONNECTION;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use crate::talk::Error;

/// Serves until the process is ended.
pub async fn serve(listener: TcpListener, upstream: SocketAddr) -> std::io::Result<()> {
    let pool = Rc::new(Pool { upstream, idle: RefCell::default() });
    LocalSet::new()
        .run_until(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let pool = Rc::clone(&pool);
                let service = service_fn(move |request| pass(Rc::clone(&pool), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                spawn_local(connection);
            }
        })
        .await
}

struct Pool {
    upstream: SocketAddr,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

impl Pool {
    async fn take(&self) -> Result<SendRequest<Incoming>, Error> {
        {
            let mut idle = self.idle.borrow_mut();
            idle.retain(|sender| !sender.is_closed());
            if let Some(at) = idle.iter().position(SendRequest::is_ready) {
                return Ok(idle.swap_remove(at));
            }
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        spawn_local(connection);
        Ok(sender)
    }
}

async fn pass(pool: Rc<Pool>, mut request: Request<Incoming>) -> Result<Response<Incoming>, Failed> {
    request.headers_mut().remove(CONNECTION);
    let mut sender = pool.take().await.map_err(|error| Failed(error.message))?;
    let response = sender.send_request(request).await.map_err(|error| Failed(error.to_string()))?;
    pool.idle.borrow_mut().push(sender);
    Ok(response)
}

/// The floor has no words of its own: it hangs up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);
