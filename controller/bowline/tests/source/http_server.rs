//! The smallest real git server over HTTP: `git http-backend` behind a socket on 127.0.0.1, with optional basic auth.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the server does and has seen.
pub(crate) struct HttpServer {
    pub(crate) port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    refused: AtomicUsize,
    host: Mutex<String>,
}

/// One request, body included.
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

impl HttpServer {
    /// Serves the repositories below `root`; with `login` ("user:password"), only to those who give it.
    pub(crate) fn start(root: &Path, login: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen::default());
        let (root, login, shared) = (root.to_owned(), login.map(str::to_owned), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (root, login, seen) = (root.clone(), login.clone(), Arc::clone(&shared));
                thread::spawn(move || serve(stream, &root, login.as_deref(), &seen));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self, repository: &str) -> String {
        format!("http://127.0.0.1:{}/{repository}", self.port)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// Requests so far that carried the wrong login.
    pub(crate) fn refused(&self) -> usize {
        self.seen.refused.load(Ordering::SeqCst)
    }

    /// The name by which the last request called the server.
    pub(crate) fn host(&self) -> String {
        self.seen.host.lock().unwrap().clone()
    }
}

/// Serves requests until the client closes the connection.
fn serve(stream: TcpStream, root: &PathBuf, login: Option<&str>, seen: &Seen) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let request = read_request(&mut reader, &mut stream)?;
        seen.requests.fetch_add(1, Ordering::SeqCst);
        request.header("Host").clone_into(&mut seen.host.lock().unwrap());
        let given = request
            .header("Authorization")
            .strip_prefix("Basic ")
            .and_then(|text| STANDARD.decode(text).ok());
        if login.is_some_and(|login| given.as_deref() != Some(login.as_bytes())) {
            if given.is_some() {
                seen.refused.fetch_add(1, Ordering::SeqCst);
            }
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).ok()?;
            continue;
        }
        let (status, headers, body) = backend(root, &request)?;
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&body).ok()?;
    }
}

fn read_request(reader: &mut BufReader<TcpStream>, stream: &mut TcpStream) -> Option<Request> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let text = line(reader)?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    if request.header("Expect").eq_ignore_ascii_case("100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    if request.header("Transfer-Encoding").eq_ignore_ascii_case("chunked") {
        loop {
            let size = usize::from_str_radix(line(reader)?.split(';').next()?.trim(), 16).ok()?;
            let start = request.body.len();
            request.body.resize(start + size, 0);
            reader.read_exact(&mut request.body[start..]).ok()?;
            line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else {
        request.body = vec![0; request.header("Content-Length").parse().unwrap_or(0)];
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    if reader.read_line(&mut text).ok()? == 0 { None } else { Some(text.trim_end().to_owned()) }
}

/// Runs the request through `git http-backend`: status, header lines, body.
fn backend(root: &PathBuf, request: &Request) -> Option<(String, String, Vec<u8>)> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("Content-Type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("Content-Encoding"))
        .env("GIT_PROTOCOL", request.header("Git-Protocol"))
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git is installed");
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body.clone();
    let feed = thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output().unwrap().stdout;
    feed.join().ok()?.ok()?;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&output[..end]);
    let status = head.split("\r\n").find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let headers = head.split("\r\n").filter(|line| !line.starts_with("Status: "));
    Some((
        status.to_owned(),
        headers.fold(String::new(), |all, line| all + line + "\r\n"),
        output[end + 4..].to_vec(),
    ))
}
