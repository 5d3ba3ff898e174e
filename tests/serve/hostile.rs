//! Whoever means ill, or is only broken: memory stays bounded, time-outs come, and honest clients are served all the while.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use countersign::event::Outcome;
use serde_json::Value;

use crate::{
    agent::Agent,
    certificate,
    process::{PATIENCE, SMP, Served, http, poll, site_config, smp, status},
    secured,
};

/// What a server may take beside what it had, whatever is done to it here.
const GROWTH_MAX: u64 = 64 << 20;

/// An SMP that is soon tired of waiting.
fn impatient(folder: &Path) -> Served {
    let config = format!("{SMP}[parameters]\nexchange_timeout = \"1s\"\nkeep_alive_idle = \"2s\"\n");
    Served::start("smp", folder, &config)
}

/// The honest client is served while `attack` goes on, and the server is whole afterwards.
fn withstands<T>(server: &Served, growth_bytes_max: u64, attack: impl FnOnce(SocketAddr) -> T) -> T {
    let mut agent = Agent::new(1);
    let before = agent.visit(server, server, 1);
    assert_eq!(before, [Outcome::ServedTwoStep]);
    let memory = server.memory_bytes();
    let result = attack(server.address());
    let started = Instant::now();
    assert_eq!(agent.visit(server, server, 2), [Outcome::ServedTwoStep, Outcome::ServedOneStep]);
    assert!(started.elapsed() < Duration::from_secs(10), "an honest client waited {:?}", started.elapsed());
    let growth = server.memory_bytes().saturating_sub(memory);
    assert!(growth < growth_bytes_max, "it grew by {growth} bytes");
    assert!(!server.text().contains("panicked"), "{}", server.text());
    result
}

/// Whether the other end ends the connection; whatever it says before is let go.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = [0; 4_096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn slow_loris_is_cut_off_and_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = impatient(folder.path());
    let slow = withstands(&server, GROWTH_MAX, |address| {
        let mut slow: Vec<_> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
        for byte in b"GET /Altiris/x HTTP/1.1\r\nX-Slow: " {
            slow.iter_mut().for_each(|stream| drop(stream.write_all(&[*byte])));
        }
        slow
    });
    assert!(slow.iter().all(is_closed));
}

#[test]
fn headers_and_bodies_beyond_all_measure_are_refused_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = impatient(folder.path());
    withstands(&server, GROWTH_MAX, |address| {
        let long = "x".repeat(1 << 20);
        let many: String = (0..20_000).map(|number| format!("X-{number}: y\r\n")).collect();
        for (bomb, expected) in [
            (format!("GET /Altiris/x HTTP/1.1\r\nX-Long: {long}\r\n\r\n"), [431, 400]),
            (format!("GET /Altiris/x HTTP/1.1\r\n{many}\r\n"), [431, 400]),
            (format!("GET /{long} HTTP/1.1\r\n\r\n"), [414, 431]),
            (
                "POST /NS/Agent/Register HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".to_owned(),
                [413, 400],
            ),
            (
                format!(
                    "POST /NS/Agent/Register HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{long}{long}",
                    2 << 20
                ),
                [413; 2],
            ),
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // It may have had enough before all is sent.
            let _ = stream.write_all(bomb.as_bytes());
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer);
            // An end without an answer is one, too: what was sent after it had enough resets the connection.
            assert!(answer.is_empty() || expected.contains(&status(&answer)), "{}: {answer}", &bomb[..60]);
        }
        // A body in chunks that never end.
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"POST /NS/Agent/Register HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let sent = (0..1_000).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
        assert!(sent < 1_000, "65 MB were taken");
    });
}

#[test]
fn large_bodies_share_a_bounded_memory() {
    // Each would be let in alone, and waits for its last byte.
    const BODIES: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start("smp", folder.path(), SMP);
    let most = format!("Content-Length: {}\r\n\r\n{}", 1 << 20, "x".repeat((1 << 20) - 1));
    let unsaid = format!("Transfer-Encoding: chunked\r\n\r\nffff0\r\n{}", "x".repeat(0xffff0));
    let waiting = withstands(&server, 2 * GROWTH_MAX, |address| {
        let head = "POST /Altiris/x HTTP/1.1\r\nHost: x\r\n";
        let send = |number: usize| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
            // It may have had enough before all is sent.
            let _ = stream
                .write_all(format!("{head}{}", if number.is_multiple_of(2) { &most } else { &unsaid }).as_bytes());
            stream
        };
        (0..BODIES).map(send).collect::<Vec<_>>()
    });
    drop(waiting);
}

