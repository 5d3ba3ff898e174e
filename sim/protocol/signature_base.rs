//! The text over which a message is signed (RFC 9421 section 2.5; rule 34).

use http::StatusCode;

use super::RequestTarget;

/// What a signature covers, the digest of the body left out.
pub(super) enum Covered<'a> {
    /// A request.
    Request(RequestTarget<'a>),
    /// A response, and the request that it answers.
    Response(StatusCode, RequestTarget<'a>),
}

impl Covered<'_> {
    /// The component identifiers as they stand in `Signature-Input`.
    pub(super) const fn identifiers(&self) -> &'static str {
        match self {
            Self::Request(_) => r#"("@method" "@path" "content-digest")"#,
            Self::Response(..) => r#"("@status" "content-digest" "@method";req "@path";req)"#,
        }
    }

    /// The form of the whole `Signature-Input`, for people.
    pub(super) const fn form(&self) -> &'static str {
        match self {
            Self::Request(_) => {
                r#"sig=("@method" "@path" "content-digest");created=…;nonce="…";alg="rsa-v1_5-sha256";keyid="…""#
            }
            Self::Response(..) => {
                r#"sig=("@status" "content-digest" "@method";req "@path";req);created=…;nonce="…";alg="rsa-v1_5-sha256";keyid="…""#
            }
        }
    }

    /// The signature base (RFC 9421 section 2.5).
    pub(super) fn signature_base(&self, content_digest: &str, parameters: &str) -> String {
        match self {
            Self::Request(RequestTarget { method, path }) => signature_base(
                &[(r#""@method""#, method.as_str()), (r#""@path""#, path), (r#""content-digest""#, content_digest)],
                parameters,
            ),
            Self::Response(status, RequestTarget { method, path }) => signature_base(
                &[
                    (r#""@status""#, status.as_str()),
                    (r#""content-digest""#, content_digest),
                    (r#""@method";req"#, method.as_str()),
                    (r#""@path";req"#, path),
                ],
                parameters,
            ),
        }
    }
}

/// Joins covered components and signature parameters as RFC 9421 section 2.5 asks.
fn signature_base(components: &[(&str, &str)], parameters: &str) -> String {
    let mut base = String::new();
    for (identifier, value) in components {
        base.extend([*identifier, ": ", *value, "\n"]);
    }
    base.extend([r#""@signature-params": "#, parameters]);
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_base_is_that_of_rfc_9421() {
        // Section 2.4: a response bound to its request.
        let components = [
            (r#""@status""#, "503"),
            (
                r#""content-digest""#,
                "sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTbARtY2PTBOzq24uJFpHsMuAg==:",
            ),
            (r#""content-type""#, "application/json"),
            (r#""@authority";req"#, "example.com"),
            (r#""@method";req"#, "POST"),
            (r#""@path";req"#, "/foo"),
            (
                r#""content-digest";req"#,
                "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
            ),
        ];
        let parameters = r#"("@status" "content-digest" "content-type" "@authority";req "@method";req "@path";req "content-digest";req);created=1618884479;keyid="test-key-ecc-p256""#;
        let expected = [
            r#""@status": 503"#,
            r#""content-digest": sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTbARtY2PTBOzq24uJFpHsMuAg==:"#,
            r#""content-type": application/json"#,
            r#""@authority";req: example.com"#,
            r#""@method";req: POST"#,
            r#""@path";req: /foo"#,
            r#""content-digest";req: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"#,
            r#""@signature-params": ("@status" "content-digest" "content-type" "@authority";req "@method";req "@path";req "content-digest";req);created=1618884479;keyid="test-key-ecc-p256""#,
        ];
        assert_eq!(signature_base(&components, parameters), expected.join("\n"));
    }
}
