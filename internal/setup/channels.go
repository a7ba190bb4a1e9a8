package setup

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Channel is a place that messages go to, with what is sealed of it.
type Channel struct {
	access.Channel
	URL    secret.Value // zero: keep the one there is
	Secret secret.Value // zero: keep the one there is, unless there is a new URL too
}

// maxChannels bounds them: each is looked at for every message, and is a label of a
// metric.
const maxChannels = 200

// channelSecrets is what is sealed of a channel.
type channelSecrets struct {
	URL    string `json:"url,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// Opener opens what was sealed for a place.
type Opener interface {
	Open(sealed []byte, cell vault.Cell) (secret.Value, error)
}

// OpenChannel gives the address and the secret of a channel that is kept.
func OpenChannel(s Opener, c access.Channel) (address, key secret.Value, err error) {
	plain, err := s.Open(c.Sealed, vault.Channel(c.Name, c.Version))
	if err != nil {
		return secret.Value{}, secret.Value{}, fmt.Errorf("setup: open channel %s: %w", c.Name, err)
	}
	var kept channelSecrets
	if json.Unmarshal(plain.Reveal(), &kept) != nil {
		return secret.Value{}, secret.Value{}, fmt.Errorf("setup: channel %s: %w", c.Name, vault.ErrSealed)
	}
	return secret.FromString(kept.URL), secret.FromString(kept.Secret), nil
}

func sealChannel(s Sealer, c access.Channel, address, key secret.Value) ([]byte, error) {
	plain, err := json.Marshal(channelSecrets{URL: address.RevealString(), Secret: key.RevealString()})
	if err != nil {
		return nil, err
	}
	return s.Seal(secret.New(plain), vault.Channel(c.Name, c.Version))
}

// channelAddresses wants an address for what is new, and looks at what references led
// to.
func (m Manifest) channelAddresses(kept kept, rules config.Rules) []string {
	var found []string
	count := len(kept.channels)
	for _, c := range m.Channels {
		if _, known := kept.channels[c.Name]; !known {
			count++
		}
	}
	if count > maxChannels && len(m.Channels) > 0 {
		found = append(found, fmt.Sprintf("there would be more than %d channels; remove some first", maxChannels))
	}
	for _, c := range m.Channels {
		_, known := kept.channels[c.Name]
		if known && c.URL.IsZero() && c.Secret.IsZero() {
			continue
		}
		what := fmt.Sprintf("channel %q", c.Name)
		if c.URL.IsZero() && c.Kind != access.Email {
			if !known {
				found = append(found, what+" is new and needs its url; write it as file: or env: reference")
			}
			continue
		}
		if err := config.ChannelAddress(c.Channel, c.URL, c.Secret, rules.Loopback); err != nil {
			found = append(found, what+": "+err.Error())
		}
	}
	return found
}

// channel plans a channel. What is sealed is sealed anew with each change, for the
// version that the change makes.
func (p *plan) channel(c Channel) error {
	was, known := p.kept.channels[c.Name]
	want := c.Channel
	want.Version, want.CreatedAt, want.MadeBy = was.Version+1, was.CreatedAt, p.by
	address, key := c.URL, c.Secret
	var d diff
	if known {
		oldAddress, oldKey, err := OpenChannel(p.sealer, was)
		if err != nil && !errors.Is(err, vault.ErrSealed) {
			return err
		}
		if address.IsZero() {
			address = oldAddress
			if key.IsZero() {
				key = oldKey
			}
		}
		if !address.Equal(oldAddress) {
			d = append(d, "url")
		}
		if !key.Equal(oldKey) {
			d = append(d, "secret")
		}
		if !was.Same(want) {
			d = append(d, "settings")
		}
	} else {
		want.CreatedAt = p.now
	}
	if !p.note("channel", c.Name, known, d) {
		return nil
	}
	var err error
	if want.Sealed, err = sealChannel(p.sealer, want, address, key); err != nil {
		return fmt.Errorf("setup: seal channel %s: %w", c.Name, err)
	}
	p.d.Channels = append(p.d.Channels, want)
	return nil
}
