package access

import "time"

// SigningKey is a key that signs what others verify. Its public half is published
// from MadeAt until PublishedUntil.
type SigningKey struct {
	ID      string // thumbprint of the public half (RFC 7638)
	Alg     string // as JWS names it (RFC 7518)
	Private []byte // sealed

	MadeAt         time.Time
	SignsFrom      time.Time
	SignsUntil     time.Time
	PublishedUntil time.Time
}
