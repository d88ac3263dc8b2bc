package multiaccount_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount"
)

// A request that says by chunks and by a length where it ends is refused, and what stands behind it is never answered.
func TestRequestWithTwoLengths(t *testing.T) {
	s := newSite(t)
	l := s.listen()
	for name, test := range map[string]struct {
		lines  string
		status int
		more   bool // the second request is answered
	}{
		"a length, then chunks":  {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false},
		"chunks, then a length":  {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, false},
		"in small letters":       {"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", 400, false},
		"a blank in between":     {"Transfer-Encoding: chunked\r\nContent-Length : 5\r\n\r\n0\r\n\r\n", 400, false},
		"chunks alone":           {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, true},
		"a length alone":         {"Content-Length: 0\r\n\r\n", 200, true},
		"a value that names one": {"Transfer-Encoding: chunked\r\nX-Note: Content-Length: 5\r\n\r\n0\r\n\r\n", 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", l.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			second := "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\n"+test.lines+second)
			r := bufio.NewReader(conn)
			first, err := http.ReadResponse(r, nil)
			if err != nil || first.StatusCode != test.status {
				t.Fatalf("got %+v, %v, want %d", first, err, test.status)
			}
			_, _ = io.Copy(io.Discard, first.Body)
			if rest, _ := io.ReadAll(r); strings.HasPrefix(string(rest), "HTTP/1.1") != test.more {
				t.Errorf("behind it: %q", rest)
			}
		})
	}
}

// A page of another name that leads to this server, or a cache in front, is told that there is no such site here.
func TestForeignHosts(t *testing.T) {
	s := newSite(t, func(c *config) { c.Hosts = []string{host, "www.app.test:8443"} })
	b := s.signedIn("a")
	for name, want := range map[string]int{
		host: 200, "APP.test": 200, host + ":443": 200, "www.app.test:8443": 200,
		"evil.test": 421, host + ".": 421, host + ":444": 421, host + ".evil.test": 421, "evil-" + host: 421, "www.app.test": 421,
		"127.0.0.1": 421,
	} {
		s.store.takeCalls()
		a := b.do("GET", "/page", nav, func(r *http.Request) { r.Host = name })
		if a.Status != want {
			t.Errorf("GET of %s: %d, want %d", name, a.Status, want)
		}
		if calls := s.store.takeCalls(); want == 421 && (len(calls) > 0 || strings.Contains(a.Body, "current=")) {
			t.Errorf("%s: the store was asked %v, the answer is %s", name, calls, a.Body)
		}
		if want == 421 {
			a := b.do("POST", "/link/sign_out", form("_stamp", ""), header("Origin", "https://"+name), func(r *http.Request) { r.Host = name })
			if a.Status != want || len(a.Cookies) > 0 {
				t.Errorf("POST of %s: %d, cookies %v", name, a.Status, a.Cookies)
			}
		}
	}
	for _, bad := range []string{"", "https://app.test", "*.app.test", "app.test/x"} {
		if _, err := multiaccount.New(config{Users: newPeople().byIDs, Hosts: []string{bad}}); err == nil ||
			!strings.Contains(err.Error(), fmt.Sprintf("Hosts: %q", bad)) {
			t.Errorf("host %q: %v", bad, err)
		}
	}
}
