//! The simulated GitHub, driven by GitHub's own client and held against GitHub's own description of its API, its GraphQL
//! schema and its examples of webhooks.

use std::process::Command;

use bowline_sim::{GitHub, GitHubConfig};
use bowline_tests::judges;
use bowline_tests::process::{Ended, run};
use bowline_tests::servers::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Runs the contract: calls go by `prism`, orders and git straight to the simulator.
async fn contract(prism: &str, simulator: &str) -> Ended {
    let script = judges::repository().join("tests/judges/github/contract.mjs");
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec node --input-type=module - "$1" "$2" < "$3""#, "sh", prism, simulator])
        .arg(script)
        .current_dir(judges::github());
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_and_every_answer_is_what_github_describes() {
    let github = GitHub::start(GitHubConfig::default()).await.unwrap();
    let prism = Server::prism(&github.url()).await;
    let ended = contract(&prism.url, &github.url()).await.with_code(0);
    let last = ended.stdout.lines().last().unwrap();
    let numbers: Vec<u32> = last.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [answers, operations, events, 0] = numbers[..] else { panic!("{last}") };
    // Far fewer would mean that the contract no longer drives what it drove.
    assert!(answers > 85 && operations > 60 && events > 10, "{last}");
}

/// Without this, a contract that looks at nothing would pass the test above.
#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_type_in_one_answer_is_found() {
    let github = GitHub::start(GitHubConfig::default()).await.unwrap();
    let address = github.url().trim_start_matches("http://").to_owned();
    let falsifier = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", falsifier.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = falsifier.accept().await {
            tokio::spawn(falsify(client, address.clone()));
        }
    });
    let prism = Server::prism(&url).await;
    let ended = contract(&prism.url, &github.url()).await.with_code(1);
    let found: Vec<&str> =
        ended.stdout.lines().filter(|line| line.starts_with("GET /repos/{owner}/{repo}/branches ")).collect();
    assert_eq!(
        found,
        [
            "GET /repos/{owner}/{repo}/branches 200 response.body.1.name: Response body property 1.name must be string"
        ],
        "{ended}"
    );
}

/// Passes the one request of a connection through; in the list of branches, `"main"` becomes a number of the same length.
async fn falsify(mut client: TcpStream, simulator: String) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    // Otherwise later requests of the same connection would pass unseen.
    let first_line = request.windows(2).position(|window| window == b"\r\n").map_or(0, |end| end + 2);
    let lists_branches = request.starts_with(b"GET /repos/acme/infra/branches HTTP");
    request.splice(first_line..first_line, *b"Connection: close\r\n");
    let mut server = TcpStream::connect(simulator).await?;
    server.write_all(&request).await?;
    if !lists_branches {
        return tokio::io::copy_bidirectional(&mut client, &mut server).await.map(|_| ());
    }
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).replace(r#""name":"main""#, r#""name":123456"#);
    client.write_all(answer.as_bytes()).await
}
