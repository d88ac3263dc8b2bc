package nodes_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestALiveViewThatOpensDuringASwitch: whatever moment of its handshake a switch falls into, a view of the account before is
// refused, or closed at once. None stays open, and nothing of the new account goes out on it.
func TestALiveViewThatOpensDuringASwitch(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	for i := range 60 {
		n := []*sitetest.Node{s.one, s.two}[i%2]
		to := []string{alice, bob}[i%2]
		d, cookie := v.Document(n), v.CookieHeader(n)
		began := make(chan struct{})
		switched := make(chan struct{})
		go func() {
			defer close(switched)
			<-began
			time.Sleep(rand.N(12 * time.Millisecond))
			if a := v.TrySwitch(s.one, d, to); a.Status != http.StatusSeeOther {
				t.Errorf("switch: %d", a.Status)
			}
		}()
		close(began)
		conn, resp, err := websocket.DefaultDialer.Dial("ws://"+n.Addr+"/live?htmx=4",
			http.Header{"Origin": {n.URL}, "Cookie": {cookie}})
		<-switched
		if err != nil {
			if resp == nil || resp.StatusCode != http.StatusConflict {
				t.Errorf("handshake: %v", err)
			}
			continue
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		foreign := map[string]string{alice: "<bdi>Alice</bdi>", bob: "<bdi>Bob</bdi>"}[to]
		for err == nil {
			var frame []byte
			if _, frame, err = conn.ReadMessage(); strings.Contains(string(frame), foreign) {
				t.Errorf("round %d: the old socket got %s", i, frame)
			}
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != comeBack {
			t.Errorf("round %d: the view of the account before: %v, want to be closed with %d", i, err, comeBack)
		}
		conn.Close()
	}
}
