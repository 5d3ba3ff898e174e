//! What every attacker can do on connections of its own.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, header::AUTHORIZATION};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    AttackerSettings, SharedLoot,
    forge::{Draft, Forgery},
};
use crate::{
    actor::{Environment, HttpConnection, RequestHead, timeout},
    crypto::{Engine, PrivateKey},
    event::{Carried, Close, EventKind},
    protocol::{
        Binding, CountersignedToken, Credentials, IssuedToken, LoginTokenKey, Nonce, RequestFacts, SCHEME,
        TokenChallenge, WindowsMessage, content_digest, windows_challenge,
    },
    types::{
        AccountScheme, ActorId, ConnectionId, Epoch, Jti, MessageNonce, NodeId, Origin, RequestId, ServerChallenge,
        Uid, Undigested,
    },
};

/// Where agents get what needs authentication.
pub const PROTECTED_TARGET: &str = "/Altiris/Packages/index";
/// Where a thief would rather go.
pub const THIEF_TARGET: &str = "/Altiris/Secrets/export";
/// Answers to an attacker may be batch answers.
const BODY_BYTES_MAX: u32 = 1 << 20;

/// The hand of an attacker: its environment, its keys, its loot.
pub struct Hand<E: Environment> {
    pub environment: Arc<E>,
    pub engine: Arc<Engine>,
    pub settings: AttackerSettings,
    pub loot: SharedLoot,
    pub rng: ChaCha20Rng,
    /// How many attempts there were before.
    pub round: u64,
    /// The key of a portal's login tokens, if it has been stolen.
    pub stolen_login_key: Option<LoginTokenKey>,
}

/// A connection of the attacker's own.
pub struct Line<E: Environment> {
    connection: HttpConnection<E>,
    origin: Origin,
    /// The epoch that the server named last.
    epoch: Option<Epoch>,
}

impl<E: Environment> Line<E> {
    /// Which connection it is.
    pub fn connection_id(&self) -> ConnectionId {
        self.connection.id()
    }
}

/// A request.
pub struct Ask<'a> {
    pub method: Method,
    pub target: &'a str,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<u8>,
    pub carries: Carried,
}

impl<'a> Ask<'a> {
    /// A request for something protected.
    pub fn get(target: &'a str) -> Self {
        Self { method: Method::GET, target, headers: Vec::new(), body: Vec::new(), carries: Carried::Nothing }
    }

    /// With whatever text in its Authorization header.
    pub fn authorized(mut self, value: &str, carries: Carried) -> Self {
        // What cannot stand in a header cannot be sent this way; the request then goes without.
        self.headers.extend(HeaderValue::try_from(value).ok().map(|value| (AUTHORIZATION, value)));
        self.carries = carries;
        self
    }

    /// With a token, or what is to be taken for one.
    pub fn with_token(self, token: &str) -> Self {
        self.authorized(&format!("{SCHEME} {token}"), Carried::StoredToken)
    }
}

impl<E: Environment> Hand<E> {
    /// Opens a connection to the attacked server.
    pub async fn line(&self) -> Option<Line<E>> {
        self.line_to(self.settings.plan.server, &self.settings.origin).await
    }

    /// Opens a connection to a server.
    pub async fn line_to(&self, server: ActorId, origin: &Origin) -> Option<Line<E>> {
        let parameters = &self.settings.parameters;
        let opened =
            HttpConnection::open(&self.environment, server, origin, parameters.connect_timeout(), &parameters.caps);
        Some(Line { connection: opened.await.ok()?, origin: origin.clone(), epoch: None })
    }

    /// Sends a request and waits for the answer.
    pub async fn exchange(&self, line: &mut Line<E>, ask: Ask<'_>) -> Option<Response<Bytes>> {
        let head = RequestHead { method: ask.method, target: ask.target, headers: ask.headers, carries: ask.carries };
        let patience = self.settings.parameters.exchange_timeout();
        let exchanged = line.connection.exchange(head, ask.body.into(), patience, BODY_BYTES_MAX).await;
        let (_, response) = exchanged.ok()?;
        line.epoch = challenge_of(&response).and_then(|challenge| challenge.epoch).or(line.epoch);
        Some(response)
    }

    /// Sends a request, and records what was tried and what came of it.
    pub async fn attempt(&self, line: &mut Line<E>, what: &str, ask: Ask<'_>) -> Option<Response<Bytes>> {
        let response = self.exchange(line, ask).await;
        self.report(what, response.as_ref().map(|response| response.status().as_u16()));
        response
    }

    /// Presents a token, or what is to be taken for one, for what an agent asks for. Opens a new connection where there
    /// is none, or where the last attempt was accepted.
    pub async fn present(&self, line: &mut Option<Line<E>>, what: &str, token: &str) -> Option<u16> {
        self.tell(line, what, Ask::get(PROTECTED_TARGET).with_token(token)).await
    }

    /// Sends a request on a connection that is not authenticated, a new one where there is none.
    pub async fn tell(&self, line: &mut Option<Line<E>>, what: &str, ask: Ask<'_>) -> Option<u16> {
        if line.as_ref().is_none_or(|line| !line.connection.is_open()) {
            *line = self.line().await;
        }
        let Some(open) = line else {
            self.report(what, None);
            return None;
        };
        let status = self.attempt(open, what, ask).await.map(|response| response.status().as_u16());
        if status.is_none_or(|status| status == 200) {
            *line = None;
        }
        status
    }

    /// Records an attempt.
    pub fn report(&self, what: impl Into<String>, status: Option<u16>) {
        self.environment.record(EventKind::Attempted { what: what.into(), status });
    }

    /// Learns what anybody can learn of a server by asking without a token: its epoch.
    pub async fn knock(&self, line: &mut Line<E>) {
        self.exchange(line, Ask::get(PROTECTED_TARGET)).await;
    }

