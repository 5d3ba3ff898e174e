//! What proxies and peers do, in a few words.

use super::super::human;
use crate::event::{PeerEvent, ProxyCredentials, ProxyEvent};

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

pub(super) fn of_peer(event: &PeerEvent) -> String {
    match event {
        PeerEvent::Challenged { request, path, .. } => format!("challenges {request} for {path}"),
        PeerEvent::Answered { peer, .. } => format!("answers the challenge of {peer}"),
        PeerEvent::Served { request, path, .. } => format!("hands out {path} for {request}"),
        PeerEvent::Refused { request, why } => format!("refuses the response in {request}: {}", human::words(why)),
        PeerEvent::Downloaded { peer, status: Some(status) } => format!("downloads from {peer}: {status}"),
        PeerEvent::Downloaded { peer, status: None } => format!("downloads from {peer}: no answer"),
    }
}
