//! The administrator's door: JSON over HTTP on loopback, for whoever has the secret.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use serde_json::{Value, json};

use super::{ActError, BearerOrder, Secret, SmpRecords, config::Reloaded};
use crate::{
    actor::{Reply, ServerConnection, ServerRequest, Service},
    crypto::{Engine, Jwk, PublicKey},
    protocol::NodeKind,
    types::{BearerKind, Jti, NodeId, Thumbprint, locked},
};

/// Reads the configuration again; says what came of it, or what is wrong with the file.
pub type Reload = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Reloaded, String>> + Send>> + Send + Sync>;

/// What is to be done, as methods and paths.
const ROUTES: &[&str] = &[
    "GET /",
    "GET /status",
    "GET /sites",
    "POST /sites/{id}/approve?kid={kid}",
    "POST /sites/{id}/remove",
    "GET /agents/{id}",
    "POST /agents/{id}/remove",
    "POST /agents/{id}/revoke",
    "POST /agents/{id}/reinstate",
    "POST /agents/{id}/key",
    "GET /keys",
    "POST /keys/rotate",
    "POST /keys/rotate?now=true",
    "POST /keys/{kid}/withdraw",
    "POST /bearer-tokens?kind=push_install",
    "POST /bearer-tokens?kind=asdk&lifetime={time}",
    "POST /bearer-tokens/{jti}/revoke",
    "POST /reload",
];

const NO_PATH: &str = "no such path; GET / lists those that there are";

/// The method that a path wants; each has one.
fn method_of(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_it = |form: &str| {
        let is_part = |(form, part): (&str, &&str)| form == *part || form.starts_with('{') && !part.is_empty();
        form.split('/').count() == parts.len() && form.split('/').zip(&parts).all(is_part)
    };
    let routes = ROUTES.iter().filter_map(|route| route.split_once(' '));
    // What a query says is the act's own affair.
    let mut paths = routes.map(|(method, form)| (method, form.split_once('?').map_or(form, |(path, _)| path)));
    paths.find(|(_, path)| is_it(path)).map(|(method, _)| method)
}

/// Answers administrators.
pub struct Admin {
    records: Arc<SmpRecords>,
    engine: Arc<Engine>,
    rng: Mutex<ChaCha20Rng>,
    secret: Secret,
    reload: Reload,
}

impl Admin {
    /// Works on these records for whoever shows the secret. What it is asked to issue, `engine` signs, and `rng` names.
    pub fn new(
        records: Arc<SmpRecords>,
        engine: Arc<Engine>,
        rng: ChaCha20Rng,
        secret: Secret,
        reload: Reload,
    ) -> Self {
        Self { records, engine, rng: Mutex::new(rng), secret, reload }
    }

