//! What operations cost on this machine, in a file that scenarios and predictions use.

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;

use super::{
    Exit, Failure,
    calibration::{calibrate as calibrate_crypto, signing, time},
    exit::{print, warn},
    interruptions::interruptions,
    observation::observe,
};
use crate::{
    crypto::{Engine, KeyPool, USES_OF_A_BLINDING, backend},
    plan::Plan,
    protocol::{IssuedToken, Issuer, Subject, jwe},
    report::{self, Calibration},
    scenario::{CostFile, read_text},
    types::{
        ActorId, Costs, CryptoTier, Interruption, Interruptions, Jti, MeasuredMachine, Origin, Scheme, SeedStream,
        TimeSpan, Uid, UnixSeconds,
    },
};

/// As long as the answer to one first fetch: a token and a key.
const BODY_BYTES: usize = 2_048;
/// So much may something else take of the cores without a word, in parts per million. On a machine that was idle it was 3,900 to
/// 10,500.
const TAKEN_PPM_MAX: u64 = 50_000;

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Write the costs into this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `calibrate`: measures, and prints or writes the file.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<Exit, Failure> {
    let machine = measure(CryptoTier::AwsLc)?;
    let text = written(&machine);
    match &args.out {
        None => print(&text),
        Some(path) => {
            report::write_file(path, || Ok(text)).map_err(Failure::internal)?;
            Ok(Exit::Holds)
        }
    }
}

/// What `calibrate` found out and wrote into a file.
pub(super) fn read(path: &Path) -> Result<MeasuredMachine, Failure> {
    let file = path.display().to_string();
    let text =
        read_text(path).map_err(|error| Failure::Usage(format!("failed to read the costs `{file}`: {error}")))?;
    let machine = CostFile::from_toml(&file, &text)?;
    tell_if_busy(&machine.interruptions);
    Ok(machine)
}

/// Says so if what was watched was hardly alone: costs that were found meanwhile foretell nothing of a machine that is.
fn tell_if_busy(interruptions: &Interruptions) {
    let taken_ppm = interruptions.taken_ppm();
    if taken_ppm > TAKEN_PPM_MAX {
        warn(&format!(
            "something else took {} of the cores while they were watched: these costs are those of a busy machine; \
             `countersign calibrate` makes others once nothing else runs",
            report::human::percent(taken_ppm)
        ));
    }
}

/// Measures every cost of this machine with one crypto tier: a minute and a quarter.
pub(super) fn measure(tier: CryptoTier) -> Result<MeasuredMachine, Failure> {
    let failed = |error: Box<dyn std::error::Error>| Failure::Internal(format!("failed to calibrate: {error}"));
    let engine = Engine::new(backend(tier).map_err(Failure::internal)?, Arc::default(), None);
    let key = KeyPool::new(SeedStream::new(1)).private_key(0).map_err(Failure::internal)?;
    let Calibration { verify_ns, .. } = calibrate_crypto(tier, 1).map_err(failed)?;
    let (sign_ns, blinding_ns) = signing(&engine, &key).map_err(failed)?;
    let body = vec![b'x'; BODY_BYTES];
    let mut rng = SeedStream::new(1).rng("calibrate", 0);
    let sealed = jwe::seal(&body, key.public(), &engine, &mut rng).map_err(Failure::internal)?;
    // The first makes a blinding, which the next ones share.
    black_box(jwe::open(&sealed, &key, &engine)).map(drop).ok();
    let issuer = Issuer::new(Plan::node_of(ActorId::Smp), key.clone(), Duration::from_secs(3_600));
    let subject = Subject {
        agent: Plan::node_of(ActorId::Agent(1)),
        uid: Uid::from_bits(1),
        agent_key: key.public().thumbprint(),
        audience: Origin::new(Scheme::Http, "site-1".to_owned(), 80),
    };
    let token = issuer.issue(subject, Jti::from_bits(1), UnixSeconds(1), &engine).map_err(Failure::internal)?;
    let costs = Costs {
        sign_ns,
        verify_ns,
        parse_ns: time(10_000, || {
            black_box(IssuedToken::parse(black_box(token.text())));
            Ok(())
        })
        .map_err(failed)?,
        seal_ns: time(100, || {
            black_box(jwe::seal(black_box(&body), key.public(), &engine, &mut rng)).map(drop).ok();
            Ok(())
        })
        .map_err(failed)?,
        open_ns: time(USES_OF_A_BLINDING - 1, || {
            black_box(jwe::open(black_box(&sealed), &key, &engine)).map(drop).ok();
            Ok(())
        })
        .map_err(failed)?,
        blinding_ns,
        request_ns: 0,
        closing_ns: 0,
        wake_min_ns: 0,
        wake_ns: 0,
        rest_ns: 0,
    };
    let machine = observe(costs, interruptions(tier)?)?;
    tell_if_busy(&machine.interruptions);
    Ok(machine)
}

