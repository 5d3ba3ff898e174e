//! A Slurm cluster of two nodes on this machine, for as long as a test takes.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const PROGRAMS: [&str; 6] = ["munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel"];

/// How long a credential of the cluster is valid. Slurm lets a task that is queued again wait this long, and a second more,
/// so that nothing meant for its first life can strike the next: two minutes, unless it is told otherwise.
const CREDENTIAL_SECONDS: u32 = 10;

/// Whatever takes longer does not happen any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// Controller, nodes and the daemon by which they know each other, all ended with it.
pub struct Cluster {
    folder: TempDir,
    daemons: Vec<Child>,
}

impl Cluster {
    /// Starts one. None where Slurm is not installed.
    pub fn start() -> Option<Self> {
        let missing: Vec<_> = PROGRAMS.into_iter().filter(|name| !is_installed(name)).collect();
        if !missing.is_empty() {
            say(&format!(
                "skipped, no Slurm here ({} missing): on Debian, apt-get install slurm-wlm",
                missing.join(", ")
            ));
            return None;
        }
        let folder = tempfile::Builder::new().prefix("slurm").tempdir().unwrap();
        let mut cluster = Self { folder, daemons: Vec::new() };
        cluster.munge();
        cluster.configure();
        cluster.daemon("slurmctld", &["-D"]);
        cluster.daemon("slurmd", &["-D", "-N", "n1"]);
        cluster.daemon("slurmd", &["-D", "-N", "n2"]);
        cluster.wait("two idle nodes", || {
            let nodes = cluster.ask("scontrol", &["show", "nodes", "--oneliner"]);
            (nodes.matches("State=IDLE ").count() == 2).then_some(())
        });
        Some(cluster)
    }

    fn munge(&mut self) {
        let folder = self.path("munge");
        fs::create_dir(&folder).unwrap();
        // Who wants to speak with it must be able to reach its socket; nobody else may read its key.
        for (path, mode) in [(self.folder.path(), 0o711), (folder.as_path(), 0o711)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut key = vec![0; 64];
        fs::File::open("/dev/urandom").unwrap().read_exact(&mut key).unwrap();
        fs::write(folder.join("key"), key).unwrap();
        fs::set_permissions(folder.join("key"), fs::Permissions::from_mode(0o600)).unwrap();
        let file = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
        let files = [
            file("key-file", "key"),
            file("socket", "socket"),
            file("pid-file", "pid"),
            file("log-file", "log"),
            file("seed-file", "seed"),
        ];
        let arguments: Vec<_> = ["--foreground"].into_iter().chain(files.iter().map(String::as_str)).collect();
        self.daemon("munged", &arguments);
        self.wait("munge's socket", || folder.join("socket").exists().then_some(()));
    }

    fn configure(&self) {
        let output = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let (host, user) = (output("hostname", &[]), output("id", &["--user", "--name"]));
        // Held together, so that they differ.
        let held: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |index: usize| held[index].local_addr().unwrap().port();
        let (controller, first, second) = (port(0), port(1), port(2));
        let folder = self.folder.path().display();
        fs::create_dir(self.path("state")).unwrap();
        let configuration = format!(
            "\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire={CREDENTIAL_SECONDS}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=3
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=2 RealMemory=64000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=2 RealMemory=64000
PartitionName=all Nodes=n[1-2] Default=YES State=UP
"
        );
        fs::write(self.path("slurm.conf"), configuration).unwrap();
        fs::write(self.path("cgroup.conf"), "CgroupAutomount=no\n").unwrap();
    }

    fn daemon(&mut self, program: &str, arguments: &[&str]) {
        let log = fs::File::create(self.path(&format!("{program}-{}.log", self.daemons.len()))).unwrap();
        let mut command = self.command(program, arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.daemons.push(command.spawn().unwrap());
    }

    /// A command that speaks with this cluster.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let path = env::var("PATH").unwrap_or_default();
        command.args(arguments).env("SLURM_CONF", self.path("slurm.conf")).env("PATH", path + ":/usr/sbin:/sbin");
        command
    }

    /// What such a command says, whether or not it succeeds.
    pub fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program, arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// The value that Slurm tells of a job.
    pub fn told(&self, job: &str, name: &str) -> Option<String> {
        let text = self.ask("scontrol", &["show", "job", "--oneliner", job]);
        let value = text.split_whitespace().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.to_owned())
    }

    /// Asks until there is an answer.
    pub fn wait<T>(&self, what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(answer) = answer() {
                return answer;
            }
            assert!(started.elapsed() < PATIENCE, "waited for {what} in vain\n{}", self.logs());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn logs(&self) -> String {
        let logs = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        let text = |path: PathBuf| format!("{}\n{}", path.display(), fs::read_to_string(&path).unwrap_or_default());
        self.ask("squeue", &[]) + &logs.map(text).collect::<String>()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Processes that have this cluster's configuration in their environment: daemons and jobs.
    fn processes(&self) -> Vec<String> {
        let mark = self.path("slurm.conf").display().to_string();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().into_string().ok());
        ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()) && *id != std::process::id().to_string())
            .filter(|id| {
                let environment = fs::read(Path::new("/proc").join(id).join("environ")).unwrap_or_default();
                String::from_utf8_lossy(&environment).contains(&mark)
            })
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Jobs first, while there is somebody to end them; whatever is left then, by its id.
        self.ask("scancel", &["--state=PENDING"]);
        self.ask("scancel", &["--state=RUNNING"]);
        let started = Instant::now();
        while self.ask("squeue", &["--noheader"]).contains("n1") && started.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(100));
        }
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        for id in self.processes() {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
    }
}

fn is_installed(program: &str) -> bool {
    let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Says something even if the test passes, of which nothing is shown that goes through `println!`.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "\n{text}");
}
