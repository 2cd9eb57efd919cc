//! Modes and the code: sessions, seeds and keys, codes right and wrong.

use serde_json::json;

use crate::bench::{CODE, against, key, ms};

#[test]
fn sessions_are_entered_and_left() {
    against("manual", 1, async |bench| {
        let modes = bench.get("", "modes").await.body;
        assert_eq!((&modes["items"][0]["id"], &modes["items"][1]["id"]), (&json!("session"), &json!("security")));
        let id = bench.lock("me", 60).await;
        let session = async || bench.get("me", "modes/session").await.body["value"].clone();
        assert_eq!(session().await, "default");
        bench.put("me", "modes/session", &json!({ "value": "programming" })).await.refused_by_ecu(0x10, 0x7E);
        bench.enter_session("me", "extended").await;
        assert_eq!(session().await, "extended");
        bench.enter_session("me", "programming").await;
        assert_eq!(session().await, "programming");
        assert_eq!(bench.get("", "modes/session").await.body["value"], "default", "each has its own");
        bench.enter_session("me", "default").await;
        assert_eq!(session().await, "default");
        assert_eq!(bench.delete("me", &format!("locks/{id}")).await.status, 204);
    });
}

#[test]
fn a_mode_expires_by_itself() {
    against("manual", 1, async |bench| {
        bench.lock("me", 60).await;
        let mode = async |mode: &str| bench.get("me", &format!("modes/{mode}")).await.body["value"].clone();
        bench.put("me", "modes/session", &json!({ "value": "extended", "mode_expiration": 3 })).await;
        let seed = bench.seed("me", 1).await;
        let wish = json!({ "value": "level_1", "Key": { "Send_Key": key(1, &seed) }, "mode_expiration": 1 });
        assert_eq!(bench.put("me", "modes/security", &wish).await.status, 200);
        assert_eq!((mode("session").await, mode("security").await), (json!("extended"), json!("level_1")));
        ms(1_500).await;
        assert_eq!((mode("session").await, mode("security").await), (json!("extended"), json!("locked")));
        bench.post("me", "operations/clear-attempts/executions", &json!({})).await.refused_by_ecu(0x31, 0x33);
        ms(2_000).await;
        assert_eq!((mode("session").await, mode("security").await), (json!("default"), json!("locked")));
    });
}

#[test]
fn a_level_is_unlocked_with_the_key_to_its_seed() {
    against("manual", 1, async |bench| {
        bench.lock("me", 60).await;
        let seed = json!({ "value": "level_1_requestseed" });
        bench.put("me", "modes/security", &seed).await.refused_by_ecu(0x27, 0x7F);
        bench.enter_session("me", "extended").await;
        bench.send_key("me", 1, &"00".repeat(16)).await.refused_by_ecu(0x27, 0x24);
        let clear = "operations/clear-attempts/executions";
        bench.post("me", clear, &json!({})).await.refused_by_ecu(0x31, 0x33);
        bench.unlock("me", 1).await;
        assert_eq!(bench.get("me", "modes/security").await.body["value"], "level_1");
        assert_eq!(bench.seed("me", 1).await, "00".repeat(16), "unlocked already");
        let got = bench.post("me", clear, &json!({ "parameters": {} })).await;
        assert_eq!((got.status, &got.body), (200, &json!({ "parameters": {} })));
        bench.enter_session("me", "extended").await;
        assert_eq!(bench.get("me", "modes/security").await.body["value"], "locked", "a change of session locks");

        bench.put("me", "modes/security", &json!({ "value": "level_9_requestseed" })).await.refused_by_ecu(0x27, 0x12);
        bench.send_key("me", 1, "00").await.refused_by_ecu(0x27, 0x13);
        bench.put("me", "modes/security", &json!({ "value": "level_1" })).await.refuses(
            422,
            "incomplete-request",
            None,
        );
        for (value, digits) in [
            ("level_2", "00"),
            ("level_1", "0"),
            ("level_1", "xy"),
            ("level_1", ""),
            ("party", "00"),
            ("level_1_requestseed", "00"),
        ] {
            let wish = json!({ "value": value, "Key": { "Send_Key": digits } });
            bench.put("me", "modes/security", &wish).await.refuses(422, "vendor-specific", Some("invalid-parameter"));
        }
    });
}

