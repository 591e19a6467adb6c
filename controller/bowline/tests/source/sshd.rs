//! A real sshd on a port of 127.0.0.1, for this user, with keys made for the test.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running sshd; stopped when it is dropped.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) keys: TempDir,
    child: Child,
}

impl Sshd {
    /// Starts sshd with an ed25519 host key; only the key `keys/client` may log in.
    pub(crate) fn start() -> Self {
        let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let program = program.expect(
            "the ssh tests need OpenSSH's server, and there is no sshd in /usr/sbin: install it (Debian: apt-get install openssh-server)",
        );
        let keys = TempDir::new().unwrap();
        for name in ["host", "client", "stranger"] {
            keygen(&["-q", "-t", "ed25519", "-N", "", "-f", text(&keys.path().join(name))]);
        }
        keygen(&["-q", "-t", "ed25519", "-N", "open sesame", "-f", text(&keys.path().join("locked"))]);
        let allowed =
            ["client.pub", "locked.pub"].map(|name| fs::read_to_string(keys.path().join(name)).unwrap());
        fs::write(keys.path().join("allowed"), allowed.concat()).unwrap();
        // Run by root, sshd wants this directory, which the init system makes otherwise.
        let _ = fs::create_dir("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host\nAuthorizedKeysFile {0}/allowed\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            keys.path().display()
        );
        fs::write(keys.path().join("config"), config).unwrap();
        let mut child = Command::new(program)
            .args(["-D", "-e", "-f", text(&keys.path().join("config"))])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("Server listening") {
            assert_ne!(log.read_line(&mut said).unwrap(), 0, "sshd does not start: {said}");
        }
        // The pipe must stay open and empty, or sshd ends at its next message.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(drop));
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        Self { port, user: user.trim().to_owned(), keys, child }
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    /// A known_hosts file that holds `key` (a public key's file) for this server, hashed if asked.
    pub(crate) fn known_hosts(&self, key: &str, hashed: bool) -> PathBuf {
        let public = fs::read_to_string(self.key(key)).unwrap();
        let path = self.key(&format!("known_hosts_{key}_{hashed}"));
        fs::write(&path, format!("# servers\n[127.0.0.1]:{} {public}", self.port)).unwrap();
        if hashed {
            keygen(&["-q", "-H", "-f", text(&path)]);
        }
        path
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keygen(arguments: &[&str]) {
    let output = Command::new("ssh-keygen").args(arguments).output().expect("ssh-keygen is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
