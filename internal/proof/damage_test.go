package proof

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// damaged is a copy of a good story that a test may spoil.
type damaged struct {
	t   *testing.T
	dir string
}

func spoil(t *testing.T) damaged {
	t.Helper()
	good, err := goodStory()
	if err != nil {
		t.Fatal(err)
	}
	d := damaged{t, t.TempDir()}
	if err := os.CopyFS(d.dir, os.DirFS(good)); err != nil {
		t.Fatal(err)
	}
	return d
}

// exec changes the database behind the program's back. It must change
// something.
func (d damaged) exec(query string, args ...any) {
	d.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(d.dir, dataDir, "zhanggui.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := db.ExecContext(d.t.Context(), query, args...)
	if err != nil {
		d.t.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		d.t.Fatalf("%s changed %d rows (%v)", query, n, err)
	}
	if err := db.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// file replaces a file by what change makes of it.
func (d damaged) file(name string, change func(string) string) {
	d.t.Helper()
	path := filepath.Join(d.dir, filepath.FromSlash(name))
	b, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	after := change(string(b))
	if after == string(b) {
		d.t.Fatalf("%s was not changed", name)
	}
	if err := os.WriteFile(path, []byte(after), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// logs adds a line to the server's log.
func (d damaged) logs(line string) {
	d.t.Helper()
	b, err := json.Marshal(map[string]string{"msg": line})
	if err != nil {
		d.t.Fatal(err)
	}
	d.file(logFile, func(s string) string { return s + string(b) + "\n" })
}

// ledger changes the emulator's ledger.
func (d damaged) ledger(change func([]request) []request) {
	d.t.Helper()
	d.file(ledgerFile, func(s string) string {
		var all []request
		if err := json.Unmarshal([]byte(s), &all); err != nil {
			d.t.Fatal(err)
		}
		b, err := json.Marshal(change(all))
		if err != nil {
			d.t.Fatal(err)
		}
		return string(b)
	})
}

// where gives the place of the nth request that fits, from 0.
func where(t *testing.T, all []request, n int, fits func(request) bool) int {
	t.Helper()
	for i, r := range all {
		if fits(r) {
			if n == 0 {
				return i
			}
			n--
		}
	}
	t.Fatal("the ledger has no such request")
	return 0
}

func asksStable(r request) bool { _, ours := forced(r); return ours }

func exchanges(r request) bool { return r.Path == "/sns/oauth2/access_token" }

// lists tells whether a call asks for products: the first one meets a dead token,
// the second one repeats it.
func lists(r request) bool { return r.Path == "/channels/ec/product/list/get" }

func probesToken(r request) bool { return isCall(r) && !lists(r) && saysDead(r) }

// token gives an access token that a call carried.
func (d damaged) token() string {
	d.t.Helper()
	var token string
	b, err := os.ReadFile(filepath.Join(d.dir, ledgerFile))
	if err != nil {
		d.t.Fatal(err)
	}
	var all []request
	if err := json.Unmarshal(b, &all); err != nil {
		d.t.Fatal(err)
	}
	token = all[where(d.t, all, 0, isCall)].query().Get("access_token")
	if token == "" {
		d.t.Fatal("no call carried a token")
	}
	return token
}

// again repeats a request n places further on in the ledger.
func again(i, n int) func([]request) []request {
	return func(all []request) []request { return slices.Insert(all, i+n, all[i]) }
}

// late repeats request i at the end of the ledger, when the story was over.
func late(all []request, i int) []request {
	x, last := all[i], all[len(all)-1]
	x.Seq, x.Time = last.Seq+1, last.Time.Add(tokenLife/2)
	return append(all, x)
}

// damage is one place of a good story spoilt, and what must be found where.
type damage struct {
	name string
	do   func(damaged)
	step string
	what string
}

var damages = []damage{
	{"two sealed secrets change places", func(d damaged) {
		d.exec("UPDATE apps SET secret = (SELECT secret FROM apps b WHERE b.id <> apps.id AND b.kind <> 'shop' LIMIT 1) WHERE kind <> 'shop'")
	}, "app registered", "does not open in its place"},
	{"a secret counts as one of another version", func(d damaged) {
		d.exec("UPDATE apps SET secret_version = 2 WHERE kind = 'shop'")
	}, "app registered", "does not open in its place"},
	{"WeChat knows another secret", func(d damaged) {
		d.file(worldFile, func(s string) string { return strings.Replace(s, "sandbox-secret-shop", "another-secret-shop", 1) })
	}, "app registered", "AppSecret"},
	{"a shop is gone", func(d damaged) { d.exec("DELETE FROM client_shops"); d.exec("DELETE FROM shops") }, "app registered", "has no row"},
	{"the hint shows the key", func(d damaged) { d.exec("UPDATE clients SET key_hint = 'zgc_ABCDEFGHIJ'") }, "app registered", "shows 14 letters"},
	{"nobody fetched the proof", func(d damaged) {
		d.file(logFile, func(s string) string {
			return strings.Replace(s, `{x}.txt","status":200,"bytes":16,`, `{x}.txt","status":200,"bytes":17,`, 1)
		})
	}, "callback domain proven", "has no GET"},
	{"something else was fetched that is as long as the proof", func(d damaged) {
		d.file(logFile, func(s string) string { return strings.Replace(s, "GET /MP_verify_{x}.txt", "GET /{$}", 1) })
	}, "callback domain proven", "has no GET"},
	{"an owner whom nobody invited", func(d damaged) {
		d.exec("INSERT INTO members SELECT tenant_id, shop_id || 'x', person_id, role, since, until FROM members")
		d.exec("UPDATE invitations SET state = 'dead'")
	}, "owner authorised", "without a confirmed invitation"},
	{"the first code was exchanged twice", func(d damaged) {
		d.ledger(func(all []request) []request { return again(where(d.t, all, 0, exchanges), 1)(all) })
	}, "owner authorised", "was exchanged 2 times"},
	{"the owner pressed no button", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 0, func(r request) bool { return r.form().Get("decision") == "agree" })
			return slices.Delete(all, i, i+1)
		})
	}, "owner authorised", "was shown a page"},
	{"a token in the log", func(d damaged) { d.logs("renewed " + d.token()) }, "tokens sealed", "in server.log, in the clear"},
	{"a token in the log in hexadecimal", func(d damaged) { d.logs(hex.EncodeToString([]byte(d.token()))) }, "tokens sealed", "in hexadecimal"},
	{"a token in the log in base64", func(d damaged) { d.logs(base64.StdEncoding.EncodeToString([]byte(d.token()))) }, "tokens sealed", "in base64"},
	{"a token in the log in base64, behind a letter", func(d damaged) {
		d.logs(base64.StdEncoding.EncodeToString([]byte("=" + d.token())))
	}, "tokens sealed", "in base64"},
	{"a token in the log in base64, behind two letters", func(d damaged) {
		d.logs(base64.URLEncoding.EncodeToString([]byte("t=" + d.token())))
	}, "tokens sealed", "in base64"},
	{"a session in the steps", func(d damaged) {
		d.file(stepsFile, func(s string) string {
			return strings.Replace(s, "generation", "zgs_ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)
		})
	}, "tokens sealed", "a session token stands in steps.json"},
	{"an unknown token in the database", func(d damaged) {
		d.exec("UPDATE notices SET details = ?", "SIM_RT_"+strings.Repeat("ABCDEFGH", 8))
	}, "tokens sealed", "a token of WeChat stands in data/zhanggui.db, in the clear"},
	{"an unknown token in the log in base64", func(d damaged) {
		d.logs(base64.StdEncoding.EncodeToString([]byte("SIM_RT_" + strings.Repeat("ABCDEFGH", 8))))
	}, "tokens sealed", "a token of WeChat stands in server.log, encoded"},
	{"the master key in the log", func(d damaged) {
		b, err := os.ReadFile(filepath.Join(d.dir, dataDir, "master.key"))
		if err != nil {
			d.t.Fatal(err)
		}
		d.logs(strings.TrimSpace(string(b)))
	}, "tokens sealed", "the master key stands in server.log"},
	{"a refresh that WeChat was not asked for", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 1, asksStable)
			return slices.Delete(all, i, i+1)
		})
	}, "token refreshed by the keeper without anybody asking", "generations were settled with"},
	{"a refresh that was sent twice", func(d damaged) {
		d.ledger(func(all []request) []request { return again(where(d.t, all, 1, asksStable), 1)(all) })
	}, "token refreshed by the keeper without anybody asking", "generations were settled with"},
	{"a refresh that came too late", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 1, asksStable)
			all[i].Time = all[i].Time.Add(tokenLife)
			return all
		})
	}, "token refreshed by the keeper without anybody asking", "was renewed when it was"},
	{"a closed path", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 0, isCall)
			x := all[i]
			x.Path = "/cgi-bin/openapi/rid/get"
			return slices.Insert(all, i, x)
		})
	}, "shop API called through the gateway", "reached WeChat at the closed path"},
	{"no repeat of the call that met a dead token", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 1, lists)
			return slices.Delete(all, i, i+1)
		})
	}, "shop API called through the gateway", "was not repeated before"},
	{"a repeat that was refused", func(d damaged) {
		d.ledger(func(all []request) []request {
			all[where(d.t, all, 1, lists)].ErrCode = 40001
			return all
		})
	}, "shop API called through the gateway", "after 1 refreshes with errcode 40001"},
	{"a dead token was replaced on somebody's word", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 0, probesToken)
			return slices.Delete(all, i, i+1)
		})
	}, "shop API called through the gateway", "was replaced without a probe"},
	{"a token was replaced that a probe found alive", func(d damaged) {
		d.ledger(func(all []request) []request {
			all[where(d.t, all, 0, probesToken)].ErrCode = 0
			return all
		})
	}, "shop API called through the gateway", "was not repeated before"},
	{"a dead token was probed twice", func(d damaged) {
		d.ledger(func(all []request) []request { return again(where(d.t, all, 0, probesToken), 1)(all) })
	}, "shop API called through the gateway", "was not repeated before"},
	{"a call with a token of yesterday", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 2, lists)
			all[i].RawQuery = all[where(d.t, all, 0, isCall)].RawQuery
			return all
		})
	}, "shop API called through the gateway", "went back to a token"},
	{"the second login showed a page", func(d damaged) {
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 1, func(r request) bool { return r.Path == "/connect/oauth2/authorize" })
			all[i].Status = 200
			return all
		})
	}, "owner logged in silently", "showed a page to somebody"},
	{"the second login replaced no tokens", func(d damaged) {
		d.exec(`UPDATE audit_entries SET data = CAST(replace(CAST(data AS TEXT), 'grant.tokens', 'grant.fakery') AS BLOB)
			WHERE seq = (SELECT max(seq) - 1 FROM audit_entries WHERE CAST(data AS TEXT) LIKE '%"action":"login","subject"%')`)
	}, "owner logged in silently", "the store wrote it: false"},
	{"the second login leaves a generation out", func(d damaged) {
		d.exec(`UPDATE audit_entries SET data = CAST(replace(replace(replace(CAST(data AS TEXT), '":"4 ', '":"5 '), '":"3 ', '":"4 '), '":"2 ', '":"3 ') AS BLOB)
			WHERE seq >= (SELECT max(seq) - 1 FROM audit_entries WHERE CAST(data AS TEXT) LIKE '%"action":"login","subject"%')`)
	}, "owner logged in silently", "was kept before; the store wrote it: true"},
	{"the second login says nothing of tokens", func(d damaged) {
		d.exec(`UPDATE audit_entries SET data = CAST(replace(CAST(data AS TEXT), '"g_', '"x_') AS BLOB)
			WHERE seq = (SELECT max(seq) FROM audit_entries WHERE CAST(data AS TEXT) LIKE '%"action":"login","subject"%')`)
	}, "owner logged in silently", "does not say which tokens"},
	{"a refused login was used", func(d damaged) {
		var state []byte
		d.ledger(func(all []request) []request {
			i := where(d.t, all, 0, func(r request) bool { return r.Person == "customer" && r.query().Has("state") })
			state = sum(all[i].query().Get("state"))
			return slices.Clip(append(all, request{Host: "sim"}))
		})
		d.exec("UPDATE callbacks SET state_hash = ? WHERE session_id = ''", state)
	}, "refused user turned away", "its state was used"},
	{"a person out of nowhere", func(d damaged) { d.exec("INSERT INTO persons (id, created_at) VALUES ('p_nobody', 1)") }, "refused user turned away", "came from no login"},
	{"a code came back and was exchanged again", func(d damaged) {
		d.ledger(func(all []request) []request { return again(where(d.t, all, 1, exchanges), 5)(all) })
	}, "reused code turned away", "again"},
	{"the log does not know the reused code", func(d damaged) {
		d.file(logFile, func(s string) string { return strings.ReplaceAll(s, `"code-used"`, `"internal"`) })
	}, "reused code turned away", "409 code-used"},
	{"the foreign state was used", func(d damaged) {
		d.ledger(func(all []request) []request {
			return slices.DeleteFunc(all, func(r request) bool { return r.Status == 302 && r.Seq > 30 && r.Person == "owner" })
		})
	}, "foreign state turned away", "the one in a foreign browser too"},
	{"the snapshot user has a session", func(d damaged) {
		d.exec("UPDATE callbacks SET session_id = 's_guest' WHERE session_id = ''")
	}, "snapshot user turned away", "got session s_guest"},
	{"the snapshot user is a person", func(d damaged) {
		d.exec("INSERT INTO identities SELECT app, 'o_snap_x', '', person_id, 1 FROM identities")
	}, "snapshot user turned away", "became person"},
	{"a session lives on", func(d damaged) {
		d.exec("UPDATE sessions SET ended_at = 0 WHERE id = (SELECT max(id) FROM sessions)")
	}, "authorisation revoked and calls refused", "did not end with the withdrawal"},
	{"an old row of a grant was put back", func(d damaged) {
		d.exec("UPDATE grants SET state = 'active', generation = 3, access = x'01', access_expires = 1, digest = 'd' WHERE kind = 'self'")
	}, "authorisation revoked and calls refused", "still keeps tokens"},
	{"a call after the withdrawal", func(d damaged) {
		d.ledger(func(all []request) []request {
			return late(all, where(d.t, all, 0, isCall))
		})
	}, "authorisation revoked and calls refused", "carried what was of shop"},
	{"a refresh of the owner's pair after the withdrawal", func(d damaged) {
		d.ledger(func(all []request) []request {
			return late(all, where(d.t, all, 0, func(r request) bool { return r.Path == "/sns/oauth2/refresh_token" }))
		})
	}, "authorisation revoked and calls refused", "carried a person's token after the withdrawal"},
	{"nobody was asked before the withdrawal", func(d damaged) {
		d.file(logFile, func(s string) string {
			return strings.Replace(s, `"GET /withdraw","status":200`, `"GET /withdraw","status":303`, 1)
		})
	}, "authorisation revoked and calls refused", "the page that asks was not shown"},
	{"the withdrawal was refused", func(d damaged) {
		d.file(logFile, func(s string) string {
			return strings.Replace(s, `"POST /withdraw","status":200`, `"POST /withdraw","status":403`, 1)
		})
	}, "authorisation revoked and calls refused", "has no withdrawal"},
	{"a call after the withdrawal was answered", func(d damaged) {
		d.file(logFile, func(s string) string {
			return s + `{"msg":"request","method":"GET","route":"/wx/{shop}/{path...}","status":200}` + "\n"
		})
	}, "authorisation revoked and calls refused", "were answered with"},
	{"an edited entry", func(d damaged) {
		d.exec(`UPDATE audit_entries SET data = CAST(replace(CAST(data AS TEXT), 'owner', 'nurse') AS BLOB) WHERE seq = 7`)
	}, "audit log verified", "entry 7 is not what its hash says"},
	{"an entry is gone", func(d damaged) { d.exec("DELETE FROM audit_entries WHERE seq = 14") }, "audit log verified", "stands where entry 14 is due"},
	{"the last entry is gone without a trace", func(d damaged) {
		d.exec("DELETE FROM audit_entries WHERE seq = (SELECT max(seq) FROM audit_entries)")
	}, "audit log verified", "the log has"},
	{"a stored hash is another one", func(d damaged) { d.exec("UPDATE audit_hashes SET hash = zeroblob(32) WHERE idx = 9") }, "audit log verified", "stored hash 9"},
	{"the head row is another one", func(d damaged) { d.exec("UPDATE audit_head SET size = size - 1") }, "audit log verified", "the head row"},
	{"a forged head", func(d damaged) {
		d.exec("UPDATE audit_checkpoints SET note = CAST(replace(CAST(note AS TEXT), 'time 2', 'time 3') AS BLOB)")
	}, "audit log verified", "no good signature"},
	{"the file of heads was cut", func(d damaged) {
		d.file("data/audit.heads", func(s string) string { return s[:strings.LastIndex(s, "zhanggui-audit\n")] })
	}, "audit log verified", "the newest signed head"},
	{"another public key", func(d damaged) {
		d.file("data/audit.pub", func(string) string {
			return "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n"
		})
	}, "audit log verified", "no good signature of PeterNeumann"},
	{"a session that nobody began", func(d damaged) {
		d.exec("UPDATE sessions SET id = 's_nobody' WHERE id = (SELECT max(id) FROM sessions)")
	}, "audit log verified", "how session s_nobody"},
	{"a client that nobody made", func(d damaged) { d.exec("UPDATE clients SET id = 'other'") }, "audit log verified", "client.create is of client other"},
	{"an entry names somebody", func(d damaged) {
		d.exec(`UPDATE audit_entries SET data = CAST(replace(CAST(data AS TEXT), '"outcome"', '"by":"林店主","outcome"') AS BLOB) WHERE seq = 11`)
	}, "audit log verified", "entry 11 holds a nickname"},
	{"an entry has an address", func(d damaged) {
		d.exec(`UPDATE audit_entries SET data = CAST(replace(CAST(data AS TEXT), '"outcome"', '"by":"192.0.2.7","outcome"') AS BLOB) WHERE seq = 11`)
	}, "audit log verified", "entry 11 holds an address"},
}

