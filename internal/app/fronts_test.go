package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// backoffice is the folder of the sample back office and of what stands in front of it.
const backoffice = "../../examples/backoffice"

// officeDir is where officeProgram is; TestMain removes it.
var officeDir string

// officeProgram is the program of the sample back office, built once.
var officeProgram = sync.OnceValues(func() (_ string, err error) {
	if officeDir, err = os.MkdirTemp("", "zgoffice"); err != nil {
		return "", err
	}
	file := filepath.Join(officeDir, "backoffice")
	out, err := exec.Command("go", "build", "-o", file, backoffice).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the sample back office: %w: %s", err, out)
	}
	return file, nil
})

// front is something that stands in front of a back office and asks the server about
// each request. start begins it where address says; "http://" and the host erp.localhost
// with the same port is what people open.
type front struct {
	name  string
	start func(s *site)
}

var fronts = []front{{"built-in", nil}, {"nginx", startNginx}, {"caddy", startCaddy}, {"traefik", startTraefik}}

// site is a server with the sample back office behind a front.
type site struct {
	*rig
	address string // of the front
	url     string // that people open
	office  string // address of the back office
}

const siteFile = `
trusted_proxies: [127.0.0.1/32]
protected:
  - host: HOST
    shop: lantian
    role: operator
    routes:
      - {path: /admin, role: owner}
      - {path: /public, public: true}
`

// open sets everything up. The server and the back office go by the machine's clock.
func (f front) open(t *testing.T) *site {
	t.Helper()
	s := &site{rig: newStoppedRig(t), address: freeAddress(t)}
	s.now = time.Now
	_, port, _ := net.SplitHostPort(s.address)
	host := "erp.localhost:" + port
	s.url = "http://" + host
	s.file = strings.ReplaceAll(siteFile, "HOST", host)
	flags := map[string]string{}
	if f.start == nil {
		// The server itself is what people open, so its address must be known first.
		s.office = freeAddress(t)
		s.file = strings.Replace(s.file, "trusted_proxies: [127.0.0.1/32]", fmt.Sprintf("upstreams: [{host: %s, to: 'http://%s'}]", host, s.office), 1)
		s.public = s.address
	}
	s.start(flags)
	s.declare()
	s.runSample()
	if f.start != nil {
		f.start(s)
	}
	s.await("the front", func() bool {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	})
	return s
}

// runSample starts the sample back office.
func (s *site) runSample() {
	s.t.Helper()
	program, err := officeProgram()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.office == "" {
		s.office = "127.0.0.1:0"
	}
	cmd := exec.CommandContext(s.t.Context(), program, "-listen", s.office, "-zhanggui", s.base, "-origin", s.url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.run(cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("the sample back office did not start: %v", err)
	}
	s.office = strings.TrimPrefix(strings.TrimSpace(line), "backoffice: http://")
}

// run runs a program until the test ends.
func (s *site) run(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("%v; `make deps` installs what is missing", err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Wait() // the end of the test ended it
		if s.t.Failed() {
			s.t.Logf("%s said: %s", cmd.Path, said.String())
		}
	})
}

// configuration writes a file of the examples with the addresses of this test, and gives
// its text.
func (s *site) configuration(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(backoffice, name))
	if err != nil {
		s.t.Fatal(err)
	}
	ours := strings.TrimPrefix(s.root, "http://")
	_, port, _ := net.SplitHostPort(s.address)
	text := strings.NewReplacer("127.0.0.1:8080", ours, "127.0.0.1:3000", s.office, "8081", port).Replace(string(b))
	if strings.Count(text, ours) == 0 || strings.Count(text, s.office) == 0 {
		s.t.Fatalf("%s names no addresses that are replaced:\n%s", name, text)
	}
	return text
}

