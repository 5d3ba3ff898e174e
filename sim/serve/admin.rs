//! The administrator's door: JSON over HTTP on loopback, for whoever has the secret.

use std::{pin::Pin, sync::Arc};

use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{ActError, Secret, SmpRecords};
use crate::{
    actor::{Reply, ServerConnection, ServerRequest, Service},
    crypto::{Jwk, PublicKey},
    protocol::NodeKind,
    types::{NodeId, Thumbprint},
};

/// Reads the configuration again; says whether policy changed, or what is wrong with the file.
pub type Reload = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send>> + Send + Sync>;

/// What is to be done, as methods and paths.
const ROUTES: &[&str] = &[
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
    "POST /keys/{kid}/withdraw",
    "POST /reload",
];

/// Answers administrators.
pub struct Admin {
    records: Arc<SmpRecords>,
    secret: Secret,
    reload: Reload,
}

impl Admin {
    /// Works on these records for whoever shows the secret.
    pub fn new(records: Arc<SmpRecords>, secret: Secret, reload: Reload) -> Self {
        Self { records, secret, reload }
    }

    async fn route(&self, request: &ServerRequest) -> Result<Value, Problem> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        let is_post = request.method == Method::POST;
        let records = &self.records;
        match (is_post, path.as_slice()) {
            (false, ["status"]) => Ok(self.status()),
            (false, ["sites"]) => Ok(self.sites().await),
            (false, ["agents", agent]) => self.agent(node(agent)?),
            (false, ["keys"]) => Ok(self.keys()),
            (true, ["sites", site, "approve"]) => {
                let kid = records.approve_site(node(site)?, named_key(request)?).await?;
                Ok(json!({ "done": true, "kid": kid }))
            }
            (true, ["sites", site, "remove"]) => done(records.remove_site(node(site)?).await),
            (true, ["agents", agent, "remove"]) => done(records.remove_agent(node(agent)?).await),
            (true, ["agents", agent, "revoke"]) => done(records.revoke(node(agent)?).await),
            (true, ["agents", agent, "reinstate"]) => done(records.reinstate(node(agent)?).await),
            (true, ["agents", agent, "key"]) => {
                let key = read_key(&request.body)?;
                done(records.change_agent_key(node(agent)?, key).await)
            }
            (true, ["keys", "rotate"]) => Ok(json!({ "done": true, "kid": records.rotate_key().await? })),
            (true, ["keys", kid, "withdraw"]) => {
                let kid: Thumbprint = kid.parse().map_err(|error| Problem(StatusCode::BAD_REQUEST, error))?;
                done(records.withdraw_key(kid).await)
            }
            (true, ["reload"]) => match (self.reload)().await {
                Ok(has_changed) => Ok(json!({ "done": true, "policy_changed": has_changed })),
                Err(why) => Err(Problem(StatusCode::UNPROCESSABLE_ENTITY, why)),
            },
            _ => Err(Problem(StatusCode::NOT_FOUND, "no such path; GET / lists those that there are".to_owned())),
        }
    }

    fn status(&self) -> Value {
        let records = self.records.database.open();
        let servers = records.directory.servers().count();
        json!({
            "node": self.records.node(),
            "pin": self.records.pin(),
            "policy_version": records.policy_version(),
            "signing_key": records.issuer.key().public().thumbprint(),
            "nodes": records.directory.len(),
            "sites": servers - 1,
            "revoked": records.directory.revoked(),
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

    fn keys(&self) -> Value {
        let records = self.records.database.open();
        let signing = records.issuer.key().public().thumbprint();
        let keys = records.server_keys.iter().map(|key| {
            let kid = key.thumbprint();
            json!({ "kid": kid, "signs_tokens": kid == signing, "is_identity": kid == self.records.pin() })
        });
        json!({ "keys": keys.collect::<Vec<_>>() })
    }
}

impl Service for Admin {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        let mut shown = request.headers.get_all(AUTHORIZATION).iter();
        let is_known = matches!(
            (shown.next(), shown.next()),
            (Some(value), None) if self.secret.is_shown_by(value.as_bytes())
        );
        if !is_known {
            let why =
                "expected `Authorization: Bearer …` with the secret in the file `admin.secret` of the state folder";
            let mut reply = json_reply(StatusCode::UNAUTHORIZED, &json!({ "error": why }));
            reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return reply;
        }
        if !matches!(request.method, Method::GET | Method::POST) {
            let mut reply = json_reply(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "expected GET or POST" }));
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
            return reply;
        }
        if request.path() == "/" {
            return json_reply(StatusCode::OK, &json!({ "paths": ROUTES }));
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

fn json_reply(status: StatusCode, answer: &Value) -> Reply {
    let mut reply = Reply::new(Full::new(format!("{answer:#}\n").into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
