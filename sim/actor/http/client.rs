//! One connection from the side that opened it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response,
    header::{CONNECTION, HOST},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use thiserror::Error;

use crate::{
    actor::{Connection, Environment, timeout::timeout},
    event::{Carried, Close, EventKind},
    types::{ActorId, Caps, ConnectionId, Origin, Parameters, RequestId, VirtualTime},
};

/// A keep-alive connection to a server. Dropping it closes it.
#[derive(Debug)]
pub struct HttpConnection<E: Environment> {
    environment: Arc<E>,
    id: ConnectionId,
    is_secure: bool,
    channel_binding: Option<String>,
    server: ActorId,
    origin: Origin,
    /// The proxy that was called instead of the origin, if that is in between.
    proxy: Option<Box<Origin>>,
    /// The connection to a proxy in which this one is a tunnel.
    carrier: Option<Box<Self>>,
    caps: Caps,
    host: HeaderValue,
    sender: SendRequest<Full<Bytes>>,
    requests: u32,
    used_at: VirtualTime,
    closed: Option<Close>,
}

/// Why no answer came.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// No connection could be opened.
    #[error("no connection: {0}")]
    NotConnected(#[source] std::io::Error),
    /// Opening the connection took too long.
    #[error("no connection within the time-out")]
    ConnectTimedOut,
    /// The answer took too long.
    #[error("no answer within the time-out")]
    TimedOut,
    /// The connection broke, or the answer is not HTTP or too large.
    #[error("no readable answer: {0}")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A proxy in between lets nobody through who has only what the caller has.
    #[error("not let through: {0}")]
    KeptOut(String),
}

/// What a request says before its body.
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: &'a str,
    /// Headers beside `Host`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What the Authorization header carries, for the record.
    pub carries: Carried,
}

impl<E: Environment> HttpConnection<E> {
    /// Opens a connection to a server.
    ///
    /// # Errors
    /// If none can be had within `patience`.
    pub async fn open(
        environment: &Arc<E>,
        server: ActorId,
        origin: &Origin,
        patience: Duration,
        caps: &Caps,
    ) -> Result<Self, ExchangeError> {
        Self::open_by(environment, server, origin, None, patience, caps).await
    }

