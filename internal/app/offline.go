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
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// AuditFiles are what the audit log is verified with. Heads and Pub may be
// empty: the ones in Data.
type AuditFiles struct{ Data, Heads, Pub string }

// VerifyAudit compares the audit log of a data directory with itself and its
// signed heads. It needs no server and no secret, and changes nothing.
func VerifyAudit(ctx context.Context, f AuditFiles) (audit.Report, error) {
	verifier, err := audit.ReadVerifier(cmp.Or(f.Pub, filepath.Join(f.Data, audit.PubFile)))
	if err != nil {
		return audit.Report{}, err
	}
	log, err := sqlite.OpenAudit(ctx, filepath.Join(f.Data, DatabaseFile))
	if err != nil {
		return audit.Report{}, err
	}
	// Heads before rows: rows that a running server adds meanwhile are newer
	// than every head that is read here.
	in := audit.VerifyInput{Records: log.AuditRecords(ctx), StoredHash: log.StoredHash(ctx), Verifier: verifier}
	in.Checkpoints, err = log.Checkpoints(ctx)
	if err != nil {
		return audit.Report{}, errors.Join(err, log.Close())
	}
	in.Heads, err = audit.ReadHeadFile(cmp.Or(f.Heads, filepath.Join(f.Data, audit.HeadsFile)))
	if err != nil {
		return audit.Report{}, errors.Join(err, log.Close())
	}
	report, err := audit.Verify(in)
	return report, errors.Join(err, log.Close())
}

// Rewrap wraps the keyset of a stopped server's database with the master key in
// the file at path, which is made if it is not there, and gives that key's id.
func Rewrap(ctx context.Context, c config.Config, path string) (id string, err error) {
	db, err := sqlite.Open(ctx, filepath.Join(c.Data, DatabaseFile), sqlite.Options{})
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
	err = v.Rewrap(ctx, next, func(wrapped []byte) error { return db.SaveKeyset(ctx, wrapped, entry) })
	if err != nil {
		return "", fmt.Errorf("rewrap the keyset: %w", err)
	}
	return next.ID(), nil
}
