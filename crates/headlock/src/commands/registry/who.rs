//! `headlock registry who`: the people of a desk.

use std::path::PathBuf;

use headlock_registry::record::{Identity, Issuer, Subject};
use headlock_server::api::{
    AccountChange, AccountView, Changed, IdentityView, NewAccount, NewCertificate, NewIdentity, Secret,
};
use headlock_server::certificate_fingerprint;
use headlock_wire::hex;
use serde_json::json;

use super::place::secret;
use super::provider::not_there;
use super::remote::{Server, failed};
use super::session::show_one_time;
use crate::failure::Failure;
use crate::paint;

/// The people of a desk.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  headlock registry who add anna --person 'Anna Berg' --company acme --region eu --role requester\n  headlock registry who lock anna --reason 'left the company'"
)]
pub enum Command {
    /// Lists them.
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Adds somebody, with a password to begin with.
    Add {
        /// The name to sign in with.
        id: String,
        /// The person's own.
        #[arg(long)]
        person: String,
        /// Whom they work for.
        #[arg(long)]
        company: String,
        /// Where they may release; may be repeated; none is everywhere.
        #[arg(long)]
        region: Vec<String>,
        /// requester, approver, administrator, auditor, operator, custodian; may be repeated.
        #[arg(long, required = true)]
        role: Vec<String>,
        /// A file whose first line is the password; without it the password is asked for.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// Gives somebody other roles.
    Roles {
        /// Who.
        id: String,
        /// All of them.
        #[arg(required = true)]
        roles: Vec<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Lets somebody release elsewhere.
    Regions {
        /// Who.
        id: String,
        /// All of them; none is everywhere.
        regions: Vec<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Stops an account at once.
    Lock {
        /// Who.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        server: Server,
    },
    /// Lets an account work again.
    Unlock {
        /// Who.
        id: String,
        #[command(flatten)]
        server: Server,
    },
    /// Ends an account for good.
    Close {
        /// Who.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        server: Server,
    },
    /// Gives somebody another password; one's own too.
    Password {
        /// Who.
        id: String,
        /// A file whose first line it is; without it the password is asked for.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// Makes a new one-time secret for somebody who lost theirs.
    OneTime {
        /// Who.
        id: String,
        /// Writes the otpauth address into this new file instead of showing it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// Lets a certificate stand for somebody.
    Certificate {
        /// Who.
        id: String,
        /// The certificate, PEM.
        file: PathBuf,
        /// What it is called.
        #[arg(long, default_value = "certificate")]
        label: String,
        /// It stands for them no longer.
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Lets somebody at a provider of OpenID Connect stand for somebody: they sign in with --with.
    #[command(
        after_help = "Examples:\n  headlock registry who identity anna --issuer https://id.maker.example --subject 248289761001\n  headlock registry who identity anna --issuer https://id.maker.example --subject 248289761001 --revoke"
    )]
    Identity {
        /// Who.
        id: String,
        /// The provider, exactly as in the service's configuration.
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// How it names them: the `sub` of its ID tokens, which the provider's own administration shows.
        #[arg(long)]
        subject: String,
        /// What it is called.
        #[arg(long, default_value = "identity")]
        label: String,
        /// It stands for them no longer; their sessions and tokens by it are over.
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Lists who at providers stands or stood for somebody.
    #[command(after_help = "Examples:\n  headlock registry who identities anna")]
    Identities {
        /// Who.
        id: String,
        #[command(flatten)]
        server: Server,
    },
}

/// Runs it.
///
/// # Errors
/// The service refuses, or cannot be reached.
pub(super) fn run(command: &Command, json: bool) -> Result<(), Failure> {
    let changed = |server: &Server, id: &str, change: &AccountChange| {
        let changed = server.client()?.change_account(id, change).map_err(|why| failed(&why))?;
        let Changed::Account(account) = changed else { return Err(Failure::No) };
        show(&account, json);
        Ok(())
    };
    let state = |state: &str, reason: &str| AccountChange::State { state: state.to_owned(), reason: reason.to_owned() };
    match command {
        Command::List { server } => {
            let accounts = server.client()?.accounts().map_err(|why| failed(&why))?;
            if json {
                paint::say!("{:#}", json!({ "accounts": accounts }));
            } else {
                accounts.iter().for_each(|account| show(account, false));
            }
            Ok(())
        }
        Command::Add { id, person, company, region, role, password_file, server } => {
            let password = secret(password_file.as_deref(), "password to begin with")?;
            let new = NewAccount {
                id: id.clone(),
                person: person.clone(),
                company: company.clone(),
                regions: region.clone(),
                roles: role.clone(),
                password: Some(Secret::new(&password)),
            };
            show(&server.client()?.add_account(&new).map_err(|why| failed(&why))?, json);
            Ok(())
        }
        Command::Roles { id, roles, server } => changed(server, id, &AccountChange::Roles { roles: roles.clone() }),
        Command::Regions { id, regions, server } => {
            changed(server, id, &AccountChange::Regions { regions: regions.clone() })
        }
        Command::Lock { id, reason, server } => changed(server, id, &state("locked", reason)),
        Command::Unlock { id, server } => changed(server, id, &state("active", "")),
        Command::Close { id, reason, server } => changed(server, id, &state("closed", reason)),
        Command::Password { id, password_file, server } => {
            let password = secret(password_file.as_deref(), "new password")?;
            changed(server, id, &AccountChange::Password { password: Secret::new(&password) })
        }
        Command::OneTime { id, out, server } => {
            let changed =
                server.client()?.change_account(id, &AccountChange::OneTimeSecret).map_err(|why| failed(&why))?;
            show_one_time(&changed, id, out.as_deref(), json)
        }
        Command::Certificate { id, file, label, revoke, server } => {
            let pem = std::fs::read(file)
                .map_err(|why| Failure::input(format!("cannot read {}: {why}", file.display()), "a PEM file"))?;
            let sha256 = certificate_fingerprint(&pem).ok_or_else(|| {
                Failure::input(format!("there is no certificate in {}", file.display()), "a PEM file with one")
            })?;
            let client = server.client()?;
            if *revoke {
                client.revoke_certificate(id, &sha256).map_err(|why| failed(&why))?;
            } else {
                let new = NewCertificate { sha256: sha256.clone(), label: label.clone() };
                client.add_certificate(id, &new).map_err(|why| failed(&why))?;
            }
            let done = if *revoke { "no longer stands" } else { "stands" };
            paint::say!("{sha256} {done} for {id}");
            Ok(())
        }
        Command::Identity { id, issuer, subject, label, revoke, server } => {
            let named = NewIdentity { issuer: issuer.clone(), subject: subject.clone(), label: label.clone() };
            identity(server, id, &named, *revoke)
        }
        Command::Identities { id, server } => {
            let all = server.client()?.identities(id).map_err(|why| not_there(&why))?;
            if json {
                paint::say!("{:#}", json!({ "identities": all }));
            } else {
                all.iter().for_each(show_identity);
            }
            Ok(())
        }
    }
}

/// Ties an identity to an account, or unties it.
fn identity(server: &Server, id: &str, named: &NewIdentity, revoke: bool) -> Result<(), Failure> {
    let issuer = Issuer::new(&named.issuer)
        .map_err(|why| Failure::input(format!("--issuer: {why}"), "https://…, as in the service's configuration"))?;
    let subject = Subject::new(&named.subject)
        .map_err(|why| Failure::input(format!("--subject: {why}"), "the `sub` of the provider's ID tokens"))?;
    let sha256 = hex::digits(&Identity::digest_of(&issuer, &subject));
    let client = server.client()?;
    if revoke {
        client.untie_identity(id, &sha256).map_err(|why| match why.problem() {
            Some(problem) if problem.kind.ends_with(":not-found") => {
                Failure::input(format!("{subject} at {issuer} is not tied to {id}"), "who identities lists them")
            }
            _ => not_there(&why),
        })?;
    } else {
        client.tie_identity(id, named).map_err(|why| not_there(&why))?;
    }
    let done = if revoke { "no longer stands" } else { "stands" };
    paint::say!("{subject} at {issuer} {done} for {id}; the log has {sha256}");
    Ok(())
}

fn show_identity(identity: &IdentityView) {
    let IdentityView { sha256, issuer, subject, label, revoked_s, .. } = identity;
    let stands = if revoked_s.is_some() { "stood" } else { "stands" };
    paint::say!("{subject} at {issuer}: {label}, {stands}; {sha256}");
}

fn show(account: &AccountView, json: bool) {
    if json {
        paint::say!("{:#}", json!(account));
        return;
    }
    let AccountView { id, person, company, regions, roles, state, state_reason, .. } = account;
    let why = state_reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    paint::say!("{id}: {person}, {company}; {} in {}; {state}{why}", roles.join(" "), regions.join(" "));
}