#[test]
fn garbage_in_pipelines_is_answered_or_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = impatient(folder.path());
    withstands(&server, GROWTH_MAX, |address| {
        // Ten good requests in one piece are ten answers, in order.
        let mut stream = TcpStream::connect(address).unwrap();
        let pieces = "GET /Altiris/Public/status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(10);
        stream.write_all(pieces.as_bytes()).unwrap();
        stream.write_all(b"\0\x01\x02 garbage \xff\xfe\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 10, "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 400").count(), 1, "{answers}");
        // Numbers that are no randomness: the same in every run.
        let mut state = 1_u64;
        for _ in 0..200 {
            let bytes: Vec<u8> = (0..2_000)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) as u8
                })
                .collect();
            let mut stream = TcpStream::connect(address).unwrap();
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Write);
            assert!(is_closed(&stream));
        }
    });
}

#[test]
fn ten_thousand_idle_connections_take_little_and_are_ended_in_time() {
    const IDLE: usize = 10_000;
    /// Most of it are the two buffers of the HTTP library.
    const EACH_MAX: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let config = format!("{SMP}[parameters]\nkeep_alive_idle = \"20s\"\n");
    let server = Served::start("smp", folder.path(), &config);
    let before = server.memory_bytes();
    let idle = withstands(&server, EACH_MAX * IDLE as u64, |address| {
        let idle: Vec<_> = (0..IDLE).map(|_| TcpStream::connect(address).unwrap()).collect();
        poll(|| (server.figure("countersign_connections_open") >= IDLE as u64).then_some(()))
            .expect("all are accepted");
        idle
    });
    let each = server.memory_bytes().saturating_sub(before) / IDLE as u64;
    assert!(each <= EACH_MAX, "an idle connection takes {each} bytes");
    assert!(idle.iter().all(is_closed), "whoever says nothing is asked to leave");
}

#[test]
fn tls_garbage_is_nobodys_loss() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certificate(folder.path());
    let server = Served::start("smp", folder.path(), &secured(SMP));
    let mut agent = Agent::new(1).trusting(&certificate);
    let mut garbage = Vec::new();
    for number in 0..300_u32 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let bytes: &[u8] = match number % 3 {
            0 => b"\x16\x03\x01\x40\x00garbage",
            1 => b"GET / HTTP/1.1\r\n\r\n",
            _ => b"",
        };
        stream.write_all(bytes).unwrap();
        garbage.push(stream);
    }
    assert_eq!(agent.visit(&server, &server, 1), [Outcome::ServedTwoStep]);
    assert!(!server.text().contains("panicked"), "{}", server.text());
}

