//! What is measured.

use std::{hint::black_box, sync::Arc};

use super::{BenchError, Presentation, Stage};
use crate::{
    crypto::{Backend, KeyPool, PrivateKey, PublicKey, backend},
    types::{CryptoTier, Profile, SeedStream},
};

/// An operation that every backend can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// An RSA signature over as many bytes as an agent signs.
    Sign,
    /// Its verification with a key that was used before.
    Verify,
    /// The same with a key that is met for the first time.
    VerifyFirst,
    /// Preparing a private key from its PKCS#8 encoding.
    LoadPrivate,
    /// RSA-OAEP encryption of a content key.
    Seal,
    /// RSA-OAEP decryption of a content key.
    Open,
    /// What a site does with a presented token: parse, two verifications, cache, registry.
    SitePath,
    /// The same where the site remembers the prefix: one verification.
    SitePathRemembered,
    /// An authentication with a stored token, both ends.
    OneStep,
    /// The same where the site remembers the prefix.
    OneStepRemembered,
    /// An authentication without a stored token, both ends and the issuer.
    TwoStep,
}

/// An operation made ready: each call does it once.
pub type Prepared = Box<dyn FnMut() -> Result<(), BenchError>>;

/// As many bytes as an agent signs.
const MESSAGE: [u8; 1_000] = [b'x'; 1_000];
const CONTENT_KEY: [u8; 32] = [7; 32];
/// More than there are tokens on a stage at once.
const REMEMBERED: u32 = 1_024;

impl Operation {
    /// All of them, those of RSA alone first.
    pub const ALL: [Self; 11] = [
        Self::Sign,
        Self::Verify,
        Self::VerifyFirst,
        Self::LoadPrivate,
        Self::Seal,
        Self::Open,
        Self::SitePath,
        Self::SitePathRemembered,
        Self::OneStep,
        Self::OneStepRemembered,
        Self::TwoStep,
    ];

    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::VerifyFirst => "verify_first",
            Self::LoadPrivate => "load_private",
            Self::Seal => "oaep_seal",
            Self::Open => "oaep_open",
            Self::SitePath => "site_path",
            Self::SitePathRemembered => "site_path_remembered",
            Self::OneStep => "one_step",
            Self::OneStepRemembered => "one_step_remembered",
            Self::TwoStep => "two_step",
        }
    }

    /// Whether it is more than RSA, so that there is something left without.
    pub const fn is_path(self) -> bool {
        matches!(
            self,
            Self::SitePath | Self::SitePathRemembered | Self::OneStep | Self::OneStepRemembered | Self::TwoStep
        )
    }

    /// Makes it ready on a backend, and does it once; none if the backend has no such operation.
    ///
    /// # Errors
    /// If it fails.
    pub fn prepare(self, backend: &Arc<dyn Backend>, profile: Profile) -> Result<Option<Prepared>, BenchError> {
        let prepared = match self {
            Self::Sign => sign(backend)?,
            Self::Verify => verify(backend)?,
            Self::VerifyFirst => verify_first(backend)?,
            Self::LoadPrivate => load_private(backend)?,
            Self::Seal => seal(backend)?,
            Self::Open => open(backend)?,
            Self::SitePath => Some(site_path(Stage::new(Arc::clone(backend), profile, 0)?)?),
            Self::SitePathRemembered => Some(site_path(Stage::new(Arc::clone(backend), profile, REMEMBERED)?)?),
            Self::OneStep => Some(one_step(Stage::new(Arc::clone(backend), profile, 0)?)?),
            Self::OneStepRemembered => Some(one_step(Stage::new(Arc::clone(backend), profile, REMEMBERED)?)?),
            Self::TwoStep => {
                let mut stage = Stage::new(Arc::clone(backend), profile, 0)?;
                Some(Box::new(move || stage.two_step()) as Prepared)
            }
        };
        let Some(mut prepared) = prepared else { return Ok(None) };
        prepared()?;
        Ok(Some(prepared))
    }
}

