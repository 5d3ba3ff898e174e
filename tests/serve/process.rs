//! Servers as processes of their own, with ports that the system chooses.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");
/// Nothing here takes anywhere near so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What every test's configuration begins with: ports that the system chooses, and lines that a test can read.
pub const QUIET: &str = "listen = \"127.0.0.1:0\"\nmetrics.listen = \"127.0.0.1:0\"\nlog.format = \"json\"\n";
/// The same for an SMP.
pub const SMP: &str = "listen = \"127.0.0.1:0\"\nmetrics.listen = \"127.0.0.1:0\"\nlog.format = \"json\"\n\
                       admin.listen = \"127.0.0.1:0\"\n";

/// A server, killed when this is dropped.
pub struct Served {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    pub folder: PathBuf,
    pub name: &'static str,
}

impl Served {
    /// Starts a server with a configuration in `folder`, and waits until it says where it is: an SMP listens by then, a
    /// site once it has registered.
    pub fn start(kind: &'static str, folder: &Path, config: &str) -> Self {
        let served = Self::spawn(kind, folder, config);
        served.until("its first line", is_first_line);
        served
    }

    /// Starts a server and does not wait.
    pub fn spawn(kind: &'static str, folder: &Path, config: &str) -> Self {
        Self::spawn_by(Command::new(PROGRAM), kind, folder, config)
    }

    /// Starts a server under a limit of the shell's `ulimit`. With `-f 6` it may write files of so many blocks of 512 bytes:
    /// a write beyond fails, as on a disk that is full.
    pub fn start_limited(kind: &'static str, folder: &Path, config: &str, limit: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("trap '' XFSZ; ulimit {limit}; exec \"$0\" \"$@\""), PROGRAM]);
        let served = Self::spawn_by(shell, kind, folder, config);
        served.until("its first line", is_first_line);
        served
    }

    fn spawn_by(mut command: Command, kind: &'static str, folder: &Path, config: &str) -> Self {
        let file = folder.join(format!("{kind}.toml"));
        fs::write(&file, config).unwrap();
        let mut child = command
            .args(["serve", kind, "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (heard, stderr) = (Arc::clone(&lines), child.stderr.take().unwrap());
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        Self { child, lines, reader: Some(reader), folder: folder.join(format!("countersign-{kind}")), name: kind }
    }

    /// What it has written to standard error.
    pub fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits for a log line.
    pub fn until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let is_line = |line: &String| serde_json::from_str(line).ok().filter(|line| is_it(line));
        let found = poll(|| self.lines.lock().unwrap().iter().find_map(is_line));
        found.unwrap_or_else(|| panic!("{what} never came from the {}:\n{}", self.name, self.text()))
    }

    fn at(&self, member: &str) -> String {
        let line = self.until("where it is", is_first_line);
        line[member].as_str().unwrap_or_else(|| panic!("no {member} in {line}")).to_owned()
    }

    pub fn origin(&self) -> String {
        self.at("origin")
    }

    pub fn address(&self) -> SocketAddr {
        self.at("address").parse().unwrap()
    }

    pub fn node(&self) -> String {
        self.at("node")
    }

    pub fn pin(&self) -> String {
        self.at("pin")
    }

    /// Asks its door of monitoring.
    pub fn monitoring(&self, path: &str) -> (u16, String) {
        let answer = http(self.at("metrics").parse().unwrap(), &format!("GET {path} HTTP/1.1\r\nHost: x\r\n"), "");
        (status(&answer), body(&answer).to_owned())
    }

    /// One of its figures.
    pub fn figure(&self, name: &str) -> u64 {
        let (_, text) = self.monitoring("/metrics");
        let is_it = |line: &&str| line.split(' ').next() == Some(name);
        text.lines().find(is_it).map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// Asks its administrators' door, with the secret.
    pub fn admin(&self, method: &str, path: &str) -> (u16, Value) {
        let secret = fs::read_to_string(self.folder.join("admin.secret")).unwrap();
        self.admin_with(method, path, &format!("Authorization: Bearer {}\r\n", secret.trim()))
    }

    /// The answer of its administrators' door as it came.
    pub fn admin_text(&self, method: &str, path: &str) -> String {
        let secret = fs::read_to_string(self.folder.join("admin.secret")).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n", secret.trim());
        http(self.at("admin").parse().unwrap(), &head, "")
    }

    /// Asks its administrators' door, with these headers.
    pub fn admin_with(&self, method: &str, path: &str, headers: &str) -> (u16, Value) {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}");
        let answer = http(self.at("admin").parse().unwrap(), &head, "");
        (status(&answer), serde_json::from_str(body(&answer)).unwrap_or(Value::Null))
    }

    /// Asks for something at the administrators' door, and does not wait for the answer.
    pub fn ask_and_go(&self, path: &str) -> TcpStream {
        let secret = fs::read_to_string(self.folder.join("admin.secret")).unwrap();
        let mut stream = TcpStream::connect::<SocketAddr>(self.at("admin").parse().unwrap()).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", secret.trim());
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// Does something at the administrators' door that must succeed.
    pub fn act(&self, path: &str) -> Value {
        let (status, answer) = self.admin("POST", path);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and for its last line.
    pub fn ended(&mut self) -> ExitStatus {
        let ended = poll(|| self.child.try_wait().unwrap());
        let ended = ended.unwrap_or_else(|| panic!("the {} goes on:\n{}", self.name, self.text()));
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        ended
    }

    /// Ends it as an operator does.
    pub fn stop(self) -> String {
        self.signal("TERM");
        self.has_stopped()
    }

    /// Waits until one that was told to stop has finished.
    pub fn has_stopped(mut self) -> String {
        assert_eq!(self.ended().code(), Some(0), "{}", self.text());
        self.text()
    }

    /// Ends it as a loss of power does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it says when it cannot start.
    pub fn refused(mut self) -> String {
        assert_eq!(self.ended().code(), Some(2), "{}", self.text());
        self.text()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says where a server is. One that has yet to register does not listen there.
pub fn is_first_line(line: &Value) -> bool {
    line["message"] == "listening" || line["message"] == "starting"
}

/// Tries until something comes, or patience is over.
pub fn poll<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        match attempt() {
            Some(found) => return Some(found),
            None if started.elapsed() > PATIENCE => return None,
            None => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// One request, without any HTTP library; its answer as it came.
pub fn http(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    stream.write_all(format!("{head}{length}Connection: close\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {answer:?}"))
}

pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// An SMP that approves nobody yet.
pub fn smp(folder: &Path) -> Served {
    Served::start("smp", folder, SMP)
}

/// The configuration of an SMP that starts again where others know it.
pub fn at_the_same_address(smp: &Served) -> String {
    SMP.replacen("127.0.0.1:0", &smp.address().to_string(), 1)
}

/// The configuration of a site server of this SMP.
pub fn site_config(smp: &Served) -> String {
    format!("{QUIET}[smp]\norigin = \"{}\"\npin = \"{}\"\n[parameters]\nretry_max = \"1s\"\n", smp.origin(), smp.pin())
}
