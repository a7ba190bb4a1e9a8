package login

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

func (m *memStore) Scan(_ context.Context, id []byte) (access.Scan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("Scan"); err != nil {
		return access.Scan{}, err
	}
	return find(m.scans, func(s access.Scan) bool { return bytes.Equal(s.ID, id) })
}

func (m *memStore) AnswerScan(_ context.Context, n access.Scan, e grant.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("AnswerScan"); err != nil {
		return err
	}
	if slices.ContainsFunc(m.scans, func(s access.Scan) bool { return bytes.Equal(s.ID, n.ID) }) {
		return access.ErrUsed
	}
	m.scans = append(m.scans, n)
	m.audit = append(m.audit, e.Audit...)
	m.notices = append(m.notices, e.Notices...)
	return nil
}

func (m *memStore) TakeScan(_ context.Context, id []byte, now time.Time, e grant.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("TakeScan"); err != nil {
		return err
	}
	i := slices.IndexFunc(m.scans, func(s access.Scan) bool { return bytes.Equal(s.ID, id) })
	if i < 0 || m.scans[i].State != access.ScanApproved || !now.Before(m.scans[i].Until) {
		return access.ErrUsed
	}
	by, err := find(m.sessions, func(s access.Session) bool { return s.ID == m.scans[i].SessionID })
	if err != nil || !by.Live(now) {
		return access.ErrUsed
	}
	m.scans[i].State = access.ScanTaken
	m.endLocked(e)
	m.sessions = append(m.sessions, e.Login.Session)
	m.audit = append(m.audit, e.Audit...)
	return nil
}
