//! Gives both ends of a connection the same name, where both are in this process.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use crate::types::{ConnectionId, locked};

/// The connections of a process. Clones are the same.
///
/// A name is unique within the process. The end in another process has a name of its own.
#[derive(Clone, Debug, Default)]
pub struct Rendezvous {
    state: Arc<Mutex<State>>,
    /// Whether every server is in another process, so that no opened connection is ever accepted here.
    has_no_servers: bool,
}

#[derive(Debug, Default)]
struct State {
    named: u64,
    /// Connections of which one end has come, by client and server address.
    half: BTreeMap<(SocketAddr, SocketAddr), (End, ConnectionId)>,
    /// From where accepted connections come.
    sources: BTreeMap<ConnectionId, IpAddr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Opened,
    Accepted,
}

/// One end of a connection. Dropping it says that the end is gone.
#[derive(Debug)]
pub struct Named {
    /// The connection's name.
    pub id: ConnectionId,
    end: End,
    addresses: (SocketAddr, SocketAddr),
    rendezvous: Rendezvous,
}

impl Rendezvous {
    /// The connections of a process without servers.
    pub fn without_servers() -> Self {
        Self { has_no_servers: true, ..Self::default() }
    }

    /// Names the end that opened a connection.
    pub fn opened(&self, client: SocketAddr, server: SocketAddr) -> Named {
        self.meet(End::Opened, client, server)
    }

    /// Names the end that accepted a connection.
    pub fn accepted(&self, client: SocketAddr, server: SocketAddr) -> Named {
        let named = self.meet(End::Accepted, client, server);
        self.lock().sources.insert(named.id, client.ip());
        named
    }

    /// From where a connection comes, while it is open: a number per address, or per network of 64 bits, since whoever
    /// has one IPv6 address has all of its network.
    pub fn source(&self, id: ConnectionId) -> u64 {
        match self.lock().sources.get(&id).map(IpAddr::to_canonical) {
            Some(IpAddr::V4(address)) => u64::from(address.to_bits()),
            Some(IpAddr::V6(address)) => (address.to_bits() >> 64) as u64,
            None => 0,
        }
    }

    /// How many accepted connections are open.
    pub fn accepted_open(&self) -> usize {
        self.lock().sources.len()
    }

    fn meet(&self, end: End, client: SocketAddr, server: SocketAddr) -> Named {
        let addresses = (client, server);
        let mut state = self.lock();
        let id = match state.half.remove(&addresses) {
            Some((other, id)) if other != end => id,
            // An older entry of the same end: its other end never came, and the port is in use again.
            _ => {
                state.named += 1;
                let id = ConnectionId(state.named);
                if !self.has_no_servers {
                    state.half.insert(addresses, (end, id));
                }
                id
            }
        };
        drop(state);
        Named { id, end, addresses, rendezvous: self.clone() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let mut state = self.rendezvous.lock();
        if self.end == End::Accepted {
            state.sources.remove(&self.id);
            // A client elsewhere never comes. An opener's entry stays for a server that has yet to accept: there are no
            // more of them than there are ports.
            if state.half.get(&self.addresses) == Some(&(End::Accepted, self.id)) {
                state.half.remove(&self.addresses);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn both_ends_have_one_name_whoever_comes_first() {
        let rendezvous = Rendezvous::default();
        let (opened, accepted) =
            (rendezvous.opened(address(1), address(80)), rendezvous.accepted(address(1), address(80)));
        assert_eq!(opened.id, accepted.id);
        let (accepted, opened) =
            (rendezvous.accepted(address(2), address(80)), rendezvous.opened(address(2), address(80)));
        assert_eq!(opened.id, accepted.id);
        assert_eq!(rendezvous.lock().half.len(), 0);
    }

    #[test]
    fn a_port_that_is_used_again_is_another_connection() {
        let rendezvous = Rendezvous::default();
        let first = rendezvous.opened(address(1), address(80)).id;
        let (second, accepted) =
            (rendezvous.opened(address(1), address(80)), rendezvous.accepted(address(1), address(80)));
        assert_eq!(second.id, accepted.id);
        assert_ne!(first, second.id);
    }

    #[test]
    fn a_server_alone_remembers_open_connections_only() {
        let rendezvous = Rendezvous::default();
        for port in 1..1_000 {
            let named = rendezvous.accepted(address(port), address(80));
            assert_eq!(rendezvous.source(named.id), 0x7f00_0001);
        }
        let state = rendezvous.lock();
        assert_eq!((state.half.len(), state.sources.len()), (0, 0));
    }

    #[test]
    fn a_client_alone_remembers_nothing() {
        let rendezvous = Rendezvous::without_servers();
        let names: Vec<_> = (1..1_000).map(|port| rendezvous.opened(address(port), address(80)).id).collect();
        assert!(names.is_sorted_by(|one, next| one < next), "each has a name of its own");
        assert_eq!(rendezvous.lock().half.len(), 0);
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let rendezvous = Rendezvous::default();
        let from = |text: &str| rendezvous.accepted(SocketAddr::new(text.parse().unwrap(), 1), address(80));
        let (one, other, stranger, mapped) =
            (from("2001:db8::1"), from("2001:db8::2"), from("2001:db8:1::1"), from("::ffff:127.0.0.1"));
        assert_eq!(rendezvous.source(one.id), rendezvous.source(other.id));
        assert_ne!(rendezvous.source(one.id), rendezvous.source(stranger.id));
        assert_eq!(rendezvous.source(mapped.id), 0x7f00_0001);
    }
}
