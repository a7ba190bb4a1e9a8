package config

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"go.yaml.in/yaml/v3"
)

// YAML gives the settings in effect, in the form of the file. Secrets are
// replaced by a placeholder that [Load] refuses.
func (c Config) YAML() ([]byte, error) {
	type plain Config // without the methods, or yaml would come back here
	b, err := yaml.Marshal(plain(c))
	if err != nil {
		return nil, fmt.Errorf("config: write the settings as YAML: %w", err)
	}
	return b, nil
}

// String gives the settings as YAML, without secrets.
func (c Config) String() string {
	b, err := c.YAML()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// MarshalJSON gives the settings under the names of the file, without secrets.
func (c Config) MarshalJSON() ([]byte, error) {
	b, err := c.YAML()
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(b, &tree); err != nil {
		return nil, fmt.Errorf("config: read back the settings: %w", err)
	}
	return json.Marshal(tree)
}

// LogValue implements slog.LogValuer, without secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
