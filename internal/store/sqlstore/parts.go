package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// parts tells tenants that have channels of their own of what is theirs in alerts
// that others share. Where no tenant has any, it costs one statement.
func (t *tx) parts(ctx context.Context, all []notice.Part, now time.Time) error {
	if len(all) == 0 {
		return nil
	}
	some, err := t.TenantChannels(ctx)
	if err != nil || some == 0 {
		return err
	}
	for _, p := range all {
		rows, err := t.AlertTenants(ctx, sqlgen.AlertTenantsParams{AlertID: p.Message.Alert, Kind: string(p.Message.About)})
		if err != nil {
			return err
		}
		for _, r := range rows {
			state := notice.PartState{Facts: int(r.Facts), Members: int(r.Members), Told: int(r.ToldCount), Over: r.ToldOver != 0}
			phase := p.Phase(state)
			if phase == "" {
				continue
			}
			m := p.Message
			m.Phase, m.Count, m.Tenant = phase, int(r.Facts), r.TenantID
			if r.FirstShop == r.LastShop {
				m.Shop = r.FirstShop
			}
			if err := t.tellPart(ctx, m, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellPart writes a tenant's message. No fact caused it alone, so it is a notice of
// its own. It concerns no shop as far as counting goes: its facts are counted already.
func (t *tx) tellPart(ctx context.Context, m notice.Message, now time.Time) error {
	subjects, err := t.AlertSubjectsOfTenant(ctx, sqlgen.AlertSubjectsOfTenantParams{
		AlertID: m.Alert, Kind: string(m.About), TenantID: m.Tenant, MaxRows: notice.MaxSubjects,
	})
	if err != nil {
		return err
	}
	m.Subjects = subjects
	if len(subjects) > 0 {
		m.Notice.Subject = subjects[0]
	}
	if m.Phase == notice.Over {
		m.Notice = notice.OverOf(m.Notice, now)
	}
	n := m.Notice
	id, err := t.InsertNotice(ctx, sqlgen.InsertNoticeParams{
		At: millis(n.At), Kind: string(n.Kind), Subject: n.Subject, Details: toJSON(n.Details), FoldedAt: millis(now), AlertID: m.Alert,
	})
	if err != nil {
		return err
	}
	if err := t.putPart(ctx, m); err != nil {
		return err
	}
	return t.owe(ctx, id, m, now, tenantAlone)
}

// putPart remembers what a tenant was told of an alert.
func (t *tx) putPart(ctx context.Context, m notice.Message) error {
	p := sqlgen.PutAlertPartParams{AlertID: m.Alert, TenantID: m.Tenant, ToldCount: int64(m.Count)}
	if m.Phase == notice.Over {
		p.ToldOver = 1
	}
	return t.PutAlertPart(ctx, p)
}
