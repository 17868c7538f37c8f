//! The program: what serves stands here, because only here the identity provider and the record server are
//! both known.

mod demo;
mod logging;
mod record;
mod serve;
mod service_manager;
mod signals;

use std::io::Write;
use std::process::ExitCode;

use carnet::cli::local::{self, Failure};
use carnet::cli::{self, AdminCommand, AuditCommand, Cli, Command, KeysCommand, RecordCommand, remote};

fn main() -> ExitCode {
    let (cli, as_json) = Cli::read();
    // Databases, keys and credentials are for their owner alone, whoever makes the file.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure(format!("cannot start: {error}")), as_json),
    };
    let outcome = runtime.block_on(run(cli.command, as_json));
    match outcome {
        Ok(code) => code,
        Err(failure) => fail(&failure, as_json),
    }
}

async fn run(command: Command, as_json: bool) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(args) => serve::serve(&args).await?,
        Command::Record(RecordCommand::Serve(args)) => record::serve(&args).await?,
        Command::Demo(args) => return demo::demo(&args).await,
        Command::Admin(AdminCommand::Reset(args)) => {
            logging::start_for_commands();
            local::reset(&args).await?;
        }
        Command::Keys(KeysCommand::Rewrap(args)) => {
            logging::start_for_commands();
            local::rewrap(&args).await?;
        }
        Command::Keys(KeysCommand::Remote(command)) => {
            return Ok(remote::run_keys(command, as_json).await);
        }
        Command::Audit(AuditCommand::Verify(args)) => local::audit_verify(&args).await?,
        Command::Audit(AuditCommand::Remote(command)) => {
            return Ok(remote::run_audit(command, as_json).await);
        }
        Command::Backup(args) => local::backup(&args).await?,
        Command::Restore(args) => {
            logging::start_for_commands();
            local::restore(&args).await?;
        }
        Command::Doctor(args) => local::doctor(&args).await?,
        Command::Health(args) => local::health(&args)?,
        Command::Completions(args) => cli::completions(&args)?,
        Command::Remote(command) => return Ok(remote::run(command, as_json).await),
    }
    Ok(ExitCode::SUCCESS)
}

fn fail(failure: &Failure, as_json: bool) -> ExitCode {
    // Not eprintln: it panics when nobody reads.
    let _ = std::io::stderr().write_all(failure.said(as_json).as_bytes());
    ExitCode::FAILURE
}