fn key() -> Result<PrivateKey, BenchError> {
    Ok(KeyPool::new(SeedStream::new(1)).private_key(0)?)
}

fn sign(backend: &Arc<dyn Backend>) -> Result<Option<Prepared>, BenchError> {
    let private = backend.load_private(&key()?)?;
    Ok(Some(Box::new(move || {
        black_box(private.sign(black_box(&MESSAGE))?);
        Ok(())
    })))
}

fn verify(backend: &Arc<dyn Backend>) -> Result<Option<Prepared>, BenchError> {
    let (key, name) = (key()?, backend.name());
    let (signature, public) = (backend.load_private(&key)?.sign(&MESSAGE)?, backend.load_public(key.public())?);
    Ok(Some(Box::new(move || {
        let is_good = public.verify(black_box(&MESSAGE), &signature);
        is_good.then_some(()).ok_or(BenchError::Wrong { backend: name, operation: "verify" })
    })))
}

fn verify_first(backend: &Arc<dyn Backend>) -> Result<Option<Prepared>, BenchError> {
    let (key, backend) = (key()?, Arc::clone(backend));
    let signature = backend.load_private(&key)?.sign(&MESSAGE)?;
    Ok(Some(Box::new(move || {
        let is_good = backend.load_public(key.public())?.verify(black_box(&MESSAGE), &signature);
        is_good.then_some(()).ok_or(BenchError::Wrong { backend: backend.name(), operation: "verify" })
    })))
}

fn load_private(backend: &Arc<dyn Backend>) -> Result<Option<Prepared>, BenchError> {
    let (key, backend) = (key()?, Arc::clone(backend));
    // Encoded: what it takes to derive a key of the pool is no part of loading it.
    let encoded = PrivateKey::new(key.pkcs8()?.into_owned(), key.public().clone());
    Ok(Some(Box::new(move || {
        black_box(backend.load_private(black_box(&encoded))?);
        Ok(())
    })))
}

fn seal(backend: &Arc<dyn Backend>) -> Result<Option<Prepared>, BenchError> {
    let public = backend.load_public(key()?.public())?;
    let mut rng = SeedStream::new(1).rng("bench", 1);
    if public.seal(&CONTENT_KEY, &mut rng).is_err() {
        return Ok(None);
    }
    Ok(Some(Box::new(move || {
        black_box(public.seal(black_box(&CONTENT_KEY), &mut rng)?);
        Ok(())
    })))
}

fn open(backend: &Arc<dyn Backend>) -> Result<Option<Prepared>, BenchError> {
    let (key, name) = (key()?, backend.name());
    // Another one seals: who cannot open cannot seal either.
    let public = PublicKey::from_modulus(key.public().modulus())?;
    let mut rng = SeedStream::new(1).rng("bench", 2);
    let sealed = self::backend(CryptoTier::Rsa)?.load_public(&public)?.seal(&CONTENT_KEY, &mut rng)?;
    let private = backend.load_private(&key)?;
    if private.open(&sealed).is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(move || {
        let opened = private.open(black_box(&sealed));
        opened.map(drop).ok_or(BenchError::Wrong { backend: name, operation: "open" })
    })))
}

/// Presents tokens one after the other, and from the beginning when all were.
fn site_path(mut stage: Stage) -> Result<Prepared, BenchError> {
    let presentations: Vec<Presentation> = stage.presentations()?;
    let mut next = 0;
    Ok(Box::new(move || {
        if next == presentations.len() {
            stage.forget(&presentations);
            next = 0;
        }
        stage.validate(&presentations[next].value)?;
        next += 1;
        Ok(())
    }))
}

fn one_step(mut stage: Stage) -> Result<Prepared, BenchError> {
    stage.two_step()?;
    Ok(Box::new(move || stage.one_step()))
}
