//! Faults: the ECU's trouble codes, read and cleared.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use headlock_twin::ecu::{DTC_EEPROM, DTC_KEY_STUCK, DTC_LOW_SUPPLY};
use headlock_wire::uds::{Dtc, DtcReport, DtcStatus, Request, Response};
use serde_json::{Value, json};

use super::client::Asker;
use super::exchange::Failure;
use super::problem::Problem;
use super::query::pairs;
use super::{App, Shared, encoded};

/// The one memory of faults.
const SCOPE: &str = "FaultMem";
/// All codes.
const EVERY_GROUP: u32 = 0xFF_FFFF;
/// A code that ever failed since it was cleared; the others are no faults.
const PRESENT: DtcStatus = DtcStatus::TEST_FAILED
    .and(DtcStatus::TEST_FAILED_THIS_CYCLE)
    .and(DtcStatus::PENDING)
    .and(DtcStatus::CONFIRMED)
    .and(DtcStatus::FAILED_SINCE_CLEAR);

/// The bits of a status, by the names of ISO 14229-1, annex D.2.
const BITS: [(&str, u8); 8] = [
    ("testFailed", 0x01),
    ("testFailedThisOperationCycle", 0x02),
    ("pendingDtc", 0x04),
    ("confirmedDtc", 0x08),
    ("testNotCompletedSinceLastClear", 0x10),
    ("testFailedSinceLastClear", 0x20),
    ("testNotCompletedThisOperationCycle", 0x40),
    ("warningIndicatorRequested", 0x80),
];

type Fault = (Dtc, DtcStatus);

pub(super) async fn list(
    State(app): State<Shared>,
    asker: Asker,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let filter = Filter::of(query.as_deref())?;
    let all = app.faults(asker).await?;
    let items: Vec<Value> = all.into_iter().filter(|(_, status)| filter.passes(*status)).map(described).collect();
    Ok(Json(json!({ "items": items })))
}

pub(super) async fn read(
    State(app): State<Shared>,
    asker: Asker,
    Path(code): Path<String>,
) -> Result<Json<Value>, Problem> {
    app.fault(asker, &code).await.map(|fault| Json(json!({ "item": described(fault) })))
}

pub(super) async fn clear_all(State(app): State<Shared>, asker: Asker) -> Result<StatusCode, Problem> {
    app.clear(asker, EVERY_GROUP).await
}

pub(super) async fn clear(
    State(app): State<Shared>,
    asker: Asker,
    Path(code): Path<String>,
) -> Result<StatusCode, Problem> {
    app.holder(asker)?;
    let (fault, _) = app.fault(asker, &code).await?;
    app.clear(asker, fault.0).await
}

impl App {
    async fn faults(&self, asker: Asker) -> Result<Vec<Fault>, Problem> {
        let answer = self.read(asker, &Request::ReadDtcInformation(DtcReport::Supported)).await?;
        match Response::decode(&answer) {
            Ok(Response::ReadDtcInformation(list)) => Ok(list.iter().collect()),
            _ => Err(Failure::Garbled.into()),
        }
    }

    /// The one that an address names, as three bytes or as workshops write it.
    async fn fault(&self, asker: Asker, code: &str) -> Result<Fault, Problem> {
        let all = self.faults(asker).await?;
        let named = |(dtc, _): &Fault| {
            format!("{:06X}", dtc.0).eq_ignore_ascii_case(code) || dtc.to_string().eq_ignore_ascii_case(code)
        };
        all.into_iter().find(named).ok_or_else(|| Problem::not_found("the ECU knows no such fault"))
    }

    async fn clear(&self, asker: Asker, group: u32) -> Result<StatusCode, Problem> {
        let tester = self.holder(asker)?;
        tester.ask(encoded(&Request::ClearDiagnosticInformation { group })?, None).await?;
        Ok(StatusCode::NO_CONTENT)
    }
}

fn described((dtc, status): Fault) -> Value {
    let mut bits: Value = BITS.iter().map(|(name, bit)| (*name, json!(status.0 & bit != 0))).collect();
    bits["mask"] = json!(format!("{:02x}", status.0));
    bits["aggregatedStatus"] = json!(if status.meets(DtcStatus::TEST_FAILED) { "active" } else { "passive" });
    json!({
        "code": format!("{:06X}", dtc.0),
        "scope": SCOPE,
        "display_code": dtc.to_string(),
        "fault_name": name(dtc),
        "status": bits,
    })
}

fn name(dtc: Dtc) -> &'static str {
    match dtc {
        DTC_EEPROM => "The memory does not hold what is written",
        DTC_LOW_SUPPLY => "The supply is too low to write",
        DTC_KEY_STUCK => "A key is down all the time",
        _ => "Unknown",
    }
}

/// Which faults are wanted: those of which any condition holds; those that ever failed without a condition.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter {
    conditions: Vec<(u8, bool)>,
    /// Another memory was asked for.
    elsewhere: bool,
}

impl Filter {
    /// `status[NAME]=true`, `status[mask]=HEX` and `scope=NAME`; other names are not ours.
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut filter = Self::default();
        for (name, value) in pairs(query) {
            if name == "scope" {
                filter.elsewhere |= !value.eq_ignore_ascii_case(SCOPE);
            }
            let Some(key) = name.strip_prefix("status[").and_then(|rest| rest.strip_suffix(']')) else { continue };
            filter.conditions.push(condition(key, &value).ok_or_else(|| {
                Problem::malformed("status[NAME]=true or false with a name of a status, or status[mask]=two digits")
            })?);
        }
        Ok(filter)
    }

    fn passes(&self, status: DtcStatus) -> bool {
        let wanted = |(mask, set): &(u8, bool)| (status.0 & mask != 0) == *set;
        !self.elsewhere
            && if self.conditions.is_empty() { status.meets(PRESENT) } else { self.conditions.iter().any(wanted) }
    }
}

fn condition(key: &str, value: &str) -> Option<(u8, bool)> {
    if key.eq_ignore_ascii_case("mask") {
        let digits = value.len() <= 2 && value.bytes().all(|digit| digit.is_ascii_hexdigit());
        return Some((u8::from_str_radix(value, 16).ok().filter(|_| digits)?, true));
    }
    let (_, bit) = BITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    match value {
        "true" | "1" => Some((*bit, true)),
        "false" | "0" => Some((*bit, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_names_and_masks_and_refuses_the_rest() {
        let filter = |query| Filter::of(Some(query)).map(|filter| filter.conditions).ok();
        assert_eq!(filter("status[confirmedDTC]=1"), Some(vec![(0x08, true)]));
        assert_eq!(filter("status%5BtestFailed%5D=false&status[mask]=2f"), Some(vec![(0x01, false), (0x2F, true)]));
        assert_eq!(filter("severity=1"), Some(vec![]));
        for wrong in ["status[]=1", "status[testFailed]=2", "status[mask]=+f", "status[mask]=100", "status[mask]="] {
            assert_eq!(filter(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn without_a_filter_what_was_never_tested_is_no_fault() {
        let filter = Filter::default();
        assert!(!filter.passes(DtcStatus(0x50)));
        assert!(filter.passes(DtcStatus(0x08)));
        assert!(!Filter { elsewhere: true, ..Filter::default() }.passes(DtcStatus(0x08)));
    }
}
