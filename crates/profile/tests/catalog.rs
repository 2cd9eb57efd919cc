//! The built-in catalogue loads, cites and types.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/support/catalog.rs"]
mod support;

#[test]
fn every_file_of_the_catalogue_loads() {
    let catalog = support::load();
    assert!(catalog.units.len() >= 15, "only {} units", catalog.units.len());
    assert!(catalog.units.iter().all(|unit| unit.readings.iter().all(|reading| !reading.cases.is_empty())));
}

#[test]
fn the_order_of_files_does_not_matter() {
    let mut texts = support::texts();
    texts.reverse();
    let turned =
        headlock_profile::Catalog::load(texts.iter().map(|(name, text)| headlock_profile::File { name, text }));
    let ids =
        |catalog: &headlock_profile::Catalog| catalog.units.iter().map(|u| u.identity.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&turned.unwrap()), ids(&support::load()));
}

#[test]
fn every_claim_is_cited_or_listed_as_unmodelled() {
    let catalog = support::load();
    let cited = catalog.cited_claims();
    let listed: Vec<&str> = catalog.unmodelled.iter().map(|u| u.claim.as_str()).collect();
    let lost: Vec<&str> = catalog
        .claims
        .iter()
        .map(|c| c.id.as_str())
        .filter(|id| !cited.contains(*id) && !listed.contains(id))
        .collect();
    assert!(lost.is_empty(), "neither cited nor listed: {lost:?}");
    let unknown: Vec<&&str> = listed.iter().filter(|id| catalog.claim(id).is_none()).collect();
    assert!(unknown.is_empty(), "listed but no claim: {unknown:?}");
    let both: Vec<&&str> = listed.iter().filter(|id| cited.contains(**id)).collect();
    assert!(both.is_empty(), "listed as unmodelled, yet cited: {both:?}");
}
