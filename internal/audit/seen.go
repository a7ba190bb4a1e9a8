package audit

import (
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Sent is the newest signed head that another place took.
type Sent struct {
	Place      string // its name
	Size       int64  // entries that the head counts; 0: it took none yet
	At         time.Time
	SignedNote []byte
}

// Seen is a signed head of another server's log.
type Seen struct {
	Log        string // what we call it
	Size       int64
	Root       tlog.Hash
	SeenAt     time.Time
	SignedNote []byte
	// Forked says that the head contradicts one that was seen before: the key
	// signed two logs.
	Forked bool
}
