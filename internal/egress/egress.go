// Package egress is the one way out to addresses that users chose, such as
// webhooks. Whoever may write an address into the settings must not reach through
// it what only this machine reaches: other services on it, the private network,
// the cloud's metadata address that hands out credentials.
//
// The address is looked at when the connection is made, after the name was
// resolved and for each address that is tried, so that a name that answers
// differently the second time gains nothing. What is never reached, whatever is
// allowed: link-local and multicast addresses, addresses that stand for others
// (translation prefixes), and the clouds' metadata addresses.
package egress

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// ErrRefused is an address that must not be reached. Errors of a client whose
// transport is [NewTransport]'s wrap it.
var ErrRefused = errors.New("egress: the address is private, of this machine or reserved; use a public one, or set allow_private for it")

// Options are what a way out is made of. The zero value reaches public addresses
// only.
type Options struct {
	AllowPrivate bool           // loopback and private networks too
	RootCAs      *x509.CertPool // nil: the system's
	Timeout      time.Duration  // to connect, and again for TLS; 0: five seconds
	Answer       time.Duration  // to wait for an answer's headers; 0: ten seconds
	Idle         int            // connections kept for each host; 0: one
}

const (
	dialTime   = 5 * time.Second
	answerTime = 10 * time.Second
	idleTime   = 45 * time.Second
	maxHead    = 64 << 10
)

// NewTransport makes a way out. It speaks TLS 1.2 or newer and HTTP/1.1, and
// looks at no proxy of the environment.
func NewTransport(o Options) *http.Transport {
	if o.Timeout <= 0 {
		o.Timeout = dialTime
	}
	if o.Answer <= 0 {
		o.Answer = answerTime
	}
	return &http.Transport{
		DialContext:            NewDialer(o).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    o.Timeout,
		ResponseHeaderTimeout:  o.Answer,
		MaxIdleConnsPerHost:    max(o.Idle, 1),
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: maxHead,
		DisableCompression:     true,
	}
}

// NewDialer makes a way out for what is not HTTP. It looks at RootCAs no more than
// at the rest that is about HTTP: encryption is its user's.
func NewDialer(o Options) *net.Dialer {
	return &net.Dialer{Timeout: cmp.Or(max(o.Timeout, 0), dialTime), Control: func(_, address string, _ syscall.RawConn) error {
		return check(address, o.AllowPrivate)
	}}
}

// check tells whether a connection to an address may be made. It does not repeat
// the address: whoever reads the error need not learn what a name resolves to.
func check(address string, allowPrivate bool) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrRefused, errNoAddress)
	}
	if !Allowed(to.Addr(), allowPrivate) {
		return ErrRefused
	}
	return nil
}

var errNoAddress = errors.New("egress: not an address and a port")

// Allowed tells whether an address may be reached.
func Allowed(a netip.Addr, allowPrivate bool) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a == netip.IPv6Loopback() { // stands in the range of translated addresses
		return allowPrivate
	}
	in := func(p netip.Prefix) bool { return p.Contains(a) }
	if !a.IsValid() || slices.ContainsFunc(never, in) {
		return false
	}
	return allowPrivate || !slices.ContainsFunc(private, in)
}

// never are addresses that no webhook has.
var never = prefixes(
	"0.0.0.0/32", "::/128", // unspecified: the kernel takes it for this machine
	"169.254.0.0/16", "fe80::/10", // link-local, with most clouds' metadata
	"100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128", // metadata elsewhere
	"fd00:ec2::23/128",        // credentials of a pod in a cluster of AWS
	"168.63.129.16/32",        // the platform's own address inside Azure
	"224.0.0.0/4", "ff00::/8", // multicast
	"240.0.0.0/4",                                                                                       // reserved, with broadcast
	"64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "2002::/16", "2001::/32", "::/96", "5f00::/16", // stand for another address, or for a route
)

// private are addresses that are not everybody's.
var private = prefixes(
	"0.0.0.0/8", "127.0.0.0/8",
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10",
	"100.64.0.0/10",                                // carriers' own
	"192.0.0.0/24", "198.18.0.0/15", "2001:2::/48", // protocols and measurements
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20", // documents
	"192.88.99.0/24", "100::/64",
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}
