#!/bin/sh
# Quick checks, cheapest first.
set -eu

unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
	echo "lint: run gofmt on:" $unformatted >&2
	exit 1
fi
go vet ./...
go fix -diff ./...
CGO_ENABLED=0 go tool -modfile=tools.mod staticcheck ./...
