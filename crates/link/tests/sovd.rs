//! SOVD over real HTTP: each resource, each refusal, and what a lock keeps alive.

#[path = "sovd/bench.rs"]
mod bench;
#[path = "sovd/garbage.rs"]
mod garbage;
#[path = "sovd/locking.rs"]
mod locking;
#[path = "sovd/unlocking.rs"]
mod unlocking;

use bench::{UNIT_PATH, VIN, against, ms};
use headlock_lock::Ignition;
use headlock_twin::{Input, Supply};
use serde_json::{Value, json};

#[test]
fn a_client_finds_its_way_from_the_version_to_every_collection() {
    against("manual", 1, async |bench| {
        for path in ["/version-info", "/sovd/version-info"] {
            let got = bench.get("", path).await;
            assert_eq!(got.status, 200);
            assert_eq!(got.body["sovd_info"][0]["version"], "1.1");
            assert_eq!(got.body["sovd_info"][0]["base_uri"], "/sovd/v1");
            assert_eq!(got.body["sovd_info"][0]["vendor_info"]["name"], "Headlock");
        }
        let server = bench.get("", "/sovd/v1/").await.body;
        assert_eq!(server, bench.get("", "/sovd/v1").await.body);
        let components = bench.get("", server["components"].as_str().expect("a path")).await.body;
        assert_eq!(components["items"].as_array().map(Vec::len), Some(1));
        let unit = bench.get("", components["items"][0]["href"].as_str().expect("a path")).await.body;
        assert_eq!((&unit["id"], &unit["name"]), (&json!("head-unit"), &json!("Head unit")));
        for collection in ["data", "data-categories", "faults", "operations", "modes", "locks"] {
            let got = bench.get("", unit[collection].as_str().expect("a path")).await;
            assert_eq!(got.status, 200, "{collection}");
            assert!(got.body["items"].is_array(), "{collection}");
        }
    });
}

#[test]
fn data_is_read_by_its_name() {
    against("manual", 1, async |bench| {
        let all = bench.get("", "data").await.body;
        assert_eq!(all["items"].as_array().map(Vec::len), Some(9));
        for item in all["items"].as_array().expect("a list") {
            bench.data("", item["id"].as_str().expect("a name")).await;
        }
        assert_eq!(bench.data("", "vin").await, VIN);
        assert_eq!(bench.data("", "serial-number").await, "WK20260001");
        assert_eq!(bench.data("", "part-number").await, "28185-JD00A");
        assert_eq!(bench.data("", "software-version").await, bench.data("", "software-number").await);
        assert_eq!(bench.data("", "lock-state").await, json!({ "state": "armed", "failed_attempts": 0 }));
        assert_eq!(bench.data("", "attempts-left").await, json!({ "attempts_left": 9 }));
        assert_eq!(bench.data("", "wait-left").await, json!({ "wait_s": 0 }));
        bench.handle().happen(Input::Supply(Supply::Millivolts(11_900))).await;
        assert_eq!(bench.data("", "supply").await, json!({ "supply_mv": 11_900 }));
    });
}

#[test]
fn data_is_listed_by_category() {
    against("manual", 1, async |bench| {
        let categories = bench.get("", "data-categories").await.body;
        assert_eq!(categories, json!({ "items": [{ "item": "identData" }, { "item": "currentData" }] }));
        let count = async |query: &str| bench.get("", query).await.body["items"].as_array().map(Vec::len);
        assert_eq!(count("data?categories=identData").await, Some(5));
        assert_eq!(count("data?categories=%63urrentData").await, Some(4));
        assert_eq!(count("data?categories=identData&categories=currentData").await, Some(9));
        assert_eq!(count("data?categories=sysInfo").await, Some(0));
    });
}

#[test]
fn what_a_reading_does_not_answer_is_refused_with_its_reason() {
    against("fragile", 1, async |bench| {
        bench.get("", "data/serial-number").await.refused_by_ecu(0x22, 0x31);
        bench.get("", "data/lock-state").await.refused_by_ecu(0x22, 0x33);
        bench.lock("me", 60).await;
        bench.enter_session("me", "extended").await;
        bench.get("me", "data/lock-state").await.refused_by_ecu(0x22, 0x33);
        bench.unlock("me", 3).await;
        assert_eq!(bench.data("me", "lock-state").await["state"], "armed");
        // What one client unlocked is unlocked for nobody else.
        bench.get("you", "data/lock-state").await.refused_by_ecu(0x22, 0x33);
        bench.enter("me", bench::CODE).await.refused_by_ecu(0x31, 0x31);
    });
}

