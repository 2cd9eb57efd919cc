#!/usr/bin/env bash
# A unit's whole way: made by the registry, locked by a lost supply, its code released to its owner by two people, typed in with
# the presses of the receipt; then the same through a scanner with seed and key; then a witness cosigns and an outsider verifies the log.
# Usage: registry-end-to-end.sh [path of headlock]. Listens on 127.0.0.1 alone, and ends what it started.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
headlock=$(realpath "${1:-$root/target/release/headlock}")
work=$(mktemp -d)
started=()
finish() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ headlock %s\n' "$*" >&2; "$headlock" --catalog "$root/tests/catalog" "$@"; }
# In the background, itself and not in a shell of its own, so that it can be ended.
start() {
    local out=$1; shift
    printf '$ headlock %s &\n' "$*" >&2
    "$headlock" --catalog "$root/tests/catalog" "$@" > "$out.out" 2> "$out.err" &
    started+=($!)
}
# As somebody: their session is in a file of their own.
as() { local who=$1; shift; HEADLOCK_TOKEN_FILE="$work/$who.token" run registry "$@"; }
wait_for() { for _ in $(seq 200); do [ -s "$1" ] && return; sleep 0.05; done; echo "nothing came into $1" >&2; exit 1; }

say "A registry: its key in five shares of which three unseal it, and its first administrator"
printf 'correct horse battery staple\n' > root.password
run --json registry init desk --origin desk.example/log --admin root --person 'R. Oot' --company maker \
    --shares 3/5 --password-file root.password --one-time-file root.otpauth > init.json
python3 - <<'PY'
import json
made = json.load(open("init.json"))
open("log.key", "w").write(made["log_key"] + "\n")
for number, share in enumerate(made["shares"], 1):
    open(f"share-{number}", "w").write(share + "\n")
PY

say "An outsider makes a witness, whose public key the registry is told"
run --json registry witness init --name witness.example/w1 --key w1.key > witness.json
python3 - <<'PY'
import json
key = json.load(open("witness.json"))["witness"]
open("w1.pub", "w").write(key + "\n")
open("desk/registry.toml", "a").write(f"\n[log]\nwitnesses = [{json.dumps(key)}]\n")
PY
run registry check --config desk
start serve registry serve --config desk --listen 127.0.0.1:0 --address-file address
wait_for address
export HEADLOCK_SERVER="http://$(cat address)"
as nobody status

say "It starts sealed; three custodians open it"
for number in 5 1 3; do as nobody unseal --share-file share-$number; done
for _ in $(seq 200); do as nobody status | grep -q unsealed && break; sleep 0.05; done
as nobody status | grep unsealed

say "The people of the desk"
as root sign-in root --password-file root.password --one-time-file root.otpauth
person() {
    local id=$1 name=$2 company=$3; shift 3
    printf 'a long password of %s\n' "$id" > "$id.password"
    as root who add "$id" --person "$name" --company "$company" --region eu --password-file "$id.password" "$@"
    as "$id" sign-in "$id" --password-file "$id.password" --first
    as "$id" one-time --out "$id.otpauth"
    as "$id" sign-in "$id" --password-file "$id.password" --one-time-file "$id.otpauth"
}
person line 'L. Ine' maker --role operator
person anna 'Anna Berg' acme --role requester
person carl 'Carl Dahl' maker --role approver
person ed 'Ed Holm' maker --role auditor

say "The factory makes a unit: the registry makes its code and its key"
as line provision WK20260001 --unit wicket/scan --region eu --vin SJNFAAJ10U1234567 --out made
code=$(cat made/code)

say "Its supply is lost; it asks for its code"
cat > locked.txt <<SCRIPT
unit wicket/scan reading manual code $code serial WK20260001
supply cut 10min, ignition on -> CODE
SCRIPT
run drive locked.txt

say "A dealer asks; the document is to follow, so a second person has to approve"
as anna --json request WK20260001 --vin SJNFAAJ10U1234567 --proof registration > pending.json
id=$(python3 -c 'import json; print(json.load(open("pending.json"))["pending"]["id"])')
as carl waiting
as carl approve "$id" --reason 'papers seen on the phone'
as anna release "$id" --out release
printf 'the papers of the car\n' > papers.pdf
as anna proof "$id" papers.pdf

say "The presses of the receipt open it"
{ cat locked.txt; cat release/presses.txt; echo 'wait 5s -> RADIO'; } > typed.txt
run drive typed.txt

say "The same through a scanner: the unit sends a seed, the registry answers one key"
start ecu ecu wicket/scan --reading manual --code "$code" --serial WK20260001 --vin SJNFAAJ10U1234567 \
    --key-file made/device.key --doip 127.0.0.1:0
for _ in $(seq 200); do grep -q ready ecu.out && break; sleep 0.05; done
doip=$(grep -o '127.0.0.1:[0-9]*' ecu.out | head -1)
cat ecu.out
printf 'papers, again\n' > again.pdf
cat > answer.sh <<SCRIPT
#!/bin/sh
# A workshop's scanner shows level and seed to the desk, and gets the key.
HEADLOCK_TOKEN_FILE="$work/anna.token" "$headlock" --catalog "$root/tests/catalog" registry request WK20260001 \
    --vin SJNFAAJ10U1234567 --proof registration --document again.pdf --seed "\$1:\$2" --out key-\$1 > /dev/null && cat key-\$1/key
SCRIPT
chmod +x answer.sh
run scan --doip "$doip" --key-command ./answer.sh --run clear-security --yes

say "The witness cosigns; an outsider has both public keys, a copy of the log's files, and the receipt"
start witness registry witness serve --key w1.key --log-key log.key --state w1.seen --listen 127.0.0.1:0 --address-file w1.address
wait_for w1.address
as ed cosign --witness "http://$(cat w1.address)"
run registry backup --config desk copy
run registry verify copy/log --log-key log.key --witness w1.pub --receipt release/receipt
run registry verify copy/log --log-key log.key --receipt key-3/receipt

say "What the log says, to an auditor; and no code is in it"
as ed log --from 0 | tee log.txt
! grep -w "$code" log.txt

say "Somebody changes one byte of the copy"
tile=$(find copy/log/tile/entries -type f | head -1)
printf '\377' | dd of="$tile" bs=1 seek=40 conv=notrunc status=none
if run registry verify copy/log --log-key log.key; then echo "the change was not noticed" >&2; exit 1; fi
say "done"