#[test]
fn whoever_says_nothing_at_a_tls_door_keeps_nobody_out() {
    // More than may shake hands at the same time.
    const SILENT: usize = 1_100;
    let folder = tempfile::tempdir().unwrap();
    let certificate = certificate(folder.path());
    let server = Served::start("smp", folder.path(), &secured(SMP));
    let mut agent = Agent::new(1).trusting(&certificate);
    let silent: Vec<_> = (0..SILENT).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    let started = Instant::now();
    assert_eq!(agent.visit(&server, &server, 1), [Outcome::ServedTwoStep]);
    assert!(started.elapsed() < Duration::from_secs(8), "an honest client waited {:?}", started.elapsed());
    drop(silent);
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("smp.toml");
    fs::write(&config, format!("{SMP}log.level = \"debug\"\n")).unwrap();
    let program = env!("CARGO_BIN_EXE_countersign");
    let mut command = Command::new(program);
    command.args(["serve", "smp", "--config"]).arg(&config).stderr(Stdio::piped());
    let mut server = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(server.0.stderr.take().unwrap()).lines();
    let listening = loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if line["message"] == "listening" {
            break line;
        }
    };
    let at = |member: &str| listening[member].as_str().unwrap().parse::<SocketAddr>().unwrap();
    // A pipe holds 64 KiB; each of these is a line of a hundred bytes or more.
    for _ in 0..2_000 {
        http(at("address"), "GET /Altiris/x HTTP/1.1\r\nHost: x\r\n", "");
    }
    assert_eq!(status(&http(at("metrics"), "GET /healthz HTTP/1.1\r\nHost: x\r\n", "")), 200);
    Command::new("kill").args(["-TERM", &server.0.id().to_string()]).status().unwrap();
    let ended = poll(|| server.0.try_wait().unwrap());
    assert_eq!(ended.expect("it ends").code(), Some(0));
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What stands between a site and its SMP, and does something of its own with requests for tokens.
struct Between {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Between {
    fn start(smp: SocketAddr, instead: fn(&mut TcpStream, &AtomicBool)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, is_over) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let over = Arc::clone(&is_over);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Relaxed) {
                    break;
                }
                let over = Arc::clone(&over);
                thread::spawn(move || serve(stream, smp, instead, &over));
            }
        });
        Self { address, is_over }
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        // Wakes whoever waits for the next.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut client: TcpStream, smp: SocketAddr, instead: fn(&mut TcpStream, &AtomicBool), is_over: &AtomicBool) {
    let mut request = vec![0; 64 << 10];
    let Ok(read) = client.read(&mut request) else { return };
    if request[..read].windows(15).any(|bytes| bytes == b"GetClientTokens") {
        return instead(&mut client, is_over);
    }
    let Ok(mut server) = TcpStream::connect(smp) else { return };
    let (mut to_client, mut from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let back = thread::spawn(move || drop(std::io::copy(&mut from_server, &mut to_client)));
    let _ = server.write_all(&request[..read]);
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
}

/// A registered site whose way to its SMP leads through somebody.
fn site_behind(folder: &Path, smp: &Served, between: &Between) -> Served {
    let config = site_config(smp).replace(&smp.origin(), &format!("http://{}", between.address))
        + "upstream_timeout = \"1s\"\nexchange_timeout = \"3s\"\n";
    let site = Served::start("site", folder, &config);
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    site
}

fn answers_503(between: fn(&mut TcpStream, &AtomicBool)) {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let between = Between::start(smp.address(), between);
    let site = site_behind(folder.path(), &smp, &between);
    let mut agent = Agent::new(1);
    // Known to the SMP.
    assert_eq!(agent.visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    let memory = site.memory_bytes();
    let request = "GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: SMPToken \
                   agent=\"30000000-0000-4000-8000-000000000001\", nonce=\"AAAAAAAAAAAAAAAAAAAAAA\"\r\n";
    let started = Instant::now();
    let answer = http(site.address(), request, "");
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(answer.to_lowercase().contains("\r\nretry-after: "), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5), "after {:?}", started.elapsed());
    let public = http(site.address(), "GET /Altiris/Public/x HTTP/1.1\r\nHost: x\r\n", "");
    assert_eq!(status(&public), 200, "others are served");
    assert!(site.memory_bytes().saturating_sub(memory) < GROWTH_MAX);
    assert!(!site.text().contains("panicked"), "{}", site.text());
}

#[test]
fn a_batch_response_that_never_ends_is_cut_off() {
    answers_503(|site, is_over| {
        let _ = site.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while !is_over.load(Relaxed) && site.write_all(chunk.as_bytes()).is_ok() {}
    });
}

