#!/bin/sh
# Fuzzes every target for FUZZTIME each, one after another.
set -eu
cd "$(dirname "$0")/.."
for file in $(git grep -lE '^func Fuzz' -- '*_test.go'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$file"); do
		echo "== $(dirname "$file") $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "./$(dirname "$file")"
	done
done
echo "== models of the keeper, longer"
go test -run 'Model' ./internal/keeper -rapid.checks "${MODELRUNS:-400}"
