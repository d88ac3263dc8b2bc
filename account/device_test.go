package account_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

func TestADeviceTokenIsWorthNothingElsewhere(t *testing.T) {
	viewer, stranger := newWorld(t, "a^* b", false).load(), newWorld(t, "a^* b", false).load()
	other, third := newWorld(t, "a^*", false).load(), newWorld(t, "a^*", false).load()
	stranger.StampKey[0] = 1
	token := viewer.DeviceToken(other, "m-a")
	if len(token) != 22 || !viewer.IsDeviceToken(token, other, "m-a") {
		t.Fatalf("got %q", token)
	}
	asB := viewer.Clone()
	asB.Current = membership("b")
	choosing := viewer.Clone()
	choosing.Current, choosing.Choice = "", "choice"
	sameKey := stranger.Clone()
	sameKey.StampKey = viewer.StampKey
	for sentence, valid := range map[string]bool{
		"of another session":              viewer.IsDeviceToken(token, third, "m-a"),
		"of a later membership there":     viewer.IsDeviceToken(token, other, "m-a2"),
		"used in another session":         stranger.IsDeviceToken(token, other, "m-a"),
		"used in another with the key":    sameKey.IsDeviceToken(token, other, "m-a"),
		"used as another account":         asB.IsDeviceToken(token, other, "m-a"),
		"used while nobody is current":    choosing.IsDeviceToken(token, other, "m-a"),
		"none, while nobody is current":   choosing.IsDeviceToken("", other, "m-a"),
		"none":                            viewer.IsDeviceToken("", other, "m-a"),
		"the stamp":                       viewer.IsDeviceToken(viewer.Stamp(), other, "m-a"),
		"longer":                          viewer.IsDeviceToken(token+"A", other, "m-a"),
		"shorter":                         viewer.IsDeviceToken(token[:21], other, "m-a"),
		"of the session that looks, here": other.IsDeviceToken(token, viewer, "m-a"),
	} {
		if valid {
			t.Errorf("a token is good though it is %s", sentence)
		}
	}
	if viewer.CheckStamp(token) == nil {
		t.Error("a token is a stamp")
	}
}

func TestASignInNamesTheDevice(t *testing.T) {
	w := newWorld(t, "a^*", true)
	sign := func(name, device string) string {
		t.Helper()
		out, err := w.m.SignInWith(t.Context(), w.load(), &w.cookie, account.Proof{Account: name, Device: device})
		if err != nil {
			t.Fatal(err)
		}
		w.cookie = *out.Cookie
		return w.load().Device
	}
	for i, step := range []struct{ name, device, want string }{
		{"a", "", ""}, {"a", "Firefox", "Firefox"}, {"a", "", "Firefox"}, {"a", "Chrome", "Chrome"},
	} {
		if got := sign(step.name, step.device); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	out, err := w.m.SignInWith(t.Context(), nil, nil, account.Proof{Account: "c", Device: "Safari"})
	if err != nil || out.Session.Device != "Safari" {
		t.Errorf("a new session: got %q, %v", out.Session.Device, err)
	}
}