    /// Opens a connection to a proxy, if there is one, for requests to a server.
    ///
    /// # Errors
    /// If none can be had within `patience`.
    pub async fn open_by(
        environment: &Arc<E>,
        server: ActorId,
        origin: &Origin,
        proxy: Option<&Origin>,
        patience: Duration,
        caps: &Caps,
    ) -> Result<Self, ExchangeError> {
        let failed = |timed_out| environment.record(EventKind::ConnectFailed { server, timed_out });
        let called = proxy.unwrap_or(origin);
        let connection = match timeout(&**environment, patience, environment.connect(called)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                failed(false);
                return Err(ExchangeError::NotConnected(error));
            }
            Err(_) => {
                failed(true);
                return Err(ExchangeError::ConnectTimedOut);
            }
        };
        let Connection { id, stream, is_secure, channel_binding } = connection;
        let connection = Connection { id, stream: TokioIo::new(stream), is_secure, channel_binding };
        let mut opened = Self::over(environment, server, origin, connection, caps).await?;
        opened.proxy = proxy.cloned().map(Box::new);
        Ok(opened)
    }

    /// Goes on to a server through the tunnel that a proxy has opened on this connection, in answer to a `CONNECT`.
    ///
    /// # Errors
    /// If there is no tunnel after all.
    pub async fn through(self, answer: Response<Bytes>, server: ActorId) -> Result<Self, ExchangeError> {
        let (environment, origin, caps) = (Arc::clone(&self.environment), self.origin.clone(), self.caps.clone());
        let stream = hyper::upgrade::on(answer).await.map_err(broken)?;
        let is_secure = origin.is_secure();
        let (id, channel_binding) = environment.far_end(self.id, is_secure);
        let connection = Connection { id, stream, is_secure, channel_binding };
        let mut opened = Self::over(&environment, server, &origin, connection, &caps).await?;
        opened.carrier = Some(Box::new(self));
        Ok(opened)
    }

    async fn over<S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static>(
        environment: &Arc<E>,
        server: ActorId,
        origin: &Origin,
        connection: Connection<S>,
        caps: &Caps,
    ) -> Result<Self, ExchangeError> {
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(caps.header_section_bytes as usize)
            .handshake(connection.stream)
            .await
            .map_err(broken)?;
        // The driver ends when the sender is dropped or the peer is gone; its errors reach us through the sender.
        environment.spawn(async move {
            let _ = driver.with_upgrades().await;
        });
        environment.record(EventKind::ConnectionOpened {
            connection: connection.id,
            server,
            secure: connection.is_secure,
        });
        Ok(Self {
            environment: Arc::clone(environment),
            id: connection.id,
            is_secure: connection.is_secure,
            channel_binding: connection.channel_binding,
            server,
            origin: origin.clone(),
            proxy: None,
            carrier: None,
            caps: caps.clone(),
            host: HeaderValue::try_from(origin.authority()).map_err(broken)?,
            sender,
            requests: 0,
            used_at: environment.now(),
            closed: None,
        })
    }

    /// The connection's name.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// What its next request will be called.
    pub fn next_request(&self) -> RequestId {
        RequestId { connection: self.id, ordinal: self.requests + 1 }
    }

    /// Where it leads.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it uses TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The channel binding, over TLS.
    pub fn channel_binding(&self) -> Option<&str> {
        self.channel_binding.as_deref()
    }

    /// Whether a further exchange can be tried.
    pub fn is_open(&self) -> bool {
        self.closed.is_none() && !self.sender.is_closed()
    }

    /// Whether it can be taken up again after a pause. Not if its server may be about to close it for idleness: the
    /// request and the end of the connection would pass each other on the way.
    pub fn is_reusable(&self, parameters: &Parameters) -> bool {
        let idle_max = parameters.keep_alive_idle();
        let margin = parameters.exchange_timeout().min(idle_max / 2);
        self.is_open() && self.environment.now().since(self.used_at) < idle_max - margin
    }

    /// Sends a request and waits for the whole answer, for at most `patience`. After an error the connection is of
    /// no more use: an answer may still be under way on it.
    ///
    /// # Errors
    /// If no readable answer of at most `body_bytes_max` came in time.
    pub async fn exchange(
        &mut self,
        head: RequestHead<'_>,
        body: Bytes,
        patience: Duration,
        body_bytes_max: u32,
    ) -> Result<(RequestId, Response<Bytes>), ExchangeError> {
        let token_bytes = match head.carries {
            Carried::StoredToken | Carried::NewToken => {
                let is_credentials = |(name, _): &&(HeaderName, HeaderValue)| *name == http::header::AUTHORIZATION;
                head.headers.iter().find(is_credentials).map_or(0, |(_, value)| value.len())
            }
            _ => 0,
        };
        let mut request = Request::builder().method(head.method).uri(head.target).header(HOST, self.host.clone());
        if let Some(headers) = request.headers_mut() {
            headers.extend(head.headers.into_iter().collect::<HeaderMap>());
        }
        let request = request.body(Full::new(body)).map_err(broken)?;
        let (carries, token_bytes) = (head.carries, u32::try_from(token_bytes).unwrap_or(u32::MAX));
        let disturbance = self.environment.disturbance();
        // Of what goes through a tunnel, the network sees no requests.
        if disturbance.is_duplicated && self.carrier.is_none() {
            self.duplicate(request.clone(), carries, token_bytes, patience);
        }
        let id = self.note_request(carries, token_bytes);
        let (sender, environment) = (&mut self.sender, Arc::clone(&self.environment));
        let answer = async {
            if !disturbance.held.is_zero() {
                environment.sleep(disturbance.held).await;
            }
            sender.ready().await.map_err(broken)?;
            let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let body = Limited::new(body, body_bytes_max as usize).collect().await.map_err(ExchangeError::Broken)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let result = match timeout(&*self.environment, patience, answer).await {
            Ok(result) => result,
            Err(_) => Err(ExchangeError::TimedOut),
        };
        match result {
            Ok(response) => {
                self.environment.heard().await;
                self.used_at = self.environment.now();
                // The task of the connection hears of it too, but perhaps later.
                if is_last(&response) {
                    self.closed = Some(Close::ByPeer);
                }
                let status = response.status().as_u16();
                self.environment.record(EventKind::ResponseReceived { request: id, status });
                Ok((id, response))
            }
            Err(error) => {
                self.closed = Some(match error {
                    ExchangeError::TimedOut => Close::TimedOut,
                    _ if self.sender.is_closed() => Close::ByPeer,
                    _ => Close::Broken,
                });
                Err(error)
            }
        }
    }
}

impl<E: Environment> HttpConnection<E> {
    fn note_request(&mut self, carries: Carried, token_bytes: u32) -> RequestId {
        self.requests += 1;
        let request = RequestId { connection: self.id, ordinal: self.requests };
        self.environment.record(EventKind::RequestSent { request, carries, token_bytes });
        request
    }

    /// Lets the network send a copy of a request on a connection of its own. Nobody waits for the answer to it.
    fn duplicate(&self, request: Request<Full<Bytes>>, carries: Carried, token_bytes: u32, patience: Duration) {
        let (environment, server) = (Arc::clone(&self.environment), self.server);
        let (origin, proxy, caps) = (self.origin.clone(), self.proxy.clone(), self.caps.clone());
        self.environment.spawn(async move {
            let opened = Self::open_by(&environment, server, &origin, proxy.as_deref(), patience, &caps).await;
            let Ok(mut copy) = opened else { return };
            copy.note_request(carries, token_bytes);
            let sender = &mut copy.sender;
            let sent = async {
                sender.ready().await?;
                sender.send_request(request).await.map(drop)
            };
            // What comes of it is nobody's business.
            let _ = timeout(&*environment, patience, sent).await;
        });
    }
}

impl<E: Environment> Drop for HttpConnection<E> {
    fn drop(&mut self) {
        let why = self.closed.unwrap_or(if self.sender.is_closed() { Close::ByPeer } else { Close::Done });
        self.environment.record(EventKind::ConnectionClosed { connection: self.id, why });
    }
}

/// Whether an answer says that no other follows it (RFC 9112, section 9.3).
fn is_last(answer: &Response<Bytes>) -> bool {
    let values = answer.headers().get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = values.flat_map(|value| value.split(',')).map(str::trim);
    options.any(|option| option.eq_ignore_ascii_case("close"))
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ExchangeError {
    ExchangeError::Broken(error.into())
}
