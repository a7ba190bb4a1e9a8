package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAllowed(t *testing.T) {
	const public, private, never = 0, 1, 2
	for text, kind := range map[string]int{
		"8.8.8.8": public, "1.1.1.1": public, "2400:3200::1": public, "101.226.4.6": public, "::ffff:8.8.8.8": public,
		"127.0.0.1": private, "127.8.8.8": private, "::1": private, "10.0.0.1": private, "172.16.0.1": private, "172.31.255.255": private,
		"192.168.1.1": private, "fc00::1": private, "fd12:3456::1": private, "100.64.0.1": private, "0.1.2.3": private, "198.18.0.1": private,
		"192.0.2.1": private, "2001:db8::1": private, "::ffff:127.0.0.1": private, "::ffff:10.1.2.3": private, "192.0.0.170": private,
		"0.0.0.0": never, "::": never, "169.254.169.254": never, "169.254.0.23": never, "100.100.100.200": never, "fd00:ec2::254": never, "fd00:ec2::23": never,
		"fe80::1": never, "224.0.0.1": never, "ff02::1": never, "255.255.255.255": never, "240.0.0.1": never,
		"64:ff9b::a9fe:a9fe": never, "2002:7f00:1::1": never, "2001:0:1::1": never, "::127.0.0.1": never, "::ffff:0:127.0.0.1": never, "::ffff:169.254.169.254": never,
		"fe80::1%eth0": never, "2400:3200::1%eth0": never,
	} {
		a := netip.MustParseAddr(text)
		if got := Allowed(a, false); got != (kind == public) {
			t.Errorf("%s allowed: %v", text, got)
		}
		if got := Allowed(a, true); got != (kind != never) {
			t.Errorf("%s with private ones allowed: %v", text, got)
		}
	}
	if Allowed(netip.Addr{}, true) {
		t.Error("no address at all is allowed")
	}
}

func FuzzAllowed(f *testing.F) {
	for _, text := range []string{"127.0.0.1", "::ffff:10.0.0.1", "8.8.8.8", "fe80::1%x", "64:ff9b::7f00:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return
		}
		if Allowed(a, false) && !Allowed(a, true) {
			t.Errorf("%s is allowed only without private ones", a)
		}
		if u := a.Unmap(); Allowed(a, true) && (u.IsMulticast() || u.IsLinkLocalUnicast() || u.IsUnspecified()) {
			t.Errorf("%s is allowed", a)
		}
		if u := a.Unmap(); Allowed(a, false) && (u.IsPrivate() || u.IsLoopback()) {
			t.Errorf("%s is allowed", a)
		}
		// The same address in another coat is the same.
		if a.Is4() && Allowed(netip.AddrFrom16(a.As16()), false) != Allowed(a, false) {
			t.Errorf("%s is allowed in one form only", a)
		}
	})
}

func TestTransportLooksAtTheResolvedAddress(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(srv.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost"} { // a name too: it is looked at after it was resolved
		err := get(t, NewTransport(Options{}), "http://"+host+":"+port)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want it refused", host, err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Fatalf("the server was asked %d times", n)
	}
	if err := get(t, NewTransport(Options{AllowPrivate: true}), srv.URL); err != nil || asked.Load() != 1 {
		t.Errorf("allowed: %v, asked %d times", err, asked.Load())
	}
}

// TestTransportIgnoresTheEnvironment: a proxy would make every address look
// public.
func TestTransportIgnoresTheEnvironment(t *testing.T) {
	if NewTransport(Options{}).Proxy != nil {
		t.Error("a proxy is looked for")
	}
}

func TestTransportWantsTLS12(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.StartTLS()
	t.Cleanup(srv.Close)
	srv.TLS.MaxVersion = 0x0302 // TLS 1.1
	if err := get(t, NewTransport(Options{AllowPrivate: true, RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}), srv.URL); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestCheckRefusesWhatIsNoAddress(t *testing.T) {
	if err := check("nonsense", true); !errors.Is(err, ErrRefused) {
		t.Errorf("check: %v", err)
	}
}

func get(t *testing.T, transport *http.Transport, url string) error {
	t.Helper()
	t.Cleanup(transport.CloseIdleConnections)
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}
