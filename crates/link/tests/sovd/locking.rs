//! Locks: who holds them, for how long, and what ends with them.

use serde_json::json;

use crate::bench::{UNIT_PATH, against, ms};

#[test]
fn whoever_changes_anything_must_be_known_and_hold_the_lock() {
    against("manual", 1, async |bench| {
        let changes = [
            ("PUT", "modes/session", "{\"value\":\"extended\"}"),
            ("PUT", "modes/security", "{\"value\":\"level_1_requestseed\"}"),
            ("DELETE", "faults", ""),
            ("DELETE", "faults/U3003-16", ""),
            ("POST", "operations/self-test/executions", ""),
            ("DELETE", "operations/self-test/executions/1", ""),
        ];
        for (method, path, body) in changes {
            let got = bench.send("", method, path, body).await;
            got.refuses(401, "insufficient-access-rights", None);
            assert_eq!(got.header("www-authenticate"), "bearer");
            bench.send("me", method, path, body).await.refuses(409, "preconditions-not-fulfilled", None);
        }
        bench.send("", "POST", "locks", "{\"lock_expiration\":5}").await.refuses(
            401,
            "insufficient-access-rights",
            None,
        );
        bench.lock("you", 60).await;
        for (method, path, body) in changes {
            bench.send("me", method, path, body).await.refuses(423, "preconditions-not-fulfilled", None);
        }
        // Reading is free for all.
        assert_eq!(bench.get("me", "data/vin").await.status, 200);
        let odd = format!(
            "GET {UNIT_PATH}/data/vin HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic bWU6\r\n\r\n"
        );
        assert!(bench.raw(odd.as_bytes()).await.starts_with(b"HTTP/1.1 401"));
    });
}

#[test]
fn a_lock_is_taken_seen_extended_and_released() {
    against("manual", 1, async |bench| {
        let got = bench.post("me", "locks", &json!({ "lock_expiration": 60 })).await;
        let id = got.body["id"].as_str().expect("a name").to_owned();
        assert_eq!((got.status, &got.body["owned"]), (201, &json!(true)));
        assert_eq!(got.header("location"), format!("{UNIT_PATH}/locks/{id}"));
        assert_eq!(bench.get("me", "locks").await.body, json!({ "items": [{ "id": id, "owned": true }] }));
        for other in ["you", ""] {
            assert_eq!(bench.get(other, "locks").await.body, json!({ "items": [{ "id": id, "owned": false }] }));
        }
        let at = format!("locks/{id}");
        let before = bench.get("you", &at).await.body["lock_expiration"].as_str().expect("a time").to_owned();
        assert_eq!((before.len(), &before[10..11], &before[19..]), (20, "T", "Z"));
        bench.put("you", &at, &json!({ "lock_expiration": 600 })).await.refuses(
            403,
            "insufficient-access-rights",
            None,
        );
        bench.delete("you", &at).await.refuses(403, "insufficient-access-rights", None);
        bench.delete("", &at).await.refuses(401, "insufficient-access-rights", None);
        assert_eq!(bench.put("me", &at, &json!({ "lock_expiration": 600 })).await.status, 204);
        let after = bench.get("you", &at).await.body["lock_expiration"].as_str().expect("a time").to_owned();
        assert!(before < after, "{before} {after}");
        // Asking again is extending.
        let again = bench.post("me", "locks", &json!({ "lock_expiration": 60 })).await;
        assert_eq!((again.status, &again.body["id"]), (200, &json!(id)));
        assert_eq!(bench.delete("me", &at).await.status, 204);
        for got in [bench.get("me", &at).await, bench.delete("me", &at).await] {
            got.refuses(404, "vendor-specific", Some("not-found"));
        }
        assert_eq!(bench.get("me", "locks").await.body, json!({ "items": [] }));
    });
}

#[test]
fn a_lock_lasts_from_a_second_to_a_day() {
    against("manual", 1, async |bench| {
        for wrong in ["{}", "{\"lock_expiration\":0}", "{\"lock_expiration\":86401}", "{\"lock_expiration\":-1}", ""] {
            let got = bench.send("me", "POST", "locks", wrong).await;
            got.refuses(422, "vendor-specific", Some("invalid-parameter"));
        }
        let id = bench.lock("me", 86_400).await;
        let got = bench.put("me", &format!("locks/{id}"), &json!({ "lock_expiration": 0 })).await;
        got.refuses(422, "vendor-specific", Some("invalid-parameter"));
    });
}

