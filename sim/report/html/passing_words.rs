//! What proxies do, in a few words.

use crate::event::{ProxyCredentials, ProxyEvent};

pub(super) fn of_proxy(event: &ProxyEvent) -> String {
    match event {
        ProxyEvent::Asked { request, for_token } => {
            let what = if *for_token { "a token" } else { "an account" };
            format!("answers {request} with 407, and asks for {what}")
        }
        ProxyEvent::Received { request, what } => match what {
            ProxyCredentials::Account(scheme) => format!("gets a message of an account with {request}, by {scheme}"),
            ProxyCredentials::Token => format!("GETS A TOKEN with {request}"),
            ProxyCredentials::Unknown => format!("gets something unreadable with {request}"),
        },
        ProxyEvent::Admitted { request, scheme } => format!("lets {request} through by {scheme}"),
        ProxyEvent::Forwarded { request, upstream } => format!("sends {request} on as {upstream}"),
        ProxyEvent::TunnelOpened { request, upstream } => format!("opens a tunnel for {request}: {upstream}"),
        ProxyEvent::Declined { proxy, why, .. } => format!("gives {proxy} nothing: {why}"),
    }
}