#[test]
fn an_smp_that_hangs_is_not_waited_for_for_ever() {
    answers_503(|_, is_over| {
        while !is_over.load(Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    });
}

/// Fetches outlive their agents, so that their number is what bounds the memory of a site whose SMP hangs.
#[test]
fn no_more_wait_for_an_smp_that_hangs_than_a_site_can_keep_in_mind() {
    const WAITERS_MAX: usize = 512;
    const CLIENTS: usize = WAITERS_MAX + 100;
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let between = Between::start(smp.address(), |_, is_over| {
        while !is_over.load(Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let config = site_config(&smp).replace(&smp.origin(), &format!("http://{}", between.address))
        + "upstream_slots = 1\nupstream_timeout = \"60s\"\nfirst_requests_per_s = 10000\nfirst_requests_burst = 10000\n";
    let site = Served::start("site", folder.path(), &config);
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut client = TcpStream::connect(site.address()).unwrap();
            let request = format!(
                "GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: SMPToken \
                 agent=\"30000000-0000-4000-8000-{number:012}\", nonce=\"AAAAAAAAAAAAAAAAAAAAAA\"\r\n\r\n"
            );
            client.write_all(request.as_bytes()).unwrap();
            client.set_nonblocking(true).unwrap();
            client
        })
        .collect();
    let answered = || {
        let has_answer = |client: &&TcpStream| client.peek(&mut [0; 1]).is_ok();
        clients.iter().filter(has_answer).count()
    };
    // One has the slot, and as many as may wait do.
    poll(|| (answered() == CLIENTS - WAITERS_MAX - 1).then_some(()))
        .unwrap_or_else(|| panic!("{} answers", answered()));
    for mut client in &clients {
        let mut answer = [0; 12];
        if client.read_exact(&mut answer).is_ok() {
            assert_eq!(answer, *b"HTTP/1.1 503");
        }
    }
    site.until("why", |line| {
        line["why"].as_str().is_some_and(|why| why.contains("as many wait for the SMP as may, 512"))
    });
    let public = http(site.address(), "GET /Altiris/Public/x HTTP/1.1\r\nHost: x\r\n", "");
    assert_eq!(status(&public), 200, "others are served");
    assert!(!site.text().contains("panicked"), "{}", site.text());
}

/// Closes each connection after an answer, as a proxy in between may.
#[test]
fn an_smp_that_closes_its_connections_refreshes_a_whole_cache_all_the_same() {
    const AGENTS: u64 = 6;
    let folder = tempfile::tempdir().unwrap();
    let policy = "[parameters]\nvalidation_period = \"4s\"\nlook_ahead = \"20m\"\ntoken_lifetime = \"10m\"\nbatch_size_max = 2\n";
    let smp = Served::start("smp", folder.path(), &format!("{SMP}{policy}"));
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = site_config(&smp).replace(&smp.origin(), &format!("http://{}", closing.local_addr().unwrap()));
    let to = smp.address();
    thread::spawn(move || {
        for client in closing.incoming().map_while(Result::ok) {
            thread::spawn(move || drop(one_answer(client, to)));
        }
    });
    let site = Served::start("site", folder.path(), &config);
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    for number in 1..=AGENTS {
        assert_eq!(Agent::new(number as u32).visit(&smp, &site, 1), [Outcome::ServedTwoStep]);
    }
    let issued = || smp.figure("countersign_issued_total{to=\"site\"}");
    // Three batches, of which the first alone would find the connection open.
    poll(|| (issued() >= 2 * AGENTS).then_some(())).unwrap_or_else(|| panic!("{} tokens", issued()));
    assert!(!site.text().contains("the SMP gives no tokens"), "{}", site.text());
}

/// One request and its answer, which says that it is the last.
fn one_answer(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let (mut asks, mut asked) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || drop(std::io::copy(&mut asks, &mut asked)));
    let (mut answer, mut chunk) = (Vec::new(), [0; 16 << 10]);
    loop {
        let read = server.read(&mut chunk)?;
        answer.extend_from_slice(&chunk[..read]);
        let Some(head_end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..head_end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if answer.len() >= head_end + 4 + length.unwrap_or(0) || read == 0 {
            client.write_all(&answer[..head_end])?;
            client.write_all(b"\r\nConnection: close")?;
            client.write_all(&answer[head_end..])?;
            server.shutdown(Shutdown::Both)?;
            return client.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_server_without_files_left_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start_limited("smp", folder.path(), SMP, "-n 64");
    let clients: Vec<_> = (0..100).map_while(|_| TcpStream::connect(smp.address()).ok()).collect();
    let line =
        smp.until("what is missing", |line| line["message"].as_str().is_some_and(|it| it.contains("LimitNOFILE")));
    assert_eq!(line["level"], "ERROR");
    drop(clients);
    poll(|| (status(&http(smp.address(), "GET /Altiris/Public/x HTTP/1.1\r\nHost: x\r\n", "")) == 200).then_some(()))
        .expect("it serves again");
}

impl Served {
    /// What it holds in memory now.
    fn memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kibibytes << 10
    }
}