#[test]
fn faults_are_listed_filtered_and_cleared() {
    against("manual", 1, async |bench| {
        assert_eq!(bench.get("", "faults").await.body, json!({ "items": [] }));
        bench.handle().happen(Input::Supply(Supply::Millivolts(8_500))).await;
        let low = bench.get("", "faults").await.body["items"][0].clone();
        assert_eq!((&low["code"], &low["display_code"]), (&json!("F00316"), &json!("U3003-16")));
        assert_eq!((&low["scope"], &low["status"]["aggregatedStatus"]), (&json!("FaultMem"), &json!("active")));
        assert_eq!((&low["status"]["confirmedDtc"], &low["status"]["mask"]), (&json!(true), &json!("2f")));

        let count = async |query: &str| bench.get("", query).await.body["items"].as_array().map(Vec::len);
        assert_eq!(count("faults?status[testFailed]=true").await, Some(1));
        assert_eq!(count("faults?status%5BtestFailed%5D=0").await, Some(2));
        assert_eq!(count("faults?status[mask]=ff&scope=FaultMem").await, Some(1));
        assert_eq!(count("faults?scope=Other").await, Some(0));
        bench.get("", "faults?status[colour]=1").await.refuses(400, "vendor-specific", Some("malformed"));

        for name in ["F00316", "f00316", "U3003-16"] {
            assert_eq!(bench.get("", &format!("faults/{name}")).await.body["item"], low);
        }
        assert_eq!(bench.get("", "faults/B1A01-23").await.body["item"]["status"]["testFailed"], false);
        bench.get("", "faults/P0000-00").await.refuses(404, "vendor-specific", Some("not-found"));

        bench.handle().happen(Input::Supply(Supply::Millivolts(12_600))).await;
        assert_eq!(bench.get("", "faults").await.body["items"][0]["status"]["aggregatedStatus"], "passive");
        bench.delete("me", "faults/U3003-16").await.refuses(409, "preconditions-not-fulfilled", None);
        bench.lock("me", 60).await;
        bench.delete("me", "faults/P0000-00").await.refuses(404, "vendor-specific", Some("not-found"));
        assert_eq!(bench.delete("me", "faults/U3003-16").await.status, 204);
        assert_eq!(bench.get("", "faults").await.body, json!({ "items": [] }));
        bench.handle().happen(Input::Supply(Supply::Millivolts(8_500))).await;
        bench.handle().happen(Input::Supply(Supply::Millivolts(12_600))).await;
        assert_eq!(count("faults").await, Some(1));
        assert_eq!(bench.delete("me", "faults").await.status, 204);
        assert_eq!(count("faults").await, Some(0));
    });
}

#[test]
fn operations_are_described() {
    against("manual", 1, async |bench| {
        let all = bench.get("", "operations").await.body;
        let ids: Vec<&Value> = all["items"].as_array().expect("a list").iter().map(|item| &item["id"]).collect();
        let expected = [
            "enter-code",
            "clear-attempts",
            "clear-security",
            "disable-checking",
            "self-test",
            "clear-locked-out",
            "pair",
        ];
        assert_eq!(ids, expected);
        for id in expected {
            let item = bench.get("", &format!("operations/{id}")).await.body["item"].clone();
            assert_eq!(item["asynchronous_execution"], json!(id == "self-test"));
            assert_eq!(item["proximity_proof_required"], false);
        }
        bench.get("", "operations/explode").await.refuses(404, "vendor-specific", Some("not-found"));
    });
}

#[test]
fn a_self_test_goes_on_after_it_was_answered() {
    against("manual", 4, async |bench| {
        bench.lock("me", 60).await;
        let start = || bench.send("me", "POST", "operations/self-test/executions", "");
        start().await.refused_by_ecu(0x31, 0x7F);
        bench.enter_session("me", "extended").await;
        let started = start().await;
        assert_eq!((started.status, &started.body), (202, &json!({ "id": "1", "status": "running" })));
        let at = started.header("location").to_owned();
        assert_eq!(at, format!("{UNIT_PATH}/operations/self-test/executions/1"));
        assert_eq!(bench.get("", &at).await.body["status"], "running");
        let list = bench.get("", "operations/self-test/executions").await.body;
        assert_eq!(list, json!({ "items": [{ "id": "1" }] }));
        bench.get("", "operations/pair/executions/1").await.refuses(404, "vendor-specific", Some("not-found"));
        bench.delete("you", &at).await.refuses(423, "preconditions-not-fulfilled", None);
        bench.delete("me", &at).await.refuses(409, "preconditions-not-fulfilled", None);
        // The tester is busy until then; who else asks is not.
        assert_eq!(bench.data("", "vin").await, VIN);
        assert_eq!(bench.data("me", "vin").await, VIN);
        let done = json!({ "capability": "execute", "status": "completed", "parameters": { "failing": [] } });
        assert_eq!(bench.get("", &at).await.body, done);
        assert_eq!(bench.delete("me", &at).await.status, 204);
        bench.get("", &at).await.refuses(404, "vendor-specific", Some("not-found"));
    });
}