#[test]
fn wrong_keys_start_a_delay_that_the_security_mode_shows() {
    against("manual", 10, async |bench| {
        bench.lock("me", 60).await;
        bench.enter_session("me", "extended").await;
        for nrc in [0x35, 0x35, 0x36] {
            bench.seed("me", 3).await;
            bench.send_key("me", 3, &"00".repeat(16)).await.refused_by_ecu(0x27, nrc);
        }
        let wish = json!({ "value": "level_3_requestseed" });
        bench.put("me", "modes/security", &wish).await.refused_by_ecu(0x27, 0x37);
        // Nobody else gets around it, nor does a new lock.
        bench.post("you", "locks", &json!({ "lock_expiration": 60, "break_lock": true })).await;
        bench.enter_session("you", "extended").await;
        bench.put("you", "modes/security", &wish).await.refused_by_ecu(0x27, 0x37);
        // Ten seconds of the ECU.
        ms(1_300).await;
        bench.unlock("you", 3).await;
    });
}

#[test]
fn the_right_code_opens_and_wrong_ones_count() {
    against("manual", 1, async |bench| {
        bench.lock("me", 60).await;
        bench.enter("me", CODE).await.refused_by_ecu(0x31, 0x7F);
        bench.enter_session("me", "extended").await;
        let got = bench.enter("me", "0000").await;
        assert_eq!((got.status, &got.body), (200, &json!({ "parameters": { "verdict": "wrong" } })));
        assert_eq!(bench.data("", "lock-state").await, json!({ "state": "armed", "failed_attempts": 1 }));
        assert_eq!(bench.data("", "attempts-left").await, json!({ "attempts_left": 8 }));
        assert_eq!(bench.enter("me", CODE).await.body["parameters"]["verdict"], "opened");
        assert_eq!(bench.data("", "lock-state").await["state"], "open");
        assert_eq!(bench.enter("me", CODE).await.body["parameters"]["verdict"], "ignored");
    });
}

#[test]
fn three_wrong_codes_start_a_wait_that_a_key_ends() {
    against("manual", 1, async |bench| {
        bench.lock("me", 60).await;
        bench.enter_session("me", "extended").await;
        for _ in 0..3 {
            assert_eq!(bench.enter("me", "0000").await.body["parameters"]["verdict"], "wrong");
        }
        assert_eq!(bench.data("", "lock-state").await, json!({ "state": "waiting", "failed_attempts": 3 }));
        let wait = bench.data("", "wait-left").await["wait_s"].as_u64().expect("a wait that is counted in time");
        assert!((50..=60).contains(&wait), "{wait}");
        assert_eq!(bench.enter("me", CODE).await.body["parameters"]["verdict"], "ignored");
        bench.unlock("me", 1).await;
        assert_eq!(bench.send_empty("me", "operations/clear-attempts/executions").await.status, 200);
        assert_eq!(bench.data("", "wait-left").await, json!({ "wait_s": 0 }));
        assert_eq!(bench.enter("me", CODE).await.body["parameters"]["verdict"], "opened");
    });
}

#[test]
fn a_code_is_never_repeated() {
    against("manual", 1, async |bench| {
        bench.lock("me", 60).await;
        bench.enter_session("me", "extended").await;
        let path = "operations/enter-code/executions";
        let bodies = [
            "{\"parameters\":{\"code\":86427531}}",
            "{\"parameters\":{\"code\":[\"86427531\"]}}",
            "{\"parameters\":{\"86427531\":\"1\"}}",
            "{\"parameters\":\"86427531\"}",
            "{\"parameters\":{\"code\":\"86427531\"",
            "{\"parameters\":{\"code\":\"86427531\"}}",
            "86427531",
        ];
        for body in bodies {
            let got = bench.send("me", "POST", path, body).await;
            assert!(!got.text.contains("86427531") && !got.head.contains("86427531"), "{got:?}");
        }
        bench.send_empty("me", path).await.refuses(422, "incomplete-request", None);
        bench.enter("me", "").await.refused_by_ecu(0x31, 0x31);
        let got =
            bench.post("me", "operations/self-test/executions", &json!({ "parameters": { "code": "86427531" } })).await;
        got.refuses(422, "vendor-specific", Some("invalid-parameter"));
        assert!(!got.text.contains("86427531"));
    });
}