    async fn route(&self, request: &ServerRequest) -> Result<Value, Problem> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        let is_post = request.method == Method::POST;
        let records = &self.records;
        match (is_post, path.as_slice()) {
            (false, ["status"]) => Ok(self.status().await),
            (false, ["sites"]) => Ok(self.sites().await),
            (false, ["agents", agent]) => self.agent(node(agent)?),
            (false, ["keys"]) => Ok(self.keys().await),
            (true, ["sites", site, "approve"]) => {
                let kid = records.approve_site(node(site)?, named_key(request)?).await?;
                let unnamed = kid.is_none().then_some(
                    "no key has come by this name yet: whoever comes first by it is this site; approve with its key, or see \
                     `GET /sites` for who waits",
                );
                Ok(json!({ "done": true, "kid": kid, "warning": unnamed }))
            }
            (true, ["sites", site, "remove"]) => done(records.remove_site(node(site)?).await),
            (true, ["agents", agent, "remove"]) => done(records.remove_agent(node(agent)?).await),
            (true, ["agents", agent, "revoke"]) => {
                let is_registered = records.revoke(node(agent)?).await?;
                let within = records.sites_know_within().await.to_string();
                Ok(json!({ "done": true, "registered": is_registered, "sites_know_within": within }))
            }
            (true, ["agents", agent, "reinstate"]) => {
                records.reinstate(node(agent)?).await?;
                Ok(json!({ "done": true, "sites_know_within": records.sites_know_within().await.to_string() }))
            }
            (true, ["agents", agent, "key"]) => {
                let key = read_key(&request.body)?;
                done(records.change_agent_key(node(agent)?, key).await)
            }
            (true, ["keys", "rotate"]) => self.rotate(request.target.split_once('?').map(|(_, query)| query)).await,
            (true, ["keys", kid, "withdraw"]) => {
                let kid: Thumbprint = kid.parse().map_err(|error| Problem(StatusCode::BAD_REQUEST, error))?;
                done(records.withdraw_key(kid).await)
            }
            (true, ["bearer-tokens"]) => self.issue_bearer(request).await,
            (true, ["bearer-tokens", jti, "revoke"]) => {
                let jti = jti.parse::<Jti>().map_err(|error| Problem(StatusCode::BAD_REQUEST, format!("{error}")))?;
                let is_issued = records.revoke_bearer(jti).await?;
                let within = records.sites_know_within().await.to_string();
                Ok(json!({ "done": true, "issued": is_issued, "sites_know_within": within }))
            }
            (true, ["reload"]) => match (self.reload)().await {
                Ok(Reloaded { policy_changed, taken_over, needs_restart }) => Ok(json!({
                    "done": true,
                    "policy_changed": policy_changed,
                    "taken_over": taken_over,
                    "needs_restart": needs_restart,
                })),
                Err(why) => Err(Problem(StatusCode::UNPROCESSABLE_ENTITY, why)),
            },
            (false, [""]) => Ok(json!({ "paths": ROUTES })),
            // `method_of` has seen to it.
            _ => Err(Problem(StatusCode::NOT_FOUND, NO_PATH.to_owned())),
        }
    }

    /// An ordinary rotation hurts nobody, and takes its time; one for a key that has leaked costs what it says.
    async fn rotate(&self, query: Option<&str>) -> Result<Value, Problem> {
        match query {
            None => {
                let (kid, signs_from) = self.records.rotate_key().await?;
                let signs_in = self.records.span_until(signs_from).to_string();
                Ok(json!({ "done": true, "kid": kid, "signs_from": signs_from, "signs_in": signs_in }))
            }
            Some("now=true") => {
                let kid = self.records.rotate_key_now().await?;
                let within = self.records.sites_know_within().await;
                let cost = format!("sites refuse tokens under it until they fetch policy: at most {within}");
                Ok(json!({ "done": true, "kid": kid, "cost": cost }))
            }
            Some(other) => {
                let why = format!("found the query `{other}`, expected none, or `now=true` for a key that has leaked");
                Err(Problem(StatusCode::BAD_REQUEST, why))
            }
        }
    }

    /// The one answer that has a token: it goes to nobody else, and is kept nowhere.
    async fn issue_bearer(&self, request: &ServerRequest) -> Result<Value, Problem> {
        let query = request.target.split_once('?').map_or("", |(_, query)| query);
        let order = BearerOrder::parse(query).map_err(|why| Problem(StatusCode::BAD_REQUEST, why))?;
        let jti = {
            let mut rng = locked(&self.rng);
            Jti::from_bits(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))
        };
        let token = self.records.issue_bearer(order, jti, &self.engine).await?;
        let on = self.records.database.open().parameters().authentication;
        let is_on = match order.kind {
            BearerKind::PushInstall => on.token,
            BearerKind::Asdk => on.asdk,
        };
        let (kind, expires) = (token.kind, token.claims.exp);
        Ok(json!({ "done": true, "kind": kind, "jti": jti, "expires": expires, "is_on": is_on, "token": token.text() }))
    }

    async fn status(&self) -> Value {
        let next = self.records.next_key().await;
        let bearers = self.records.issued_bearers().await;
        let records = self.records.database.open();
        let servers = records.directory.servers().count();
        json!({
            "node": self.records.node(),
            "pin": self.records.pin(),
            "policy_version": records.policy_version(),
            "signing_key": records.issuer.key().public().thumbprint(),
            "next_signing_key": next.map(|(kid, _)| kid),
            "signs_from": next.map(|(_, signs_from)| signs_from),
            "nodes": records.directory.len(),
            "sites": servers - 1,
            "revoked": records.directory.revoked(),
            "bearer_tokens": bearers,
            "revoked_bearer_tokens": records.revoked_bearers(),
            "parameters": records.parameters(),
        })
    }

    async fn sites(&self) -> Value {
        let removed = self.records.removed_sites().await;
        let records = self.records.database.open();
        let registered: Vec<_> = records.directory.registrations().filter(|node| node.kind == NodeKind::Site).collect();
        let approved = records.directory.approved_sites();
        let waiting = approved.keys().filter(|site| !registered.iter().any(|node| node.id == **site));
        json!({
            "registered": registered.iter().map(|node| json!({
                "id": node.id,
                "origin": node.origin,
                "profile": node.profile,
                "kid": node.public_key.thumbprint(),
                "revoked": records.directory.revoked().contains(&node.id),
            })).collect::<Vec<_>>(),
            "approved_but_not_registered": waiting.collect::<Vec<_>>(),
            "removed": removed,
            "turned_away": self.records.waiting(),
        })
    }

    fn agent(&self, agent: NodeId) -> Result<Value, Problem> {
        let records = self.records.database.open();
        let is_revoked = records.directory.revoked().contains(&agent);
        match records.directory.registration(agent).filter(|node| node.kind == NodeKind::Agent) {
            Some(node) => Ok(json!({ "id": agent, "kid": node.public_key.thumbprint(), "revoked": is_revoked })),
            None if is_revoked => Ok(json!({ "id": agent, "kid": null, "revoked": true })),
            None => Err(Problem(StatusCode::NOT_FOUND, format!("{agent} is no registered agent"))),
        }
    }

    async fn keys(&self) -> Value {
        let next = self.records.next_key().await;
        let records = self.records.database.open();
        let signing = records.issuer.key().public().thumbprint();
        let keys = records.server_keys.iter().map(|key| {
            let kid = key.thumbprint();
            let signs_from = next.filter(|(next, _)| *next == kid).map(|(_, signs_from)| signs_from);
            let is_identity = kid == self.records.pin();
            json!({ "kid": kid, "signs_tokens": kid == signing, "signs_from": signs_from, "is_identity": is_identity })
        });
        json!({ "keys": keys.collect::<Vec<_>>() })
    }
}