#[test]
fn a_self_test_tells_what_fails() {
    against("manual", 10, async |bench| {
        bench.handle().happen(Input::Supply(Supply::Millivolts(8_500))).await;
        bench.lock("me", 60).await;
        bench.enter_session("me", "extended").await;
        let at = bench.post("me", "operations/self-test/executions", &json!({})).await.header("location").to_owned();
        while bench.get("", &at).await.body["status"] == "running" {
            ms(20).await;
        }
        assert_eq!(bench.get("", &at).await.body["parameters"], json!({ "failing": ["supply"] }));
    });
}

#[test]
fn an_ecu_that_says_nothing_is_told_from_one_that_refuses() {
    against("manual", 1, async |bench| {
        bench.lock("me", 60).await;
        bench.handle().happen(Input::Ignition(Ignition::Off)).await;
        bench.get("", "data/vin").await.refuses(504, "not-responding", None);
        bench.put("me", "modes/session", &json!({ "value": "extended" })).await.refuses(504, "not-responding", None);
        bench.handle().happen(Input::Ignition(Ignition::On)).await;
        assert_eq!(bench.data("", "vin").await, VIN);
        bench.enter_session("me", "extended").await;
        bench.handle().stop().await;
        bench.get("", "data/vin").await.refuses(504, "not-responding", None);
        assert_eq!(bench.get("", "/version-info").await.status, 200);
    });
}

#[test]
fn what_is_not_there_is_refused_in_the_standards_words() {
    against("manual", 1, async |bench| {
        for path in
            ["/", "/nothing", "/sovd/v2", "/sovd/v1/components/engine", "data/colour", "modes/party", "data/%ff"]
        {
            let got = bench.get("", path).await;
            assert!(got.status == 404 || got.status == 400, "{got:?}");
            assert_eq!(got.body["error_code"], "vendor-specific", "{got:?}");
        }
        let got = bench.put("me", "data/vin", &json!({ "data": "WVWZZZ1JZXW000001" })).await;
        got.refuses(405, "vendor-specific", Some("method-not-allowed"));
        assert_eq!(got.header("allow"), "get,head");
        for (method, path) in [("DELETE", "operations"), ("POST", "faults"), ("PATCH", "locks"), ("OPTIONS", "modes")] {
            bench.send("me", method, path, "").await.refuses(405, "vendor-specific", Some("method-not-allowed"));
        }
    });
}

#[test]
fn bodies_are_json_small_and_of_the_right_shape() {
    against("manual", 1, async |bench| {
        bench.lock("me", 60).await;
        let session = "modes/session";
        for kind in ["text/plain", "application/octet-stream", "application/jsonx", ""] {
            let got = bench.send_as(kind, "me", "PUT", session, "{\"value\":\"default\"}").await;
            got.refuses(415, "vendor-specific", Some("unsupported-media-type"));
        }
        let charset = "application/JSON; charset=utf-8";
        assert_eq!(bench.send_as(charset, "me", "PUT", session, "{\"value\":\"DEFAULT\"}").await.status, 200);
        for broken in ["{", "{\"value\":}", "nonsense", "{} {}", "\u{0}", &"[".repeat(1_000)] {
            let got = bench.send("me", "PUT", session, broken).await;
            assert!(got.status == 400 || got.status == 422, "{got:?}");
        }
        bench.send("me", "PUT", session, "{").await.refuses(400, "vendor-specific", Some("malformed"));
        for wrong in
            ["[]", "7", "null", "{}", "{\"value\":7}", "{\"value\":\"party\"}", "{\"value\":\"a\",\"value\":\"b\"}"]
        {
            let got = bench.send("me", "PUT", session, wrong).await;
            got.refuses(422, "vendor-specific", Some("invalid-parameter"));
        }
        for expiration in ["0", "-1", "86401", "1.5", "\"60\"", "18446744073709551616", "1e400"] {
            let body = format!("{{\"value\":\"extended\",\"mode_expiration\":{expiration}}}");
            let got = bench.send("me", "PUT", session, &body).await;
            assert!(got.status == 422 || got.status == 400, "{expiration}: {got:?}");
        }
        let long = format!("{{\"value\":\"{}\"}}", "x".repeat(3_000));
        bench.send("me", "PUT", session, &long).await.refuses(413, "vendor-specific", Some("too-large"));
        let chunked = format!(
            "PUT {UNIT_PATH}/{session} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Transfer-Encoding: chunked\r\n\r\n1000\r\n{}\r\n0\r\n\r\n",
            " ".repeat(0x1000)
        );
        let answer = bench.raw(chunked.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    });
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    against("manual", 1, async |bench| {
        let got =
            bench.send_as("application/json\r\nContent-Length: 40\r\nX: y", "me", "PUT", "modes/session", "{").await;
        assert_eq!(got.status, 400, "two lengths are no request");
        let mut stream = bench.connect().await;
        let head = format!(
            "PUT {UNIT_PATH}/modes/session HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
             Content-Length: 40\r\nConnection: close\r\n\r\n{{"
        );
        let answer = bench::talk(&mut stream, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("request-timeout"), "{answer}");
    });
}
