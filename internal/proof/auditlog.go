package proof

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// auditVerified: the log is what was written and signed, everything that
// happened is in it, and nobody's person is.
func (c *checker) auditVerified() {
	c.treeAgrees()
	c.everythingRecorded()
	c.grantsRecorded()
	c.nobodyNamed()
}

// treeAgrees computes the tree from the entries and compares everything that
// was kept or signed of it.
func (c *checker) treeAgrees() {
	var leaves [][]byte
	for i, r := range c.rows.entries {
		if r.seq != int64(i) {
			c.find("entry %d stands where entry %d is due", r.seq, i)
		}
		leaf := leafHash(r.data)
		if !bytes.Equal(leaf, r.leaf) {
			c.find("entry %d is not what its hash says", r.seq)
		}
		leaves = append(leaves, leaf)
	}
	t := newTree(leaves)
	c.storedAgree(t)
	if len(c.rows.heads) != 1 || c.rows.heads[0].size != t.size || !bytes.Equal(c.rows.heads[0].root, t.roots[t.size]) {
		c.find("the head row does not name the root of %d entries", t.size)
	}
	c.signedAgree(t)
}

func (c *checker) storedAgree(t *tree) {
	if len(c.rows.hashes) != len(t.stored) {
		c.find("%d hashes of the tree are stored, %d entries have %d", len(c.rows.hashes), t.size, len(t.stored))
		return
	}
	for i, r := range c.rows.hashes {
		if r.idx != int64(i) || !bytes.Equal(r.hash, t.stored[i]) {
			c.find("stored hash %d is not that of the entries", r.idx)
		}
	}
}

// signedAgree checks every signed head of the database and of the file.
func (c *checker) signedAgree(t *tree) {
	v, err := parseVerifier(string(c.files[dataDir+"/audit.pub"]))
	if err != nil {
		c.find("audit.pub: %v", err)
		return
	}
	inFile := notes(c.files[dataDir+"/audit.heads"])
	newest := int64(-1)
	for i, signed := range inFile {
		if h, ok := c.headAgrees(t, v, signed, "the file's head number "+strconv.Itoa(i+1)); ok {
			newest = max(newest, h.size)
		}
	}
	if newest != t.size {
		c.find("the newest signed head of the file is of %d entries, the log has %d", newest, t.size)
	}
	for _, r := range c.rows.checkpoints {
		name := "the checkpoint of " + strconv.FormatInt(r.size, 10) + " entries"
		h, ok := c.headAgrees(t, v, r.note, name)
		if ok && (h.size != r.size || !bytes.Equal(h.root, r.root) || !h.at.Equal(at(r.at))) {
			c.find("%s says something else than its own note", name)
		}
		if _, ok := first(inFile, func(b []byte) bool { return bytes.Equal(b, r.note) }); !ok {
			c.find("%s is not in the file of signed heads", name)
		}
	}
	if len(c.rows.checkpoints) == 0 {
		c.find("the database has no signed head")
	}
}

func (c *checker) headAgrees(t *tree, v verifier, signed []byte, name string) (head, bool) {
	h, err := v.open(signed)
	switch {
	case err != nil:
		c.find("%s: %v", name, err)
	case h.size > t.size:
		c.find("%s counts %d entries, the log has %d", name, h.size, t.size)
	case !bytes.Equal(h.root, t.roots[h.size]):
		c.find("%s has another root than its %d entries", name, h.size)
	default:
		return h, true
	}
	return h, false
}

// everythingRecorded: each row that somebody's action made has the entry of
// that action.
func (c *checker) everythingRecorded() {
	c.mustSay("key.create", "", "the keyset")
	for _, r := range c.rows.apps {
		if shop, ok := first(c.rows.shops, func(s shopRow) bool { return s.app == r.id }); ok {
			c.mustSay("shop.create", "shop:"+shop.id, "the app of shop "+shop.id)
			continue
		}
		c.mustSay("app.create", "app:"+r.id, "app "+r.id)
	}
	for _, r := range c.rows.tenants {
		c.mustSay("tenant.create", "tenant:"+r.id, "tenant "+r.id)
	}
	for _, r := range c.rows.clients {
		c.mustSay("client.create", "client:"+r.id, "client "+r.id)
	}
	for _, r := range c.rows.invitations {
		c.mustSay("invitation.create", "invitation:"+r.id, "invitation "+r.id)
		if r.state == "confirmed" {
			c.mustSay("invitation.confirm", "invitation:"+r.id, "invitation "+r.id)
		}
	}
	c.peopleRecorded()
	for _, s := range c.rows.sessions {
		c.sessionRecorded(s)
	}
}

