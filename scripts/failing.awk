# Of the output of `go test -v`, what the failing tests printed, at most 80 lines
# of each, and of a panic or a race the first 150.
function told(name,   from, i) {
	from = n[name] > 80 ? n[name] - 80 : 0
	for (i = from; i < n[name]; i++) print line[name, i]
	n[name] = 0
}
/^=== (RUN|CONT|NAME|PAUSE) / {
	name = $3; sub(/\/.*/, "", name)
	if ($2 == "RUN" && $3 == name) n[name] = 0
	next
}
/^--- FAIL: /             { told($3); print; next }
/^ +--- FAIL: /           { print; next }
/^ *--- (PASS|SKIP): /    { next }
/^FAIL\t/                 { told(name); print; name = ""; loud = 0; next }
/^(ok|PASS|FAIL|\?)( |\t|$)/ { n[name] = 0; name = ""; loud = 0; next }
/^panic: |^WARNING: DATA RACE|^fatal error: / { loud = 150 }
loud > 0                  { loud--; print; next }
                          { line[name, n[name]++] = $0 }
