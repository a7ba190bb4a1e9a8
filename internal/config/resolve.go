package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// maxSecret bounds a secret's file. AppSecrets have 32 characters.
const maxSecret = 64 << 10

// Resolve reads the secrets that the manifest refers to. A relative file is
// looked for from dir, the directory of the manifest; lookup is os.LookupEnv
// or a stand-in. White space around a secret is cut off. The error is a
// [Problems] with everything that could not be read; no secret is kept then.
func (m *Manifest) Resolve(dir string, lookup func(string) (string, bool)) error {
	r := m.report
	if r == nil {
		r = newReport("")
	}
	r.problems = nil
	var set []func()
	take := func(setting string, s *Secret) {
		if s.IsZero() {
			return
		}
		if v, ok := r.resolve(setting, *s, dir, lookup); ok {
			set = append(set, func() { s.value = v })
		}
	}
	for i := range m.Apps {
		take(item("apps", i)+".secret", &m.Apps[i].Secret)
		take(item("apps", i)+".push.token", &m.Apps[i].Push.Token)
		take(item("apps", i)+".push.aes_key", &m.Apps[i].Push.AESKey)
	}
	for i := range m.Shops {
		take(item("shops", i)+".secret", &m.Shops[i].Secret)
		take(item("shops", i)+".push.token", &m.Shops[i].Push.Token)
		take(item("shops", i)+".push.aes_key", &m.Shops[i].Push.AESKey)
	}
	for i := range m.OIDCClients {
		take(item("oidc_clients", i)+".secret", &m.OIDCClients[i].Secret)
	}
	for i := range m.Channels {
		take(item("channels", i)+".url", &m.Channels[i].URL)
		take(item("channels", i)+".secret", &m.Channels[i].Secret)
	}
	if err := r.problems.err(); err != nil {
		return err
	}
	for _, f := range set {
		f()
	}
	return nil
}

func (r *report) resolve(setting string, s Secret, dir string, lookup func(string) (string, bool)) (secret.Value, bool) {
	scheme, name, literal := s.kind()
	switch {
	case literal:
		return s.text, true
	case scheme == "env":
		text, ok := lookup(name)
		v := secret.New(bytes.TrimSpace([]byte(text)))
		ok = ok && !v.IsZero()
		return v, r.want(ok, setting, "refers to the variable "+name+", which is not set", "set it where this command runs")
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	return r.secretFile(setting, name)
}

func (r *report) secretFile(setting, path string) (secret.Value, bool) {
	f, err := openFile(path)
	if err != nil {
		r.bad(setting, "refers to a file that cannot be opened: "+reason(err), "make "+path+" readable for this command")
		return secret.Value{}, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if !r.want(err == nil && len(b) <= maxSecret, setting, "refers to a file that cannot be a secret", "check that "+path+" holds the secret and nothing else") {
		return secret.Value{}, false
	}
	v := secret.New(bytes.TrimSpace(b))
	clear(b)
	return v, r.want(!v.IsZero(), setting, "refers to an empty file", "put the secret into "+path)
}

// openFile opens a regular file: opening anything else may wait for ever.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return os.Open(path)
}

// reason gives the cause without the path, which the remedy names.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	}
	return "it is not a readable file"
}
