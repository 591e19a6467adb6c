//! One condition at a time, against servers on this machine.

use bowline_core::desired::kind::HttpCheck;
use bowline_core::name::{ProbeUrl, StatusCodes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn hosts(patterns: &[&str]) -> BTreeSet<HostPattern> {
    patterns.iter().map(|pattern| HostPattern::parse(pattern).unwrap()).collect()
}

/// A server that gives each connection this answer, and keeps it open when that does not end it.
async fn server(answer: impl Into<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.read(&mut request).await;
            });
        }
    });
    port
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// What a GET of a page says: nothing when it is right.
async fn get(port: u16, status: &str, contains: Option<&str>) -> Option<String> {
    let check = HttpCheck {
        url: ProbeUrl::parse(&format!("http://127.0.0.1:{port}/page?deep=1")).unwrap(),
        status: StatusCodes::parse(status).unwrap(),
        contains: contains.map(str::to_owned),
    };
    match http::ask(&hosts(&["127.0.0.1"]), &check).await {
        Ok(()) => None,
        Err(Wrong::Failed(why) | Wrong::Answered(why, _)) => Some(why),
        Err(wrong) => panic!("{wrong:?}"),
    }
}

#[tokio::test]
async fn what_a_wrong_answer_holds_is_kept_beside_the_sentence() {
    let port = server(answer("503 Service Unavailable", "", "password=hunter2\n")).await;
    let check = HttpCheck {
        url: ProbeUrl::parse(&format!("http://127.0.0.1:{port}/")).unwrap(),
        status: StatusCodes::parse("200").unwrap(),
        contains: None,
    };
    let wrong = http::ask(&hosts(&["127.0.0.1"]), &check).await.unwrap_err();
    // Nothing that is debugged tells it.
    assert_eq!(
        format!("{wrong:?}"),
        "Answered(\"answered 503 with 17 bytes, expected 200\", Some(ProbeBody(16 bytes)))"
    );
    let Wrong::Answered(_, Some(body)) = wrong else { panic!("no body") };
    assert_eq!(body.text(), "password=hunter2");
}

#[tokio::test]
async fn status_and_text_decide_and_only_sizes_are_told() {
    let port = server(answer("200 OK", "", "password=hunter2")).await;
    assert_eq!(get(port, "200", None).await, None);
    assert_eq!(get(port, "200-299", Some("word=hunter")).await, None);
    assert_eq!(
        get(port, "200-299", Some("ready")).await.as_deref(),
        Some("answered 200 with 16 bytes, without the expected text")
    );
    assert_eq!(get(port, "204", None).await.as_deref(), Some("answered 200 with 16 bytes, expected 204"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = server(answer("200 OK", "", "ok")).await;
    let headers = format!("location: http://127.0.0.1:{target}/\r\n");
    let port = server(answer("302 Found", &headers, "")).await;
    assert_eq!(
        get(port, "200-299", None).await.as_deref(),
        Some("answered 302 with 0 bytes, expected 200-299")
    );
    assert_eq!(get(port, "302", None).await, None);
}

#[tokio::test]
async fn of_a_long_answer_only_the_beginning_is_read() {
    let body = format!("{}ready", "x".repeat(70 << 10));
    let port = server(answer("200 OK", "", &body)).await;
    assert_eq!(get(port, "200", Some("xxx")).await, None);
    assert_eq!(
        get(port, "200", Some("ready")).await.as_deref(),
        Some("answered 200 with more than 65536 bytes, without the expected text")
    );
}

#[tokio::test]
async fn what_does_not_speak_http_or_hangs_up_is_a_failure_in_words() {
    let port = server("SSH-2.0-OpenSSH\r\n").await;
    assert!(get(port, "200", None).await.unwrap().starts_with("no answer: "));
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    assert_eq!(get(closed, "200", None).await, Some(format!("127.0.0.1:{closed} refused the connection")));
}

#[tokio::test]
async fn addresses_are_looked_at_after_the_name_was_resolved() {
    let port = server(answer("200 OK", "", "ok")).await;
    let refusal = |allowed: &'static [&'static str], host: &'static str| async move {
        match connect::tcp(&hosts(allowed), host, port).await {
            Ok(_) => None,
            Err(Refusal::NotAllowed(why)) => Some(why),
            Err(Refusal::NoConnection(why)) => panic!("{why}"),
        }
    };
    assert_eq!(refusal(&["localhost"], "localhost").await, None);
    assert!(refusal(&["*.test"], "127.0.0.1").await.is_some());
    assert_eq!(
        refusal(&["169.254.169.254"], "169.254.169.254").await.as_deref(),
        Some(
            "169.254.169.254 leads to 169.254.169.254, which is link-local, where the metadata of instances and tasks is"
        )
    );
    let why = refusal(&["fd00:ec2::254"], "fd00:ec2::254").await.unwrap();
    assert!(why.ends_with("which is link-local or AWS's own, where the metadata of instances is"), "{why}");
}
