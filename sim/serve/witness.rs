//! Figures and log lines of what has no event.

use std::{
    collections::BTreeSet,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing::{debug, error, warn};

use super::{Figures, Sparingly};
use crate::{
    socket::{HandshakeFailure, Observer, RealClock},
    types::{Thumbprint, TimeSpan, VirtualTime, locked},
};

/// Unknown keys that are remembered: whoever invents more of them is forgotten before the SMP's own are.
const KEYS_MAX: usize = 64;

/// Counts and tells what a served actor observes.
#[derive(Debug)]
pub struct Witness {
    figures: Arc<Figures>,
    clock: RealClock,
    told_keys: Mutex<BTreeSet<Thumbprint>>,
    sparingly: Sparingly,
    upstream: Sparingly,
    door: Sparingly,
}

impl Witness {
    /// Counts in these figures; `clock` is the actor's.
    pub fn new(figures: Arc<Figures>, clock: RealClock) -> Self {
        let [sparingly, upstream, door] = [clock; 3].map(Sparingly::new);
        Self { figures, clock, told_keys: Mutex::default(), sparingly, upstream, door }
    }

    /// Once for each key. What the SMP sends is true; anybody can present tokens of any number of keys.
    fn is_news(&self, kid: Thumbprint, is_issued: bool) -> bool {
        let mut told = locked(&self.told_keys);
        if told.contains(&kid) || !is_issued && !self.sparingly.may() {
            return false;
        }
        if told.len() >= KEYS_MAX {
            told.clear();
        }
        told.insert(kid)
    }
}

impl Observer for Witness {
    fn answered(&self, path: &'static str, status: u16, took: Duration) {
        self.figures.answered(path, status, took);
        // A token that is refused has a line of its own; an agent that is let nowhere, whatever it presents, has this.
        if status == 403 {
            debug!(path, status, "forbidden");
        }
    }

    fn unknown_server_key(&self, kid: Thumbprint, is_issued: bool, policy_due: VirtualTime) {
        if self.is_news(kid, is_issued) {
            let policy_fetch_in = TimeSpan::from_secs(policy_due.since(self.clock.now()).as_secs());
            warn!(
                server = "site",
                %kid,
                %policy_fetch_in,
                "a token is signed with a key that this site does not know: such tokens are refused until policy brings it"
            );
        }
    }

    fn upstream_failed(&self, why: &dyn fmt::Display) {
        if self.upstream.may() {
            warn!(server = "site", %why, "a fetch of tokens failed; others within the next minute are not told");
        }
    }

    fn accept_failed(&self, why: &io::Error) {
        if !is_out_of_files(why) {
            return debug!(%why, "a connection could not be accepted");
        }
        if self.door.may() {
            error!(
                %why,
                "nobody can connect: raise how many files this process may open (ulimit -n, LimitNOFILE) above the \
                 connections that it is to keep"
            );
        }
    }

    fn handshake_failed(&self, client: SocketAddr, how: HandshakeFailure, why: &dyn fmt::Display) {
        self.figures.handshake_failed(how.name());
        debug!(%client, how = how.name(), %why, "TLS handshake failed");
    }
}

/// Whether the process, or the machine, has as many files open as it may (EMFILE, ENFILE).
fn is_out_of_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}
