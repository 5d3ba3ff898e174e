//! Attack 25: connections on which requests never end. Expected: time-outs; whoever waits behind them gets on.

use std::{sync::Arc, time::Duration};

use tokio::io::AsyncWriteExt;

use super::hand::{Hand, PROTECTED_TARGET};
use crate::{
    actor::{Environment, timeout},
    event::{Close, EventKind},
    types::{ActorId, Origin, VirtualTime},
};

/// From one byte to the next.
const PAUSE: Duration = Duration::from_secs(1);

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let burst = hand.settings.plan.burst;
    hand.report(format!("{burst} connections on which requests never end"), None);
    for _ in 0..burst {
        hand.environment.spawn(trickle(
            Arc::clone(&hand.environment),
            hand.settings.plan.server,
            hand.settings.origin.clone(),
            hand.settings.parameters.connect_timeout(),
            hand.settings.until(),
        ));
    }
}

/// Sends the header of a request byte by byte, and never its end.
async fn trickle<E: Environment>(
    environment: Arc<E>,
    server: ActorId,
    origin: Origin,
    patience: Duration,
    until: VirtualTime,
) {
    let connected = timeout(&*environment, patience, environment.connect(&origin)).await;
    let Ok(Ok(mut connection)) = connected else {
        environment.record(EventKind::ConnectFailed { server, timed_out: connected.is_err() });
        return;
    };
    let id = connection.id;
    environment.record(EventKind::ConnectionOpened { connection: id, server, secure: connection.is_secure });
    let head = format!("GET {PROTECTED_TARGET} HTTP/1.1\r\nhost: {}\r\nx-slow: ", origin.authority());
    let bytes = head.into_bytes().into_iter().chain(std::iter::repeat(b'x'));
    let mut why = Close::Done;
    for byte in bytes {
        if environment.now() >= until {
            break;
        }
        if connection.stream.write_all(&[byte]).await.is_err() {
            why = Close::ByPeer;
            break;
        }
        environment.sleep(PAUSE).await;
    }
    environment.record(EventKind::ConnectionClosed { connection: id, why });
}