/// As a file has them.
fn written(machine: &MeasuredMachine) -> String {
    let time = |nanos: u64| format!("\"{}\"", TimeSpan::from_nanos(nanos));
    let MeasuredMachine { costs, interruptions, scatter } = machine;
    format!(
        "# What operations cost on one core of the machine on which `countersign calibrate` wrote this.\n\
         # `blinding` is what a key's first signature takes more, and every 32nd after it, and so with decryptions.\n\
         # `request` is everything about one HTTP request but cryptography, at both ends, up to its answer; `closing` what\n\
         # follows; `wake_min` what a core that is idle takes to begin, and as much to go to rest, however short it rested,\n\
         # and `wake` the same once it has rested for `rest`.\n\
         # The table [costs] can stand in a scenario; a prediction takes the whole file (--costs).\n\
         [costs]\nsign = {}\nverify = {}\nparse = {}\nseal = {}\nopen = {}\nblinding = {}\nrequest = {}\nclosing = {}\nwake_min = {}\nwake = {}\nrest = {}\n\n\
         # When something else took a core while the machine was watched, and for how long, for each core. Predictions repeat that.\n\
         [interruptions]\nwatched = {}\ncores = [{}]\n\n\
         # How late timers ring while a core is idle.\n\
         [scatter]\np50 = {}\np90 = {}\np99 = {}\np999 = {}\n",
        time(costs.sign_ns),
        time(costs.verify_ns),
        time(costs.parse_ns),
        time(costs.seal_ns),
        time(costs.open_ns),
        time(costs.blinding_ns),
        time(costs.request_ns),
        time(costs.closing_ns),
        time(costs.wake_min_ns),
        time(costs.wake_ns),
        time(costs.rest_ns),
        time(interruptions.watched_ns),
        cores(interruptions),
        time(scatter.p50_ns),
        time(scatter.p90_ns),
        time(scatter.p99_ns),
        time(scatter.p999_ns),
    )
}

/// To the microsecond, some on each line.
fn cores(interruptions: &Interruptions) -> String {
    const ON_A_LINE: usize = 6;
    let micros = |nanos: u64| TimeSpan::from_nanos(nanos / 1_000 * 1_000);
    let once = |it: &Interruption| format!("[\"{}\", \"{}\"]", micros(it.at_ns), micros(it.length_ns));
    let line = |taken: &[Interruption]| taken.iter().map(once).collect::<Vec<_>>().join(", ");
    let core = |taken: &Vec<Interruption>| {
        let lines: Vec<_> = taken.chunks(ON_A_LINE).map(line).collect();
        if lines.is_empty() { "\n  [],".to_owned() } else { format!("\n  [\n    {},\n  ],", lines.join(",\n    ")) }
    };
    let cores: String = interruptions.cores.iter().map(core).collect();
    if cores.is_empty() { cores } else { cores + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Quantiles;

    #[test]
    fn what_is_written_is_read_back() {
        for count in [0, 1, 10, 23] {
            let costs = Costs {
                sign_ns: 217_731,
                wake_min_ns: 13_677,
                wake_ns: 62_677,
                rest_ns: 3_000_000,
                ..Costs::default()
            };
            let once = |number: u64| Interruption { at_ns: number * 2_000_000, length_ns: number * 101_000 };
            let cores = vec![(0..count).map(once).collect(), Vec::new()];
            let interruptions = Interruptions { watched_ns: 30_000_000_000, cores };
            let scatter = Quantiles { p50_ns: 53_760, p90_ns: 85_504, p99_ns: 90_001, p999_ns: 1_000_000 };
            let machine = MeasuredMachine { costs, interruptions, scatter };
            let text = written(&machine);
            assert_eq!(CostFile::from_toml("costs.toml", &text).unwrap(), machine, "{text}");
        }
    }
}
