package access

import "time"

// Review is a report of who may do what that somebody read and signed. The report
// itself is not kept: whoever has it proves with Digest that it is the one.
type Review struct {
	ID       string
	TenantID string // empty: the whole house
	ShopID   string // empty: the whole tenant
	Digest   string // of the report: SHA-256, 64 hex digits
	Lines    int    // of the report
	Marked   int    // lines that stood out
	Note     string // in the words of whoever signed
	By       string // "admin:…", "person:…" or "operator"
	At       time.Time
}

// Seen says when somebody or something was used last, as far as is known.
type Seen struct {
	ID   string
	Name string // what people call it; may be empty
	At   time.Time
}
