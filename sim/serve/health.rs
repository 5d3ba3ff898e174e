//! What monitoring asks: figures, and whether the server is alive and ready.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use http_body_util::Full;

use super::Figures;
use crate::actor::{Reply, ServerConnection, ServerRequest, Service, empty_reply};

/// Answers `/metrics`, `/healthz` and `/readyz`, and lists them at `/`.
#[derive(Debug)]
pub struct Health {
    figures: Arc<Figures>,
    ready: Arc<AtomicBool>,
}

impl Health {
    /// Tells these figures, and ready once `ready` is set.
    pub fn new(figures: Arc<Figures>, ready: Arc<AtomicBool>) -> Self {
        Self { figures, ready }
    }
}

impl Service for Health {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        if request.method != Method::GET {
            let mut reply = empty_reply(StatusCode::METHOD_NOT_ALLOWED);
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return reply;
        }
        match request.path() {
            "/" => text(StatusCode::OK, "text/plain", "GET /metrics\nGET /healthz\nGET /readyz\n".to_owned()),
            "/metrics" => {
                let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                text(StatusCode::OK, form, self.figures.to_text())
            }
            "/healthz" => text(StatusCode::OK, "text/plain", "alive\n".to_owned()),
            "/readyz" if self.ready.load(Relaxed) => text(StatusCode::OK, "text/plain", "ready\n".to_owned()),
            "/readyz" => {
                let why = "not registered with the SMP yet, or stopping\n";
                text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", why.to_owned())
            }
            _ => empty_reply(StatusCode::NOT_FOUND),
        }
    }
}

fn text(status: StatusCode, form: &'static str, body: String) -> Reply {
    let mut reply = Reply::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form));
    reply
}