    /// Begins a Windows handshake, and reads what the server wants answered.
    pub async fn ask_for_challenge(&self, line: &mut Line<E>, scheme: AccountScheme) -> Option<ServerChallenge> {
        let value = WindowsMessage::Hello {}.to_value(scheme);
        let ask = Ask::get(PROTECTED_TARGET).authorized(&value, Carried::AccountHello);
        windows_challenge(self.exchange(line, ask).await?.headers(), scheme)
    }

    /// Opens a connection to the attacked server and knocks.
    pub async fn approach(&self) -> Option<Line<E>> {
        let mut line = self.line().await?;
        self.knock(&mut line).await;
        Some(line)
    }

    /// Asks for a token in anybody's name, which nothing keeps anybody from doing. `None` if none was offered.
    pub async fn offer(&self, line: &mut Line<E>, agent: NodeId, uid: Uid) -> Option<IssuedToken> {
        let credentials = Credentials::First { agent, uid }.to_value();
        let ask = Ask::get(PROTECTED_TARGET).authorized(&credentials, Carried::FirstRequest);
        let response = self.exchange(line, ask).await?;
        IssuedToken::parse(challenge_of(&response)?.token?)
    }

    /// To what a hardened server wants a token to be bound, for a request without a body; none if it wants nothing.
    pub fn binding(&self, line: &Line<E>, method: &str, target: &str) -> Option<Binding> {
        let digest = content_digest(b"");
        let facts = RequestFacts {
            method,
            target,
            content_digest: &digest,
            channel_binding: line.connection.channel_binding(),
        };
        Some(Binding::to(&facts, line.origin.clone(), line.epoch?))
    }

    /// Countersigns a token as its agent would, and says so: these are signatures that a server should take.
    pub fn countersign(
        &self,
        issued: &IssuedToken,
        nonce: Nonce,
        binding: Option<Binding>,
        key: &PrivateKey,
    ) -> Option<CountersignedToken> {
        let token = CountersignedToken::sign(issued, nonce, binding, key, &self.engine).ok()?;
        self.environment.record(EventKind::Countersigned {
            agent: issued.claims.sub,
            uid: nonce.uid,
            jti: issued.claims.jti,
            counter: nonce.counter,
            expires: issued.claims.exp,
            token: Undigested(issued.fingerprint()),
            countersigned: Undigested(token.fingerprint()),
        });
        Some(token)
    }

    /// What a forged token in the victim's name is made from, as the server at the other end wants it.
    pub fn draft(&mut self, line: Option<&Line<E>>) -> Draft {
        let iat = self.environment.wall().seconds();
        let binding = line.and_then(|line| self.binding(line, "GET", PROTECTED_TARGET));
        let forgery = Forgery {
            iss: self.settings.smp_node,
            sub: self.settings.victim,
            aud: self.settings.origin.clone(),
            kid: self.settings.smp_key.thumbprint(),
            jkt: self.settings.key.public().thumbprint(),
            uid: self.draw_uid(),
            jti: Jti::from_bits(self.draw()),
            iat,
            exp: iat.after(Duration::from_secs(3_600)),
        };
        Draft { forgery, binding, key: self.settings.key.clone(), engine: Arc::clone(&self.engine) }
    }

    /// Draws a uid.
    pub fn draw_uid(&mut self) -> Uid {
        Uid::from_bits(self.draw())
    }

    /// Draws the nonce of a signed message.
    pub fn draw_nonce(&mut self) -> MessageNonce {
        MessageNonce::from_bits(self.draw())
    }

    /// Draws a number below `bound`.
    pub fn draw_below(&mut self, bound: usize) -> usize {
        let drawn = self.rng.next_u64() % u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(drawn).unwrap_or(0)
    }

    fn draw(&mut self) -> u128 {
        let mut bits = [0; 16];
        self.rng.fill_bytes(&mut bits);
        u128::from_be_bytes(bits)
    }

    /// Sends bytes as they are, which an HTTP library might not, and records what came of it.
    pub async fn attempt_raw(&self, what: &str, bytes: &[u8]) -> Option<u16> {
        let status = self.send_raw(bytes).await;
        self.report(what, status);
        status
    }

    async fn send_raw(&self, bytes: &[u8]) -> Option<u16> {
        let parameters = &self.settings.parameters;
        let server = self.settings.plan.server;
        let connect = self.environment.connect(&self.settings.origin);
        let mut connection = timeout(&*self.environment, parameters.connect_timeout(), connect).await.ok()?.ok()?;
        let id = connection.id;
        self.environment.record(EventKind::ConnectionOpened { connection: id, server, secure: connection.is_secure });
        self.environment.record(EventKind::RequestSent {
            request: RequestId { connection: id, ordinal: 1 },
            carries: Carried::Nothing,
            token_bytes: 0,
        });
        let answer = async {
            // A server may close before it has read everything; what it said before counts.
            let _ = connection.stream.write_all(bytes).await;
            let mut answer = [0; 12];
            connection.stream.read_exact(&mut answer).await.ok()?;
            std::str::from_utf8(&answer).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
        };
        let status = timeout(&*self.environment, parameters.exchange_timeout(), answer).await.ok().flatten();
        let why = if status.is_some() { Close::Done } else { Close::Broken };
        self.environment.record(EventKind::ConnectionClosed { connection: id, why });
        status
    }
}

/// The challenge of an answer.
pub fn challenge_of(response: &Response<Bytes>) -> Option<TokenChallenge<'_>> {
    let values = response.headers().get_all(http::header::WWW_AUTHENTICATE).iter();
    values.filter_map(|value| value.to_str().ok()).find_map(TokenChallenge::parse)
}
