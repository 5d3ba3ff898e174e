//! `run` and `replay`, as far as the plan.

use std::{fs, path::Path};

use super::{Exit, Failure, ReplayArgs, RunArgs, exit::print};
use crate::{plan::Plan, scenario};

/// `run`: resolves the scenario and, with `--plan-only`, prints the plan.
pub(super) fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let plan = resolve(args)?;
    if args.plan_only {
        return print(&format!("{}\n", plan.to_json().map_err(Failure::internal)?));
    }
    Err(cannot_execute())
}

/// `replay`: reads the plan and checks it.
pub(super) fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    read_plan(&args.plan)?;
    Err(cannot_execute())
}

fn resolve(args: &RunArgs) -> Result<Plan, Failure> {
    let scenario = scenario::find(&args.scenario)?;
    Ok(scenario.resolve(args.seed, args.overrides())?)
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Failure::Usage(format!("cannot read `{file}`: {error}")))?;
    Plan::from_json(&file, &text).map_err(|error| Failure::Usage(error.to_string()))
}

/// The simulated world is not part of this build yet.
fn cannot_execute() -> Failure {
    Failure::Internal("this build resolves plans but cannot execute them; use `run --plan-only`".to_owned())
}
