package access

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Rights narrow and widen what a client may do in its shops, beside its [Mode].
// The zero value is what a client gets that asks for nothing: every ordinary
// group of the catalogue, no path that has to be granted by name, the server's
// pace, from any address.
type Rights struct {
	// Groups of the catalogue that the client may call. Empty: every ordinary one.
	// Paths that move money or show personal data belong to no group.
	Groups []string `json:"groups,omitempty"`
	// Paths are granted by name, over and above the groups.
	Paths []PathRight `json:"paths,omitempty"`
	// PerSecond is how many calls a client may make in a second over all its shops,
	// Burst how many at once. Zero: the server's default.
	PerSecond float64 `json:"per_second,omitempty"`
	Burst     int     `json:"burst,omitempty"`
	// From lists the addresses that the client may call from. Empty: any.
	From []netip.Prefix `json:"from,omitempty"`
	// TokenExport is the right token:export: the client may fetch the kept access
	// token itself. It needs From.
	TokenExport bool `json:"token_export,omitempty"`
	// Observe lets through what these rights would refuse of groups and paths, and
	// records it. For finding out what a program needs. Shops, money, personal data
	// and closed paths are refused all the same.
	Observe bool `json:"observe,omitempty"`
	// Low gives way to other clients when a quota of WeChat's nears its end.
	Low bool `json:"low,omitempty"`
}

// PathRight is one path of WeChat's that a client may call.
type PathRight struct {
	Path string `json:"path"` // e.g. "/channels/ec/funds/submitwithdraw"
	// Daily is how often the path may be called in one day of China's time, for each
	// shop. Zero: no limit; paths that move money or show personal data need one.
	Daily int `json:"daily,omitempty"`
}

// Encode writes the rights for keeping. The zero value is the empty text.
func (r Rights) Encode() (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("access: write rights: %w", err)
	}
	if string(b) == "{}" {
		return "", nil
	}
	return string(b), nil
}

// DecodeRights reads what [Rights.Encode] wrote. Fields that it does not know, of
// a newer version, are an error: a right that is not understood must not be
// taken for none.
func DecodeRights(s string) (Rights, error) {
	var r Rights
	if s == "" {
		return r, nil
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Rights{}, fmt.Errorf("access: read rights: %w; bring this server to the version that wrote them", err)
	}
	return r, nil
}

// Networks writes networks in one form each, so that the same one is found again:
// 192.0.2.7/24 is 192.0.2.0/24.
func Networks(in []netip.Prefix) []netip.Prefix {
	out := slices.Clone(in)
	for i, p := range out {
		if p.IsValid() {
			out[i] = p.Masked()
		}
	}
	return out
}