func (s *site) write(name, text string) string {
	s.t.Helper()
	file := filepath.Join(filepath.Dir(s.dir), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func startNginx(s *site) {
	dir := filepath.Dir(s.dir)
	site := s.write("site.conf", s.configuration("nginx.conf"))
	main := "daemon off; worker_processes 1; pid " + dir + "/nginx.pid; error_log stderr warn;\nevents {}\nhttp { access_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	if os.Getuid() == 0 {
		main = "user root;\n" + main // the test's directories are its owner's
	}
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx" // Debian has it where only root looks
	}
	s.run(exec.CommandContext(s.t.Context(), path, "-c", s.write("nginx.conf", main+"include "+site+";\n}\n"), "-p", dir, "-e", "stderr"))
}

func startCaddy(s *site) {
	text := "{\n\tadmin off\n\tauto_https off\n}\n" + s.configuration("Caddyfile")
	cmd := exec.CommandContext(s.t.Context(), "caddy", "run", "--adapter", "caddyfile", "--config", s.write("Caddyfile", text))
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(s.dir), "XDG_DATA_HOME="+filepath.Dir(s.dir), "XDG_CONFIG_HOME="+filepath.Dir(s.dir))
	s.run(cmd)
}

// traefik does with a request what Traefik's pages say that ForwardAuth does
// (doc.traefik.io, reference of HTTP middlewares, ForwardAuth), by our example.
type traefik struct {
	address       string // of the question
	strip         *regexp.Regexp
	office, login *httputil.ReverseProxy
}

func startTraefik(s *site) {
	var file struct {
		HTTP struct {
			Middlewares struct {
				Zhanggui struct {
					ForwardAuth struct {
						Address                  string
						AuthResponseHeadersRegex string `yaml:"authResponseHeadersRegex"`
					} `yaml:"forwardAuth"`
				}
			}
			Services map[string]struct {
				LoadBalancer struct {
					Servers []struct{ URL string }
				} `yaml:"loadBalancer"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(s.configuration("traefik.yml")), &file); err != nil {
		s.t.Fatal(err)
	}
	forward := file.HTTP.Middlewares.Zhanggui.ForwardAuth
	t := &traefik{address: forward.Address, strip: regexp.MustCompile(forward.AuthResponseHeadersRegex)}
	to := func(service string) *httputil.ReverseProxy {
		u, err := url.Parse(file.HTTP.Services[service].LoadBalancer.Servers[0].URL)
		if err != nil {
			s.t.Fatal(err)
		}
		return &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(u)
			pr.SetXForwarded()
			pr.Out.Host = pr.In.Host
		}}
	}
	t.office, t.login = to("erp"), to("zhanggui")
	l, err := new(net.ListenConfig).Listen(s.t.Context(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: t, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.t.Error(err)
		}
	}()
	s.t.Cleanup(func() { _ = server.Close() })
}

// ServeHTTP implements http.Handler.
func (t *traefik) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/.zhanggui/") {
		t.login.ServeHTTP(w, r)
		return
	}
	answer, err := t.ask(r)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		_, _ = bufio.NewReader(answer.Body).WriteTo(w)
		return
	}
	for name := range r.Header {
		if t.strip.MatchString(name) {
			delete(r.Header, name)
		}
	}
	for name, values := range answer.Header {
		if t.strip.MatchString(name) {
			r.Header[name] = values
		}
	}
	t.office.ServeHTTP(w, r)
}

// ask is the question: a GET with the visitor's headers, and what it is about.
func (t *traefik) ask(r *http.Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, t.address, nil)
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	for _, name := range []string{"Connection", "Upgrade", "Content-Length", "Transfer-Encoding"} {
		req.Header.Del(name)
	}
	req.Header.Set("X-Forwarded-Method", r.Method)
	req.Header.Set("X-Forwarded-Proto", "http")
	req.Header.Set("X-Forwarded-Host", r.Host)
	req.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
	req.Header.Set("X-Forwarded-For", "127.0.0.1")
	return http.DefaultTransport.RoundTrip(req)
}

// dialLocal reaches hosts below localhost, as browsers do.
func dialLocal(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(host, ".localhost") {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}
