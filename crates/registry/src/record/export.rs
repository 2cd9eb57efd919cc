//! Exports to the escrow: who asked for one, who agreed, and what left.

use super::field::{record, words};
use super::names::{AccountId, Region, RequestId};

words!(
    /// What a quorum is asked for.
    ExportKind {
        /// Records and their codes, in a file that only the escrow opens.
        Records = "records",
        /// Another escrow.
        Recipient = "recipient",
    }
);

words!(
    /// How far it is.
    ExportState {
        /// It waits for others to agree.
        Waiting = "waiting",
        /// Enough have agreed. Records may be taken; another escrow holds from then on.
        Agreed = "agreed",
        /// A file was authorised and begun; it is not known to have left whole.
        Taken = "taken",
        /// The file left whole.
        Left = "left",
        /// Somebody refused it.
        Refused = "refused",
        /// Nobody agreed, or took it, in time.
        Expired = "expired",
    }
);

record!(
    /// One request for an export, or for another escrow.
    Export in "export", key 1 {
        /// Its id.
        id: RequestId,
        /// What is asked for.
        what: ExportKind,
        /// How far it is.
        state: ExportState,
        /// When it was asked for, in seconds since 1970.
        at_s: u64,
        /// Who asked.
        account: AccountId,
        /// Why.
        reason: String,
        /// Only units of this kind.
        unit: Option<String>,
        /// Only units of this region.
        region: Option<Region>,
        /// The escrow that it is for, or that is to be: `age1…`.
        recipient: String,
        /// How many others had to agree when it was asked for.
        quorum: u32,
        /// Until when it may be agreed to, or, once it was, be taken; in seconds since 1970.
        due_s: u64,
        /// When enough had agreed.
        agreed_s: Option<u64>,
        /// How often a file was begun.
        attempts: u32,
        /// Who refused it.
        refused_by: Option<AccountId>,
        /// Why.
        refused_why: Option<String>,
        /// Units in the file that left.
        units: Option<u64>,
        /// Those of them whose code could not be opened.
        without_code: Option<u64>,
        /// Its bytes.
        bytes: Option<u64>,
        /// SHA-256 of it.
        digest: Option<[u8; 32]>,
    }
);

record!(
    /// That somebody agreed. Whether it counts is decided by who they are when it is counted.
    ExportWord in "export_word", key 2 {
        /// To this.
        export: RequestId,
        /// Who.
        account: AccountId,
        /// When, in seconds since 1970.
        at_s: u64,
        /// Why.
        reason: String,
    }
);

record!(
    /// When somebody else last changed what an account is or how its person is let in.
    Settled in "settled", key 1 {
        /// The account.
        account: AccountId,
        /// In seconds since 1970.
        since_s: u64,
    }
);
