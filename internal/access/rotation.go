package access

import (
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// RotationKind says what a rotation replaces.
type RotationKind string

// The kinds of rotation. The first four are of an app, the last of a client.
const (
	RotateAppSecret       RotationKind = "app-secret"
	RotateComponentSecret RotationKind = "component-secret"
	RotatePushToken       RotationKind = "push-token"
	RotateAESKey          RotationKind = "aes-key"
	RotateClient          RotationKind = "client"
)

// OfPush tells whether it replaces what pushes are signed or encrypted with.
func (k RotationKind) OfPush() bool { return k == RotatePushToken || k == RotateAESKey }

// OfSecret tells whether it replaces an AppSecret.
func (k RotationKind) OfSecret() bool { return k == RotateAppSecret || k == RotateComponentSecret }

// RotationState is where a rotation stands.
type RotationState string

// The states of a rotation. The first three are live.
const (
	RotationWaits   RotationState = "waits"   // for the new secret; the one before is in use
	RotationTaken   RotationState = "taken"   // the new secret is here and could not be proved yet
	RotationOverlap RotationState = "overlap" // the new one is in use, the one before is kept
	RotationDone    RotationState = "done"
	RotationBack    RotationState = "back" // the one before is in use
)

// Live tells whether a rotation in this state is under way.
func (s RotationState) Live() bool {
	return s == RotationWaits || s == RotationTaken || s == RotationOverlap
}

// Rotation is a secret or a key on its way from one to the next. An app has one live
// rotation of its secret and one of its push keys at most, a client one.
type Rotation struct {
	ID        string
	Kind      RotationKind
	Subject   string // id of an app or of a client
	State     RotationState
	By        string    // who began it
	BegunAt   time.Time // also the order of rotations
	ChangedAt time.Time
	DueAt     time.Time // when it goes on by itself; zero: never
	Version   int64     // of the secret or push keys that are replaced
	Next      []byte    // the new secret, sealed, while it is Taken
	Previous  []byte    // the secret before, sealed, during the overlap
	NewSeen   time.Time // when WeChat, or the client, last used the new one; zero: not yet
	OldSeen   time.Time // the same of the one before
	Why       string    // it ended, in a word; empty when somebody ended it
	Replaced  []byte    // see [ReplacedSecret]; empty when no AppSecret was replaced, or it came back
}

// ReplacedSecret gives what is kept of an app's secret for ever that was replaced: a
// digest with a key that only mac has. Equal secrets of two apps have two.
func ReplacedSecret(mac func(purpose string, data []byte) []byte, app string, plain secret.Value) []byte {
	revealed := plain.Reveal()
	defer clear(revealed)
	data := append([]byte(app+"\x00"), revealed...)
	defer clear(data)
	return mac("replaced secret", data)
}

// ClientKeys are the keys of a client as a rotation leaves them.
type ClientKeys struct {
	Client    string
	Hash      []byte
	Hint      string
	CreatedAt time.Time
	MadeBy    string
	UsedAt    time.Time
	Next      NextKey
}

// NextKey is the second key of a client, while it is rotated. Its zero is none.
type NextKey struct {
	Hash   []byte
	Hint   string
	MadeAt time.Time
	UsedAt time.Time // zero: not used yet
}
