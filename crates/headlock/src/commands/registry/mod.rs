//! `headlock registry`: the desk that releases codes, from its first day to an outsider's proof.

mod backup;
mod check;
mod cosign;
mod export;
mod import;
mod init;
mod keys;
mod log;
mod place;
mod provider;
mod remote;
mod requests;
mod scheme;
mod seal;
mod serve;
mod session;
mod signals;
mod units;
mod verify;
mod who;
mod witness;

use crate::failure::Failure;
use crate::store::Texts;

/// The desk that releases a code to its owner and to nobody else.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Makes a registry in a new folder, its key in shares or in a file, and its first administrator.
    Init(init::Args),
    /// Serves it over HTTP.
    Serve(serve::Args),
    /// Says whether a service could start with its configuration and its policy.
    Check(check::Args),
    /// Hands in one share of the key.
    Unseal(seal::UnsealArgs),
    /// Seals the service: it forgets its keys.
    Seal(requests::ServerArgs),
    /// Says whether the service is sealed.
    Status(requests::ServerArgs),
    /// Opens a session.
    SignIn(session::SignInArgs),
    /// Ends it.
    SignOut(session::SignOutArgs),
    /// Makes a new secret for one's own one-time codes.
    OneTime(session::OneTimeArgs),
    /// Makes a token of one's own for a machine.
    Token(session::TokenArgs),
    /// The people of the desk.
    #[command(subcommand)]
    Who(who::Command),
    /// Lets the codes of new units of a kind follow from a key.
    Scheme(scheme::Args),
    /// Takes in a production table.
    Import(import::Args),
    /// Makes a unit's record and its code.
    Provision(units::ProvisionArgs),
    /// Says what happened to a unit: put into a vehicle, exchanged, stolen.
    Pair(units::PairArgs),
    /// Says what is on record of a unit.
    Look(units::LookArgs),
    /// Asks for a code, or for the key to a seed.
    Request(requests::RequestArgs),
    /// Lists what waits for one's decision.
    Waiting(requests::ServerArgs),
    /// Approves somebody else's request.
    Approve(requests::ReasonArgs),
    /// Refuses it.
    Refuse(requests::ReasonArgs),
    /// Collects what was authorised.
    Release(requests::ReleaseArgs),
    /// Takes an authorised release back.
    Revoke(requests::ReasonArgs),
    /// Takes one's own request back.
    Withdraw(requests::OneArgs),
    /// Says how a request stands.
    Show(requests::OneArgs),
    /// Brings the document that was promised.
    Proof(requests::ProofArgs),
    /// Reviews a release for which the glass was broken.
    Review(requests::ReviewArgs),
    /// Forgets what a request says of people and vehicles.
    Erase(requests::OneArgs),
    /// Shows what one has to be told.
    Notices(requests::ServerArgs),
    /// Reads the log with what it says.
    Log(log::Args),
    /// Fetches a leaf's receipt.
    Receipt(log::ReceiptArgs),
    /// Proves, as an outsider, that the log is whole and that receipts are in it.
    Verify(verify::Args),
    /// Hands records and codes to the escrow, if enough others agree.
    #[command(subcommand)]
    Export(export::Command),
    /// Has witnesses cosign the log's newest checkpoint.
    Cosign(cosign::Args),
    /// An outsider's own witness, which cosigns a log as long as it keeps what it said.
    #[command(subcommand)]
    Witness(witness::Command),
    /// Wraps all keys under a new key-encryption key.
    Rotate(keys::Args),
    /// Copies the registry, also while it is at work.
    Backup(backup::BackupArgs),
    /// Puts a copy back.
    Restore(backup::RestoreArgs),
}

/// Runs it.
///
/// # Errors
/// Why what was asked was not done.
pub fn run(command: &Command, texts: &Texts, json: bool) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(args, texts, json),
        Command::Serve(args) => serve::run(args, texts, json),
        Command::Check(args) => check::run(args, texts, json),
        Command::Unseal(args) => seal::unseal(args, json),
        Command::Seal(args) => seal::seal(args),
        Command::Status(args) => seal::status(args, json),
        Command::SignIn(args) => session::sign_in(args, json),
        Command::SignOut(args) => session::sign_out(args),
        Command::OneTime(args) => session::one_time(args, json),
        Command::Token(args) => session::token(args, json),
        Command::Who(command) => who::run(command, json),
        Command::Scheme(args) => scheme::run(args, texts),
        Command::Import(args) => import::run(args, texts, json),
        Command::Provision(args) => units::provision(args, json),
        Command::Pair(args) => units::pair(args, json),
        Command::Look(args) => units::look(args, json),
        Command::Request(args) => requests::request(args, texts, json),
        Command::Waiting(args) => requests::waiting(args, json),
        Command::Approve(args) => requests::approve(args, json),
        Command::Refuse(args) => requests::refuse(args, json),
        Command::Release(args) => requests::collect(args, texts, json),
        Command::Revoke(args) => requests::revoke(args, json),
        Command::Withdraw(args) => requests::withdraw(args, json),
        Command::Show(args) => requests::show(args, json),
        Command::Proof(args) => requests::proof(args, json),
        Command::Review(args) => requests::review(args, json),
        Command::Erase(args) => requests::erase(args),
        Command::Notices(args) => requests::notices(args, json),
        Command::Log(args) => log::run(args, json),
        Command::Receipt(args) => log::receipt(args),
        Command::Verify(args) => verify::run(args, json),
        Command::Export(command) => export::run(command, json),
        Command::Cosign(args) => cosign::run(args, json),
        Command::Witness(command) => witness::run(command, json),
        Command::Rotate(args) => keys::run(args, texts, json),
        Command::Backup(args) => backup::backup(args, json),
        Command::Restore(args) => backup::restore(args, json),
    }
}
