package liveload_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestMain is also where the server of these tests begins: they start this program once more.
func TestMain(m *testing.M) {
	if os.Getenv(serving) != "" {
		if err := serve(); err != nil {
			slog.Error("the server stops", "err", err)
			os.Exit(1)
		}
		return
	}
	sitetest.Main(m)
}

// How long a server waits for a pong: so short that tests see it, or longer than they take.
const (
	quick   = 2500 * time.Millisecond
	patient = time.Minute
)

// server is a process that serves a stage.
type server struct {
	t      testing.TB
	addr   string
	origin string
	client http.Client
	done   chan struct{} // closed when the process has ended
}

// startServer starts one, which gives its peers that long to answer a ping. It ends with the test, which fails when the process has not lived until then, or has not ended well.
func startServer(t testing.TB, patience time.Duration) *server {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), serving+"="+patience.String(), "GORACE=atexit_sleep_ms=0")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, done: make(chan struct{})}
	s.client = http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		select {
		case <-s.done:
			t.Errorf("the server has ended before it was asked to:\n%s", log.String())
			return
		default:
		}
		_ = input.Close()
		cut := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
		<-s.done
		cut.Stop()
		text := log.String()
		for _, sign := range []string{"DATA RACE", "panic", "fatal error"} {
			if strings.Contains(text, sign) {
				t.Errorf("the server logged %q", sign)
			}
		}
		if !cmd.ProcessState.Success() {
			t.Errorf("the server ended with %v", cmd.ProcessState)
		}
		if t.Failed() {
			t.Logf("log of the server:\n%.20000s", text)
		}
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(s.done)
	}()
	if err != nil {
		t.Fatalf("the server did not start: %v\n%s", err, log.String())
	}
	s.addr = strings.TrimSpace(line)
	s.origin = "http://" + s.addr
	return s
}

// do sends a request and returns the answer with its body read.
func (s *server) do(method, path, body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.origin+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Origin", s.origin)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := s.client.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, string(text)
}

// signIn returns the cookie of a new session of an account.
func (s *server) signIn(account string) string {
	s.t.Helper()
	response, body := s.do("POST", "/session", url.Values{"id": {account}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	for _, c := range response.Cookies() {
		if c.Name == sitetest.Cookie {
			return c.Name + "=" + c.Value
		}
	}
	s.t.Fatalf("sign in: %d %s", response.StatusCode, body)
	return ""
}

func (s *server) numbers() (n numbers) {
	s.t.Helper()
	_, body := s.do("GET", "/numbers", "")
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		s.t.Fatalf("%s: %v", body, err)
	}
	return n
}

// change writes a row for an account, which all of its views get.
func (s *server) change(account, row string) {
	s.t.Helper()
	if response, body := s.do("POST", "/rows/"+account, row); response.StatusCode != http.StatusOK {
		s.t.Fatalf("change: %d %s", response.StatusCode, body)
	}
}

// view opens a page with a view of the account and looks after its socket.
func (s *server) view(name, account, cookie string) *tab {
	s.t.Helper()
	p := openTab(s.t, s.origin, "/view?name="+name, cookie, "rows", account)
	sitetest.Eventually(s.t, name+" is mounted", func() bool { return s.numbers().Open[name] == 1 })
	return p
}

// tcp returns a connection to the server that ends with the test.
func (s *server) tcp() *net.TCPConn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}
