//! Sends webhooks, one after the other, and notes what the receiver said. Nothing is sent twice by itself: GitHub does not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

use super::hub::Hub;
use super::webhook::Parcel;

/// How long GitHub waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends what comes, until nobody can send any more.
pub(super) async fn deliver(mut parcels: UnboundedReceiver<Parcel>, hub: Arc<Mutex<Hub>>) {
    while let Some(parcel) = parcels.recv().await {
        let sent = tokio::time::timeout(PATIENCE, send(&parcel)).await;
        let status = sent.ok().flatten().unwrap_or(0);
        hub.lock().unwrap_or_else(PoisonError::into_inner).delivered(&parcel, status);
    }
}

/// The receiver's status; `None` when there was none.
async fn send(parcel: &Parcel) -> Option<u16> {
    let uri: Uri = parcel.url.parse().ok()?;
    let authority = uri.authority()?;
    let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let driver = tokio::spawn(connection);
    let delivery = &parcel.delivery;
    let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header("host", authority.as_str())
        .header("accept", "*/*")
        .header("user-agent", "GitHub-Hookshot/simulated")
        .header("content-type", "application/json")
        .header("x-github-delivery", &delivery.guid)
        .header("x-github-event", &delivery.event)
        .header("x-github-hook-id", delivery.hook)
        .header("x-github-hook-installation-target-id", parcel.repository)
        .header("x-github-hook-installation-target-type", "repository")
        .header("x-hub-signature-256", &parcel.signature)
        .body(Full::new(Bytes::from(delivery.payload.clone())))
        .ok()?;
    let answer = sender.send_request(request).await.ok();
    driver.abort();
    answer.map(|answer| answer.status().as_u16())
}
