package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// AuditFiles are what the audit log is verified with. Heads and Pub may be
// empty: the ones in Data. Database names PostgreSQL; empty: SQLite in Data.
type AuditFiles struct {
	Data, Heads, Pub string
	Database         secret.Value
	Archives         []string // files of entries that were moved out of the database, to be verified too
}

// VerifyAudit compares the audit log of a data directory with itself, its signed
// heads, and the grants' rows. It needs no server and no secret, and changes
// nothing.
func VerifyAudit(ctx context.Context, f AuditFiles) (_ audit.Report, err error) {
	var in audit.VerifyInput
	if in.Verifier, err = f.verifier(); err != nil {
		return audit.Report{}, err
	}
	archives, err := readArchives(f.Archives, in.Verifier)
	if err != nil {
		return audit.Report{}, err
	}
	in.Elsewhere = archives.heads
	// A server may be signing meanwhile. Checkpoints are in the file before they
	// are in the database, and entries are there before both: read in the other
	// direction, nothing is missing that was only written late.
	if in.Checkpoints, err = checkpoints(ctx, f); err != nil {
		return audit.Report{}, err
	}
	in.Replicated = !f.Database.IsZero()
	if in.Heads, err = audit.ReadHeadFile(cmp.Or(f.Heads, filepath.Join(f.Data, audit.HeadsFile))); err != nil {
		return audit.Report{}, err
	}
	log, err := openLog(ctx, f.Data, f.Database)
	if err != nil {
		return audit.Report{}, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	state, err := log.State(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	ahead, err := log.ReadAhead(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	defer func() { err = errors.Join(err, ahead.Stop()) }()
	in.Records, in.StoredHash, in.State = ahead.Records, ahead.StoredHash, &state
	report, err := audit.Verify(in)
	archives.join(&report)
	return report, err
}

// checkpoints reads the signed heads of the database as it is at this moment.
func checkpoints(ctx context.Context, f AuditFiles) ([]audit.Checkpoint, error) {
	log, err := openLog(ctx, f.Data, f.Database)
	if err != nil {
		return nil, err
	}
	all, err := log.Checkpoints(ctx)
	return all, errors.Join(err, log.Close())
}

// Rewrap wraps the keyset of a stopped server's database with the master key in
// the file at path, which is made if it is not there, and gives that key's id.
func Rewrap(ctx context.Context, c config.Config, path string) (id string, err error) {
	db, err := openStore(ctx, c, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	wrapped, ok, err := db.Keyset(ctx)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("the database has no keyset yet; start the server once")
	}
	a := &App{o: Options{Config: c}}
	old, err := a.masterKey(ctx)(false)
	if err != nil {
		return "", err
	}
	v, err := vault.Open(ctx, old, wrapped)
	if err != nil {
		return "", err
	}
	next, err := vault.FileKEK(path, true)
	if err != nil {
		return "", err
	}
	entry := audit.Entry{At: time.Now(), Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "key.rewrap", Subject: "master:" + next.ID(), Outcome: audit.Done}
	err = v.Rewrap(ctx, next, func(after []byte) error { return db.SaveKeyset(ctx, wrapped, after, entry) })
	if err != nil {
		return "", fmt.Errorf("rewrap the keyset: %w", err)
	}
	return next.ID(), nil
}
