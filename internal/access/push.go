package access

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// PushKeys are what is entered at WeChat for pushes to an app: the token (消息校验Token)
// that they are signed with and the EncodingAESKey (消息加解密Key) that they are
// encrypted with.
type PushKeys struct {
	Token  secret.Value
	AESKey secret.Value // 43 characters
}

// IsZero tells whether neither is set.
func (k PushKeys) IsZero() bool { return k.Token.IsZero() && k.AESKey.IsZero() }

// Equal tells whether both are the same, in constant time.
func (k PushKeys) Equal(o PushKeys) bool {
	token, key := k.Token.Equal(o.Token), k.AESKey.Equal(o.AESKey)
	return token && key
}

// pushKeys is how they are sealed.
type pushKeys struct {
	Token  string `json:"token"`
	AESKey string `json:"aes_key"`
}

// Pack gives both as one secret, to be sealed.
func (k PushKeys) Pack() secret.Value {
	b, err := json.Marshal(pushKeys{Token: k.Token.RevealString(), AESKey: k.AESKey.RevealString()})
	if err != nil {
		panic(fmt.Sprintf("access: two texts do not encode: %v", err)) // cannot happen
	}
	return secret.New(b)
}

// errPushKeys does not say what stands there: it is a secret.
var errPushKeys = errors.New("access: these are no push keys; apply the app's push settings again")

// UnpackPushKeys is the reverse of [PushKeys.Pack].
func UnpackPushKeys(v secret.Value) (PushKeys, error) {
	var k pushKeys
	if err := json.Unmarshal(v.Reveal(), &k); err != nil || k.Token == "" || k.AESKey == "" {
		return PushKeys{}, errPushKeys
	}
	return PushKeys{Token: secret.FromString(k.Token), AESKey: secret.FromString(k.AESKey)}, nil
}
