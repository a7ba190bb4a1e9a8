package audit_test

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// A log of three entries is signed, then somebody edits the second one.
func ExampleVerify() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	signer, err := audit.OpenSigner(dir, "zhanggui-audit")
	if err != nil {
		panic(err)
	}

	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var leaves [][]byte
	var rows []audit.Record
	for i, action := range []string{"client.create", "session.revoke", "grant.revoke"} {
		data, err := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorAdmin, ID: "a_1"}, Action: action, Outcome: audit.Done}.Encode()
		if err != nil {
			panic(err)
		}
		leaves = append(leaves, data)
		rows = append(rows, audit.NewRecord(int64(i), data))
	}
	hashes, root, err := audit.Append(0, nil, leaves) // an empty log has nothing to read
	if err != nil {
		panic(err)
	}
	head, err := signer.SignHead(3, root, now)
	if err != nil {
		panic(err)
	}

	rows[1].Data = []byte(`{"action":"nothing happened"}`)

	report, err := audit.Verify(audit.VerifyInput{
		Records: func(yield func(audit.Record, error) bool) {
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
		},
		StoredHash: func(idx int64) (tlog.Hash, bool, error) {
			if idx >= int64(len(hashes)) {
				return tlog.Hash{}, false, nil
			}
			return hashes[idx], true, nil
		},
		Heads:    [][]byte{head.SignedNote},
		Verifier: signer.Verifier(),
	})
	if err != nil {
		panic(err)
	}
	problem, _ := report.First()
	fmt.Println(problem)
	// Output:
	// entry 1 was edited: its data do not give the hash that stands beside them; compare it with a backup; somebody wrote to the database by hand
}
