//! Connections from the side that accepted them.

use std::{
    convert::Infallible,
    future::Future,
    io, mem,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use super::body_room::{BodyRoom, Taken};
use crate::{
    actor::{Connection, Environment, timeout::timeout},
    protocol::ConnectionAuthentication,
    types::{ConnectionId, Origin, Parameters, RequestId, VirtualTime, locked},
};

/// An answer.
pub type Reply = Response<Full<Bytes>>;

/// An answer without a body.
pub fn empty_reply(status: StatusCode) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = status;
    reply
}

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        self: &Arc<Self>,
        connection: &Arc<ServerConnection>,
        request: ServerRequest,
    ) -> impl Future<Output = Reply> + Send;
}

/// What a server knows of a connection.
#[derive(Debug)]
pub struct ServerConnection {
    /// Its name.
    pub id: ConnectionId,
    /// Whether it uses TLS.
    pub is_secure: bool,
    /// Over TLS, the channel binding, base64url.
    pub channel_binding: Option<String>,
    authentication: Mutex<ConnectionAuthentication>,
    requests: AtomicU32,
    activity: Mutex<Activity>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Activity {
    last: VirtualTime,
    in_progress: u32,
}

/// A request, read whole.
#[derive(Debug)]
pub struct ServerRequest {
    /// Its name.
    pub id: RequestId,
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The server that it is for, if it names one beside its `Host`, as requests to a proxy do.
    pub authority: Option<String>,
    /// What becomes of the connection, if a tunnel is asked for.
    pub upgrade: Option<OnUpgrade>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What the body takes of the memory for bodies, until the request is answered.
    _room: Taken,
}

impl ServerRequest {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

impl ServerConnection {
    /// The authentication that the connection has.
    pub fn authentication(&self) -> ConnectionAuthentication {
        *locked(&self.authentication)
    }

    /// Replaces the authentication that the connection has.
    pub fn authenticate(&self, change: impl FnOnce(&mut ConnectionAuthentication)) {
        change(&mut locked(&self.authentication));
    }

    fn activity(&self, change: impl FnOnce(&mut Activity)) -> Activity {
        let mut activity = locked(&self.activity);
        change(&mut activity);
        *activity
    }
}

/// Accepts connections at `origin` and serves them until the environment says stop; then it comes back once every request
/// that is under way has been answered.
///
/// # Errors
/// If the door cannot be opened, or breaks.
pub async fn serve<E: Environment, S: Service>(
    environment: Arc<E>,
    service: Arc<S>,
    origin: Origin,
    parameters: Arc<Parameters>,
) -> io::Result<()> {
    let mut listener = environment.listen(&origin).await?;
    let room = BodyRoom::new();
    // Every connection holds a sender: the channel is closed once the last of them is gone.
    let (open, mut all_gone) = mpsc::channel::<Infallible>(1);
    loop {
        let connection = tokio::select! {
            biased;
            () = environment.stopping() => break,
            connection = environment.accept(&mut listener) => connection?,
        };
        environment.spawn(serve_connection(
            Arc::clone(&environment),
            Arc::clone(&service),
            connection,
            Arc::clone(&parameters),
            room.clone(),
            open.clone(),
        ));
    }
    drop((listener, open));
    all_gone.recv().await;
    Ok(())
}

async fn serve_connection<E: Environment, S: Service>(
    environment: Arc<E>,
    service: Arc<S>,
    connection: Connection<E::Stream>,
    parameters: Arc<Parameters>,
    room: BodyRoom,
    // An argument, not held by a future around this one: that would keep room for this one twice.
    _open: mpsc::Sender<Infallible>,
) {
    let state = Arc::new(ServerConnection {
        id: connection.id,
        is_secure: connection.is_secure,
        channel_binding: connection.channel_binding,
        authentication: Mutex::default(),
        requests: AtomicU32::new(0),
        activity: Mutex::new(Activity { last: environment.now(), in_progress: 0 }),
    });
    let answer = |request: Request<Incoming>| {
        let (state, service, environment) = (Arc::clone(&state), Arc::clone(&service), Arc::clone(&environment));
        let room = room.clone();
        let body_bytes_max = parameters.caps.request_body_bytes;
        let patience = parameters.exchange_timeout();
        // hyper holds room for the answer's whole way as long as the connection is open; boxed, an idle one takes a pointer.
        Box::pin(async move {
            state.activity(|activity| activity.in_progress += 1);
            let ordinal = state.requests.fetch_add(1, Relaxed) + 1;
            let id = RequestId { connection: state.id, ordinal };
            let reply = match timeout(&*environment, patience, read(id, request, body_bytes_max, &room)).await {
                Ok(Ok(request)) => service.answer(&state, request).await,
                Ok(Err(status)) => empty_reply(status),
                Err(_) => empty_reply(StatusCode::REQUEST_TIMEOUT),
            };
            state.activity(|activity| {
                activity.in_progress -= 1;
                activity.last = environment.now();
            });
            Ok::<_, Infallible>(reply)
        })
    };
    let driver = http1::Builder::new()
        // A date would be the real one.
        .auto_date_header(false)
        .max_buf_size(parameters.caps.header_section_bytes as usize)
        .serve_connection(TokioIo::new(connection.stream), service_fn(answer))
        .with_upgrades();
    let mut driver = pin!(driver);
    let idle = parameters.keep_alive_idle();
    tokio::select! {
        biased;
        // What goes wrong on a connection ends that connection and nothing else.
        _ = driver.as_mut() => return,
        () = idle_for(&*environment, &state, idle) => return,
        () = environment.stopping() => driver.as_mut().graceful_shutdown(),
    }
    // Whoever has sent half a request must not keep the server from stopping.
    let _ = timeout(&*environment, parameters.exchange_timeout(), driver).await;
}

async fn read(
    id: RequestId,
    mut request: Request<Incoming>,
    body_bytes_max: u32,
    room: &BodyRoom,
) -> Result<ServerRequest, StatusCode> {
    let upgrade = (request.method() == Method::CONNECT).then(|| hyper::upgrade::on(&mut request));
    let (mut head, body) = request.into_parts();
    let (body, room) = room.read(body, body_bytes_max).await?;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let authority = head.uri.authority().map(|authority| authority.as_str().to_owned());
    let (method, headers) = (mem::take(&mut head.method), head.headers);
    Ok(ServerRequest { id, method, target, authority, upgrade, headers, body, _room: room })
}

/// Comes back when no request has been under way for `idle`. Whoever sends half a header and stops is idle, too.
async fn idle_for<E: Environment>(environment: &E, state: &ServerConnection, idle: Duration) {
    loop {
        let now = environment.now();
        let activity = state.activity(|_| {});
        let idle_since = if activity.in_progress > 0 { now } else { activity.last };
        let remaining = idle.saturating_sub(now.since(idle_since));
        if remaining.is_zero() {
            return;
        }
        environment.sleep(remaining).await;
    }
}
