//! How many `DescribeServices` calls of 10 services does the simulator answer in a second on one core?
//!
//! `cargo run --release -p bowline-sim --example throughput`
//!
//! The simulator runs on one thread, the clients on another. Every service has a full history of 100 events, so
//! that replies are as large as they get; a second run has services without history.

#![allow(clippy::print_stdout)] // Its output is its purpose.

use std::error::Error;
use std::time::{Duration, Instant};

use bowline_sim::{Simulator, SimulatorConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const SERVICES: usize = 100;
const CONNECTIONS: usize = 8;
const LASTS: Duration = Duration::from_secs(5);

fn main() -> Outcome<()> {
    for history in [false, true] {
        let (ready, started) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let config = SimulatorConfig { time_scale: 0.0, ..SimulatorConfig::default() };
                let simulator = Simulator::start(config).await?;
                ready.send(simulator.url())?;
                std::future::pending::<Outcome<()>>().await
            })
        });
        let url = started.recv()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(measure(url.trim_start_matches("http://").to_owned(), history))?;
    }
    Ok(())
}

async fn measure(address: String, history: bool) -> Outcome<()> {
    let mut client = Client::connect(&address).await?;
    prepare(&mut client, history).await?;
    let mut tasks = tokio::task::JoinSet::new();
    let begin = Instant::now();
    for connection in 0..CONNECTIONS {
        let mut client = Client::connect(&address).await?;
        tasks.spawn(async move {
            let (mut calls, mut bytes) = (0_u32, 0);
            while begin.elapsed() < LASTS {
                let first = (connection * 10 + usize::try_from(calls)?) % (SERVICES - 9);
                let names: Vec<String> = (first..first + 10).map(name).collect();
                bytes =
                    client.call("DescribeServices", &json!({"cluster": "main", "services": names})).await?;
                calls += 1;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>((calls, bytes))
        });
    }
    let (mut calls, mut size) = (0, 0);
    while let Some(done) = tasks.join_next().await {
        let (of_one, bytes) = done??;
        calls += of_one;
        size = bytes;
    }
    let rate = f64::from(calls) / begin.elapsed().as_secs_f64();
    println!("{rate:.0} DescribeServices of 10 services a second, {size} bytes each");
    Ok(())
}

fn name(index: usize) -> String {
    format!("service-{index:03}")
}

async fn prepare(client: &mut Client, history: bool) -> Outcome<()> {
    client.call("CreateCluster", &json!({"clusterName": "main"})).await?;
    let containers = json!([{"name": "app", "image": "demo/web:1", "memory": 64}]);
    client
        .call("RegisterTaskDefinition", &json!({"family": "web", "containerDefinitions": containers}))
        .await?;
    for index in 0..SERVICES {
        let service = json!({"cluster": "main", "serviceName": name(index), "taskDefinition": "web", "desiredCount": 2});
        client.call("CreateService", &service).await?;
    }
    for round in 0..if history { 40 } else { 0 } {
        client.advance().await?;
        for index in 0..SERVICES {
            let count = 2 + round % 2;
            let change = json!({"cluster": "main", "service": name(index), "desiredCount": count});
            client.call("UpdateService", &change).await?;
        }
    }
    client.advance().await
}

/// One kept-alive connection.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 1 << 20] })
    }

    async fn advance(&mut self) -> Outcome<()> {
        self.send("/_sim/advance", "", &json!({"seconds": 600})).await.map(|_| ())
    }

    async fn call(&mut self, operation: &str, body: &Value) -> Outcome<usize> {
        let headers = format!(
            "x-amz-target: AmazonEC2ContainerServiceV20141113.{operation}\r\nauthorization: AWS4-HMAC-SHA256 Credential=111122223333/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0\r\n"
        );
        self.send("/", &headers, body).await
    }

    /// Sends a request and reads its whole reply; the length of the body.
    async fn send(&mut self, path: &str, headers: &str, body: &Value) -> Outcome<usize> {
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await?;
        let (mut filled, mut expected) = (0, None);
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            filled += read;
            if expected.is_none() {
                expected = whole_length(&self.buffer[..filled])?;
            }
            match expected {
                Some((head, length)) if filled >= head + length => return Ok(length),
                _ if read == 0 => return Err("the connection closed".into()),
                _ => {}
            }
        }
    }
}

/// Length of head and of body, once the head is there. A reply other than 200 is an error.
fn whole_length(reply: &[u8]) -> Outcome<Option<(usize, usize)>> {
    let Some(end) = reply.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&reply[..end]).to_ascii_lowercase();
    if !head.starts_with("http/1.1 200") {
        return Err(head.into());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("no length")?;
    Ok(Some((end + 4, length.trim().parse()?)))
}
