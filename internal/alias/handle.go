package alias

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// HandlePrefix begins every handle.
const HandlePrefix = "zgh_"

// maxAppID is longer than any appid of WeChat's.
const maxAppID = 64

// Handle gives the handle by which a client knows an authoriser: client and app are
// our ids of the client and the platform, appID is WeChat's id of the authoriser.
func (m *Maker) Handle(client, app, appID string) string {
	return HandlePrefix + encoding.EncodeToString(append(m.handleTag(client, app, appID), appID...))
}

// ReadHandle gives the appid of the authoriser that a handle names. false: it is
// not a handle of this client and platform.
func (m *Maker) ReadHandle(text, client, app string) (appID string, ok bool) {
	body, ok := strings.CutPrefix(text, HandlePrefix)
	if !ok || len(body) > (tagLen+maxAppID)*4/3+2 {
		return "", false
	}
	b, err := decode(body)
	if err != nil || len(b) <= tagLen {
		return "", false
	}
	appID = string(b[tagLen:])
	return appID, hmac.Equal(b[:tagLen], m.handleTag(client, app, appID))
}

func (m *Maker) handleTag(client, app, appID string) []byte {
	h := hmac.New(sha256.New, m.handles)
	var n [4]byte
	for _, s := range []string{client, app, appID} {
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return h.Sum(nil)[:tagLen]
}
