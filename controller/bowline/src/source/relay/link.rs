//! A TCP connection to the server, and whether anything moves on it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::Endpoint;

/// Connects within the limit. What moves is noted in `activity`.
pub(super) async fn connect(target: &Endpoint, limit: Duration, activity: &Activity) -> Result<Link, String> {
    match timeout(limit, TcpStream::connect((target.host.as_str(), target.port))).await {
        Ok(Ok(stream)) => Ok(Link { stream, activity: activity.clone() }),
        Ok(Err(error)) => Err(format!("connecting to {} failed: {error}", target.authority())),
        Err(_) => {
            Err(format!("{} did not accept a connection within {}s", target.authority(), limit.as_secs()))
        }
    }
}

/// When something passed last.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity(Arc<Times>);

#[derive(Debug, Default)]
struct Times {
    last: Mutex<Option<Instant>>,
    begun: Notify,
}

impl Activity {
    /// Something passed now.
    pub(super) fn note(&self) {
        let before = self.last().replace(Instant::now());
        if before.is_none() {
            self.0.begun.notify_one();
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when nothing passed for `idle`; does not begin before the first piece.
    pub(super) async fn silence(&self, idle: Duration) {
        self.0.begun.notified().await;
        loop {
            let last = *self.last();
            match last {
                Some(last) if last.elapsed() < idle => sleep_until(last + idle).await,
                _ => return,
            }
        }
    }
}

/// A connection that notes what passes.
pub(super) struct Link {
    stream: TcpStream,
    activity: Activity,
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.note();
        }
        polled
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.activity.note();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