func (c *checker) mustSay(action, subject, what string) {
	if _, ok := c.entryOf(func(x entry) bool { return x.done(action, subject) }); !ok {
		c.find("no entry %s is of %s", action, what)
	}
}

func (c *checker) peopleRecorded() {
	for _, p := range c.rows.persons {
		if _, ok := first(c.logins(), func(x entry) bool { return x.Actor.ID == p.id && x.Details["new"] == "true" }); !ok {
			c.find("no entry says where person %s came from", p.id)
		}
	}
	for _, m := range c.rows.members {
		if _, ok := c.entryOf(func(x entry) bool {
			return x.done("invitation.confirm", "") && x.Details["person"] == m.person && x.Details["role"] == m.role && x.Details["tenant"] == m.tenant
		}); !ok {
			c.find("no entry says how %s became %s of %s", m.person, m.role, m.tenant)
		}
	}
	for _, r := range c.rows.consents {
		if _, ok := first(c.logins(), func(x entry) bool { return x.Actor.ID == r.person && x.Details["consent"] == r.version }); !ok {
			c.find("no entry says that %s agreed to version %s", r.person, r.version)
		}
	}
	for _, r := range c.rows.callbacks {
		if _, ok := first(c.logins(), func(x entry) bool { return x.session() == r.session && x.At.Equal(at(r.at)) }); r.session != "" && !ok {
			c.find("no entry is of the callback that began session %s", r.session)
		}
	}
}

// sessionRecorded: the session's login has an entry at its time, and so has its
// end.
func (c *checker) sessionRecorded(s sessionRow) {
	x, ok := first(c.logins(), func(x entry) bool { return x.session() == s.id })
	if !ok || x.Actor.ID != s.person || !x.At.Equal(at(s.created)) {
		c.find("no entry login says how session %s of %s began", s.id, s.person)
	} else if x.Details["app"] != s.app || x.Details["door"] != s.door {
		c.find("session %s began through %s of app %s, its login says %s of %s", s.id, s.door, s.app, x.Details["door"], x.Details["app"])
	}
	if len(s.hash) != 32 {
		c.find("of the token of session %s, %d bytes are kept that are no SHA-256", s.id, len(s.hash))
	}
	if s.ended == 0 {
		return
	}
	if _, ok := c.entryOf(func(x entry) bool {
		return x.Outcome == "done" && x.At.Equal(at(s.ended)) && (x.Actor.ID == s.person || strings.Contains(x.Subject, s.id))
	}); !ok {
		c.find("no entry says how session %s ended", s.id)
	}
}

// grantsRecorded: the log knows every generation of every grant by one digest,
// the last of which is the row's.
func (c *checker) grantsRecorded() {
	for _, g := range c.rows.grants {
		digests := map[int64]string{}
		for _, k := range c.history(g.id) {
			if was, ok := digests[k.generation]; ok && was != k.digest {
				c.find("grant %s: the entries give generation %d two digests", g.id, k.generation)
			}
			digests[k.generation] = k.digest
		}
		for n := int64(1); n <= g.generation; n++ {
			if digests[n] == "" {
				c.find("grant %s: no entry is of generation %d", g.id, n)
			}
		}
		want := g.digest
		if len(g.access) == 0 {
			want = "none"
		}
		if g.generation > 0 && digests[g.generation] != want {
			c.find("grant %s keeps other tokens than the log says", g.id)
		}
		if g.kind == "self" {
			if _, ok := c.entryOf(func(x entry) bool { return x.Action == "grant.start" && x.Details[g.id] != "" }); !ok {
				c.find("no entry says how grant %s began", g.id)
			}
		}
	}
}

// address is an IPv4 address, or the colons and digits of an IPv6 one.
var address = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b|\b[0-9a-f]{1,4}(:[0-9a-f]{0,4}){5,}`)

// nobodyNamed: entries cannot be deleted, so they hold nothing of a person.
func (c *checker) nobodyNamed() {
	private := map[string]string{}
	for _, i := range c.rows.identities {
		private[i.openid], private[i.unionid] = "an openid", "a unionid"
	}
	for _, p := range c.rows.profiles {
		private[p.nickname], private[p.avatar] = "a nickname", "a picture's address"
	}
	for _, p := range c.world.People {
		private[p.Nickname] = "a nickname"
	}
	delete(private, "")
	for _, r := range c.rows.entries {
		for value, what := range private {
			if bytes.Contains(r.data, []byte(value)) {
				c.find("entry %d holds %s", r.seq, what)
			}
		}
		if address.Match(r.data) {
			c.find("entry %d holds an address", r.seq)
		}
	}
}
