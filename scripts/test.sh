#!/bin/sh
# Everything that must hold, quick checks first. A skipped test fails the run.
set -eu
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() { echo; echo "== $*"; }

step "lint"
sh scripts/lint.sh

step "static binary"
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o zhanggui ./cmd/zhanggui
size=$(wc -c <zhanggui)
echo "zhanggui: $((size / 1024 / 1024)) MB"
[ "$size" -le $((52 * 1024 * 1024)) ] || { echo "test: the binary is over 52 MB" >&2; exit 1; }

step "demo --once"
./zhanggui demo --once

step "tests, with the race detector"
# SQLite is C made into Go: watching each of its reads and writes makes the tests
# four times as slow and finds no race of ours. Everything else is watched. Only
# packages without generics may be left out: the linker keeps one copy of what is
# made from a type parameter, and an unwatched copy would make races appear elsewhere.
export GOFLAGS="${GOFLAGS:-} -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false -gcflags=modernc.org/memory=-race=false"
# Many tests wait for a disk or another process: one package more than there are
# cores keeps those busy. The longest come first, or they would end alone. What vet
# has to say it said above.
long="./internal/store/postgres ./internal/app ./internal/proof ./cmd/zhanggui ./internal/keeper ./internal/store/sqlite ./internal/scale ./internal/demo/browser"
status=0
go test -race -vet=off -p "$(($(nproc) + 1))" -timeout 15m -v $long ./... >"$log" 2>&1 || status=$?
grep -E '^(ok|FAIL|---? FAIL|panic:|\?)|^[[:space:]]*--- (FAIL|SKIP)|WARNING: DATA RACE' "$log" || true
if [ "$status" != 0 ]; then
	echo "== the failing output"
	awk -f scripts/failing.awk "$log"
	exit "$status"
fi
if grep -qE '^[[:space:]]*--- SKIP' "$log"; then
	echo "test: a test was skipped; make it run or remove it" >&2
	exit 1
fi

step "chaos: three replicas on PostgreSQL, broken at random"
make --no-print-directory chaos
