//! Asking `cvc5`, through Cedar's own translation of policies into logic.
//!
//! What it can't say or fails at is `Unknown`, and a process that failed is never asked again.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cedar_policy::{EntityTypeName, RequestEnv, Schema};
use cedar_policy_symcc::err::Error as Failure;
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};
use plimsoll_bundle::prove::{Answer, Query, What};
use tokio::process::Command;

/// How long the solver may think about one question. Its `--tlimit` would end the process, and with it every
/// later question; this is for each.
const THINKS_MS: u64 = 20_000;

/// After this the process is given up, whatever it promised.
const GIVES_UP: Duration = Duration::from_secs(30);

/// How many solvers run beside each other.
const BESIDE_MAX: usize = 4;

/// Answers in the order of the questions.
pub(crate) fn ask(program: &Path, schema: &Schema, queries: &[&Query]) -> Vec<Answer> {
    let beside = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, BESIDE_MAX);
    let beside = beside.min(queries.len());
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Option<Answer>>> = Mutex::new(queries.iter().map(|_| None).collect());
    let work = || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let mut asking = Asking { program, compiler: None };
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(query) = queries.get(at) else { return };
                let answer = asking.answer(schema, query).await;
                answers.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(answer);
            }
        });
    };
    std::thread::scope(|scope| {
        for _ in 0..beside {
            scope.spawn(work);
        }
    });
    let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let none = || Answer::Unknown("the solver could not be started".to_owned());
    answers.into_iter().map(|answer| answer.unwrap_or_else(none)).collect()
}

/// One solver process; another one after a failure.
struct Asking<'a> {
    program: &'a Path,
    compiler: Option<CedarSymCompiler<LocalSolver>>,
}

impl Asking<'_> {
    /// The answer for every kind of principal that can matter.
    async fn answer(&mut self, schema: &Schema, query: &Query) -> Answer {
        for kind in query.kinds {
            match self.one(schema, query, kind).await {
                Ok(None) => {}
                Ok(Some(Env { request, entities })) => return Answer::Counter(Box::new((request, entities))),
                Err(why) => return Answer::Unknown(why),
            }
        }
        Answer::Holds
    }

    async fn one(&mut self, schema: &Schema, query: &Query, kind: &str) -> Result<Option<Env>, String> {
        let name = |name: &str| name.parse::<EntityTypeName>().map_err(|e| e.to_string());
        let env = RequestEnv::new(name(kind)?, query.action.clone(), name("Tool")?);
        let compiler = match self.compiler.take() {
            Some(compiler) => compiler,
            None => start(self.program)?,
        };
        let mut compiler = compiler;
        let asked = tokio::time::timeout(GIVES_UP, put(&mut compiler, schema, query, &env)).await;
        match asked {
            Ok(Ok(answer)) => {
                self.compiler = Some(compiler);
                Ok(answer)
            }
            // The process may be in any state now: the next question gets another.
            Ok(Err(failure)) => Err(reason(&failure)),
            Err(_) => Err(format!("no answer within {} s", GIVES_UP.as_secs())),
        }
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::PolicyNotWellTyped { errs } => {
            format!("{failure}: {}", errs.first().map(ToString::to_string).unwrap_or_default())
        }
        other => other.to_string(),
    }
}

fn start(program: &Path) -> Result<CedarSymCompiler<LocalSolver>, String> {
    let mut command = Command::new(program);
    command.args(["--lang", "smt", &format!("--tlimit-per={THINKS_MS}")]).kill_on_drop(true);
    let solver = LocalSolver::from_command(&mut command).map_err(|error| error.to_string())?;
    CedarSymCompiler::new(solver).map_err(|error| error.to_string())
}

async fn put(
    compiler: &mut CedarSymCompiler<LocalSolver>,
    schema: &Schema,
    query: &Query,
    env: &RequestEnv,
) -> Result<Option<Env>, Failure> {
    match &query.what {
        What::Implies(allowed, within) => {
            let allowed = CompiledPolicySet::compile(allowed, env, schema)?;
            let within = CompiledPolicySet::compile(within, env, schema)?;
            compiler.check_implies_with_counterexample_opt(&allowed, &within).await
        }
        What::NeverErrs(policy) => {
            let policy = CompiledPolicy::compile(policy, env, schema)?;
            compiler.check_never_errors_with_counterexample_opt(&policy).await
        }
    }
}