// TestDamage spoils a good story in one place and has it found there.
func TestDamage(t *testing.T) {
	for _, x := range damages {
		t.Run(x.name, func(t *testing.T) {
			d := spoil(t)
			x.do(d)
			r, err := Check(d.dir)
			if err != nil {
				t.Fatal(err)
			}
			if found := r.Of(x.step); !strings.Contains(strings.Join(found, "\n"), x.what) {
				t.Errorf("found %q of step %q, want %q\nall of it: %+v", found, x.step, x.what, r.Findings)
			}
			if r.OK() || slices.Contains(r.Held, x.step) {
				t.Errorf("step %q counts as held", x.step)
			}
		})
	}
}

// TestStoppedStory leaves out what was not played.
func TestStoppedStory(t *testing.T) {
	d := spoil(t)
	d.file(stepsFile, func(s string) string {
		return strings.Replace(s, "\"shop API called through the gateway\",\n  \"ok\": true", "\"shop API called through the gateway\",\n  \"ok\": false", 1)
	})
	r, err := Check(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 0 || r.OK() || !slices.Equal(r.Unplayed, []string{"shop API called through the gateway"}) {
		t.Errorf("findings %+v, not played %q", r.Findings, r.Unplayed)
	}
}

// TestUnreadable tells evidence that cannot be read from a story that is wrong.
func TestUnreadable(t *testing.T) {
	for name, spoilIt := range map[string]func(damaged){
		"no ledger":   func(d damaged) { d.remove(ledgerFile) },
		"no database": func(d damaged) { d.remove("data/zhanggui.db") },
		"no steps":    func(d damaged) { d.remove(stepsFile) },
		"a torn log":  func(d damaged) { d.file(logFile, func(s string) string { return s[:len(s)-9] }) },
		"another key": func(d damaged) {
			d.file("data/master.key", func(s string) string { return strings.Repeat("A", 43) + "=\n" })
		},
		"half a key":   func(d damaged) { d.file("data/master.key", func(s string) string { return s[:20] }) },
		"no keyset":    func(d damaged) { d.exec("DELETE FROM meta WHERE name = 'keyset'") },
		"a bad keyset": func(d damaged) { d.exec("UPDATE meta SET body = x'00' WHERE name = 'keyset'") },
		"no table":     func(d damaged) { d.exec("UPDATE meta SET number = 5 WHERE name = 'revision'"); d.drop("consents") },
	} {
		t.Run(name, func(t *testing.T) {
			d := spoil(t)
			spoilIt(d)
			if r, err := Check(d.dir); err == nil {
				t.Errorf("it was read: %+v", r)
			}
		})
	}
	if _, err := Check(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a directory that does not exist was read")
	}
}

func (d damaged) remove(name string) {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, filepath.FromSlash(name))); err != nil {
		d.t.Fatal(err)
	}
}

func (d damaged) drop(table string) {
	d.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(d.dir, dataDir, "zhanggui.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(d.t.Context(), "DROP TABLE "+table); err != nil {
		d.t.Fatal(err)
	}
}