#[test]
fn of_two_clients_one_holds_the_lock_until_the_other_breaks_it() {
    against("manual", 1, async |bench| {
        let old = bench.lock("me", 60).await;
        bench.enter_session("me", "extended").await;
        let wish = |breaks| json!({ "lock_expiration": 60, "break_lock": breaks });
        bench.post("you", "locks", &wish(false)).await.refuses(423, "preconditions-not-fulfilled", None);
        let broken = bench.post("you", "locks", &wish(true)).await;
        assert_eq!(broken.status, 201);
        let new = broken.body["id"].as_str().expect("a name").to_owned();
        assert_ne!(old, new);
        // The new one begins anew: nothing of the other's session is left.
        assert_eq!(bench.get("you", "modes/session").await.body["value"], "default");

        for got in [
            bench.put("me", "modes/session", &json!({ "value": "extended" })).await,
            bench.get("me", "data/vin").await,
            bench.delete("me", "faults").await,
            bench.put("me", &format!("locks/{old}"), &json!({ "lock_expiration": 60 })).await,
        ] {
            got.refuses(409, "lock-broken", None);
        }
        assert_eq!(bench.get("me", &format!("locks/{old}")).await.body["x-headlock-broken"], true);
        bench.put("you", &format!("locks/{old}"), &json!({ "lock_expiration": 60 })).await.refuses(
            403,
            "insufficient-access-rights",
            None,
        );
        bench.post("me", "locks", &wish(false)).await.refuses(423, "preconditions-not-fulfilled", None);
        // Who has taken note is a client like any other.
        assert_eq!(bench.delete("me", &format!("locks/{old}")).await.status, 204);
        assert_eq!(bench.get("me", "data/vin").await.status, 200);
        bench.delete("me", "faults").await.refuses(423, "preconditions-not-fulfilled", None);
        assert_eq!(bench.delete("you", &format!("locks/{new}")).await.status, 204);
        bench.lock("me", 60).await;
    });
}

#[test]
fn broken_locks_are_remembered_within_bounds() {
    against("manual", 1, async |bench| {
        for number in 0..40 {
            let got = bench
                .post(&format!("client{number}"), "locks", &json!({ "lock_expiration": 60, "break_lock": true }))
                .await;
            assert_eq!(got.status, 201);
        }
        assert_eq!(bench.get("", "locks").await.body["items"].as_array().map(Vec::len), Some(17));
        assert_eq!(bench.get("client39", "data/vin").await.status, 200);
        bench.get("client38", "data/vin").await.refuses(409, "lock-broken", None);
        // Who breaks in turn has lost nothing any more.
        let got = bench.post("client38", "locks", &json!({ "lock_expiration": 60, "break_lock": true })).await;
        assert_eq!(got.status, 201);
        assert_eq!(bench.get("client38", "data/vin").await.status, 200);
    });
}

#[test]
fn everything_ends_when_the_lock_expires() {
    against("manual", 10, async |bench| {
        let id = bench.lock("me", 2).await;
        bench.enter_session("me", "extended").await;
        bench.unlock("me", 1).await;
        let at = bench.post("me", "operations/self-test/executions", &json!({})).await.header("location").to_owned();
        ms(1_000).await;
        // Ten seconds of the ECU in silence: twice what it keeps a session for.
        assert_eq!(bench.get("me", "modes/session").await.body["value"], "extended");
        assert_eq!(bench.get("me", "modes/security").await.body["value"], "level_1");
        assert_eq!(bench.get("", &at).await.body["status"], "completed");
        assert_eq!(bench.get("you", "modes/session").await.body["value"], "default");
        assert_eq!(bench.get("you", "modes/security").await.body["value"], "locked");
        assert_eq!(bench.put("me", &format!("locks/{id}"), &json!({ "lock_expiration": 2 })).await.status, 204);
        ms(1_500).await;
        assert_eq!(bench.get("me", "modes/security").await.body["value"], "level_1", "it was extended");
        ms(700).await;
        assert_eq!(bench.get("me", "locks").await.body, json!({ "items": [] }));
        assert_eq!(bench.get("me", "modes/session").await.body["value"], "default");
        assert_eq!(bench.get("me", "modes/security").await.body["value"], "locked");
        bench.get("", &at).await.refuses(404, "vendor-specific", Some("not-found"));
        bench.lock("you", 60).await;
        bench.enter_session("you", "extended").await;
        assert_eq!(bench.get("you", "modes/security").await.body["value"], "locked");
    });
}

#[test]
fn an_execution_that_outlives_its_lock_is_nobodys() {
    against("manual", 1, async |bench| {
        let id = bench.lock("me", 60).await;
        bench.enter_session("me", "extended").await;
        let at = bench.post("me", "operations/self-test/executions", &json!({})).await.header("location").to_owned();
        let read = bench.get("me", "data/vin");
        let release = async {
            ms(200).await;
            bench.delete("me", &format!("locks/{id}")).await
        };
        // The one waits behind the self test when the lock ends.
        let (read, release) = tokio::join!(read, release);
        assert_eq!(release.status, 204);
        read.refuses(409, "preconditions-not-fulfilled", None);
        bench.lock("you", 60).await;
        bench.get("you", &at).await.refuses(404, "vendor-specific", Some("not-found"));
        bench.enter_session("you", "extended").await;
        let next = bench.post("you", "operations/self-test/executions", &json!({})).await;
        assert_eq!(next.status, 202, "the ECU is free again");
    });
}
