//! The simulator's answers, held field by field against botocore's service models, by a client that is not ours.

use std::process::Command;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::judges;
use bowline_tests::process::{Ended, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn check(endpoint: &str) -> Ended {
    let mut command = Command::new(judges::program("python"));
    command.arg(judges::repository().join("tests/judges/botocore_check.py")).arg(endpoint);
    run(command).await
}

async fn simulator() -> Simulator {
    let config = SimulatorConfig { time_scale: 60.0, ..SimulatorConfig::default() };
    Simulator::start(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_simulator_is_what_the_models_say() {
    let simulator = simulator().await;
    let ended = check(&simulator.url()).await.with_code(0);
    let last = ended.stdout.lines().last().unwrap();
    let numbers: Vec<u32> = last.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [answers, fields, 0] = numbers[..] else { panic!("{last}") };
    // Far fewer would mean that the check no longer drives what it drove.
    assert!(answers > 70 && fields > 2000, "{last}");
}

/// Without this, a checker that looks at nothing would pass the test above.
#[tokio::test(flavor = "multi_thread")]
async fn one_misspelt_field_and_one_wrong_type_are_found() {
    let simulator = simulator().await;
    let address = simulator.url().trim_start_matches("http://").to_owned();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = proxy.accept().await {
            tokio::spawn(falsify(client, address.clone()));
        }
    });
    let ended = check(&url).await.with_code(1);
    let mut found: Vec<&str> =
        ended.stdout.lines().filter(|line| line.starts_with("ecs.ListClusters")).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "ecs.ListClusters.clusterArns[0]: is int, not a string",
            "ecs.ListClusters: has `misspeltField`, which the model does not know",
        ],
        "{ended}"
    );
}

/// Passes the one request of a connection through, or puts a wrong answer in the place of ListClusters'.
async fn falsify(mut client: TcpStream, simulator: String) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    if String::from_utf8_lossy(&request).contains("AmazonEC2ContainerServiceV20141113.ListClusters") {
        while !request.ends_with(b"{}") {
            client.read_buf(&mut request).await?;
        }
        let body = r#"{"clusterArns":[17],"misspeltField":true}"#;
        let head = "HTTP/1.1 200 OK\r\nx-amzn-RequestId: 1\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close";
        let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        return client.write_all(answer.as_bytes()).await;
    }
    // Otherwise later requests of the same connection would pass unseen.
    let first_line = request.windows(2).position(|window| window == b"\r\n").map_or(0, |end| end + 2);
    request.splice(first_line..first_line, *b"Connection: close\r\n");
    let mut server = TcpStream::connect(simulator).await?;
    server.write_all(&request).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}
