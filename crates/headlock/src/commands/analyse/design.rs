//! `headlock analyse --design`: the policy that takes longest to exhaust, within what its owner can bear and its memory lasts.

use headlock_analysis::{LIFE_CYCLES, policy_worth, wear};
use headlock_profile::policy_file;
use serde_json::json;

use super::figures::time;
use crate::failure::Failure;
use crate::script;

/// What a design has to keep to.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "With --design")]
pub(super) struct Limits {
    /// The longest wait that the owner bears, like 1h.
    #[arg(long, default_value = "1h", value_name = "TIME", requires = "design")]
    owner_wait: String,
    /// Attempts that the owner has before the first wait.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100), requires = "design")]
    free: u16,
    /// Digits of a code.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=12), requires = "design")]
    digits: u8,
    /// Years that the memory has to last under wrong codes all day.
    #[arg(long, default_value_t = super::SERVICE_YEARS, value_parser = clap::value_parser!(u64).range(1..=100), requires = "design")]
    service_years: u64,
    /// Days that whoever guesses has.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=36_500), requires = "design")]
    attacker_days: u64,
}

struct Proposal {
    text: String,
    exhausted_ms: u64,
    guesses: u64,
    cycles: u64,
}

/// Proposes a policy and writes it as TOML.
pub(super) fn run(limits: &Limits, json: bool) -> Result<(), Failure> {
    let wait_ms = script::duration(&limits.owner_wait).map_err(|wrong| Failure::input(wrong.what, wrong.help))?;
    let wait_s = wait_ms / 1_000;
    if wait_s == 0 {
        return Err(Failure::input("a wait of less than a second holds nobody", "--owner-wait 1h"));
    }
    let codes = 10_u64.pow(u32::from(limits.digits));
    let allowed = LIFE_CYCLES / 10;
    // Longest wait at once, or one that doubles up to it, from each half on; the best that the memory bears.
    let starts = std::iter::successors(Some(wait_s), |s| Some(s / 2)).take_while(|s| *s > 0).take(12);
    let mut proposals = Vec::new();
    for start_s in starts {
        let text = toml(limits, start_s, wait_s);
        let file = policy_file("proposal", &text).map_err(|problem| Failure::from(vec![problem]))?;
        let worth = policy_worth(&file.policy, 0)
            .map_err(|states| Failure::input(format!("more than {states} states"), "fewer free attempts"))?;
        let Some(exhausted_ms) = worth.pulls.instant_ms(codes) else { continue };
        let guesses = match worth.pulls.guesses_by(limits.attacker_days.saturating_mul(86_400_000)) {
            headlock_analysis::Reach::Guesses(guesses) => guesses,
            headlock_analysis::Reach::Unlimited => codes,
        };
        let cycles = wear(&file.policy, limits.service_years).cycles;
        proposals.push(Proposal { text, exhausted_ms, guesses, cycles });
    }
    let least = proposals.iter().map(|proposal| proposal.cycles).min().unwrap_or(0);
    let best = proposals.into_iter().filter(|proposal| proposal.cycles <= allowed).max_by_key(|p| p.exhausted_ms);
    let Some(best) = best else {
        return Err(Failure::input(
            format!(
                "with waits of {} at most, wrong codes all day wear {least} of {LIFE_CYCLES} cycles in {} years",
                time(wait_ms),
                limits.service_years
            ),
            "a longer --owner-wait, or fewer --service-years: a tenth of the memory's life may go",
        ));
    };
    if json {
        crate::paint::say!(
            "{:#}",
            json!({
                "policy": best.text, "exhausted_ms": best.exhausted_ms, "codes": codes, "guesses": best.guesses,
                "attacker_days": limits.attacker_days, "cycles": best.cycles, "of_cycles": LIFE_CYCLES,
            })
        );
        return Ok(());
    }
    crate::paint::say!("{}", best.text.trim_end());
    crate::paint::say!("# All {codes} codes take {}, plugs pulled or not.", time(best.exhausted_ms));
    crate::paint::say!(
        "# Within {} days {} guesses: a chance of {} in {codes}.",
        limits.attacker_days,
        best.guesses,
        best.guesses.min(codes)
    );
    crate::paint::say!(
        "# Wrong codes all day wear {} of {LIFE_CYCLES} cycles of a 24C64 in {} years.",
        best.cycles,
        limits.service_years
    );
    Ok(())
}

fn toml(limits: &Limits, start_s: u64, wait_s: u64) -> String {
    let growth = if start_s < wait_s { format!("factor = 2\ncap_s = {wait_s}\n") } else { String::new() };
    format!(
        "name = \"A design: {} free attempts, waits up to {}\"\nnote = \"The count goes on after a wait, nothing forgives it but the code, and no cut changes anything.\"\n\n\
         [code]\nlength = {}\nalphabet = \"0123456789\"\n\n[waiting]\nafterwards = \"keeps\"\n\n[[wait]]\nafter_failures = {}\nwait_s = {start_s}\n{growth}",
        limits.free,
        time(wait_s * 1_000),
        limits.digits,
        limits.free,
    )
}