impl Service for Admin {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        if let Some(refusal) = refusal(&self.secret, &request) {
            return refusal;
        }
        let Some(method) = method_of(request.path()) else {
            return json_reply(StatusCode::NOT_FOUND, &json!({ "error": NO_PATH }));
        };
        if request.method != method {
            return wrong_method(&request, method);
        }
        // In a task of its own: whoever hangs up in the middle must not leave half an act behind.
        let admin = Arc::clone(self);
        let routed = tokio::spawn(async move { admin.route(&request).await }).await;
        match routed.unwrap_or_else(|error| Err(Problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))) {
            Ok(answer) => json_reply(StatusCode::OK, &answer),
            Err(Problem(status, why)) => json_reply(status, &json!({ "error": why })),
        }
    }
}

/// Status and reason.
struct Problem(StatusCode, String);

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        let status = match &error {
            ActError::Unknown(_) => StatusCode::NOT_FOUND,
            ActError::Conflict(_) => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

fn done(result: Result<(), ActError>) -> Result<Value, Problem> {
    result?;
    Ok(json!({ "done": true }))
}

fn node(text: &str) -> Result<NodeId, Problem> {
    text.parse().map_err(|error| Problem(StatusCode::BAD_REQUEST, format!("{error}")))
}

/// The key that the query names.
fn named_key(request: &ServerRequest) -> Result<Option<Thumbprint>, Problem> {
    let Some((_, query)) = request.target.split_once('?') else { return Ok(None) };
    let bad = |error: String| Problem(StatusCode::BAD_REQUEST, error);
    let kid = query.strip_prefix("kid=").ok_or_else(|| bad("expected no query but `?kid=` and a thumbprint".into()))?;
    kid.parse().map(Some).map_err(bad)
}

fn read_key(body: &[u8]) -> Result<PublicKey, Problem> {
    let bad = |error: String| Problem(StatusCode::BAD_REQUEST, error);
    let jwk: Jwk = serde_json::from_slice(body).map_err(|error| bad(format!("expected a JWK: {error}")))?;
    PublicKey::from_jwk(&jwk).map_err(|error| bad(error.to_string()))
}

/// What whoever does not show the secret is told; none for whoever does.
pub(super) fn refusal(secret: &Secret, request: &ServerRequest) -> Option<Reply> {
    if secret.is_shown_in(&request.headers) {
        return None;
    }
    let why = "expected `Authorization: Bearer …` with the secret in the file `admin.secret` of the state folder";
    let mut reply = json_reply(StatusCode::UNAUTHORIZED, &json!({ "error": why }));
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Some(reply)
}

/// 405, with the one method that the path takes.
pub(super) fn wrong_method(request: &ServerRequest, method: &'static str) -> Reply {
    let why = format!("found {}, expected {method}", request.method);
    let mut reply = json_reply(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": why }));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    reply
}

pub(super) fn json_reply(status: StatusCode, answer: &Value) -> Reply {
    let mut reply = Reply::new(Full::new(format!("{answer:#}\n").into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
