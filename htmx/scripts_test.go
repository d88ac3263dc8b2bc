package htmx_test

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/htmx"
)

// configOf returns htmx's configuration as a page with these elements says it.
func configOf(t *testing.T, scripts string) map[string]any {
	t.Helper()
	match := regexp.MustCompile(`<meta name="htmx-config" content="([^"]*)">`).FindStringSubmatch(scripts)
	if match == nil {
		t.Fatalf("no configuration in %s", scripts)
	}
	var config map[string]any
	if err := json.Unmarshal([]byte(html.UnescapeString(match[1])), &config); err != nil {
		t.Fatal(err)
	}
	return config
}

func TestScriptsComeInTheOrderThatHtmxNeeds(t *testing.T) {
	for version, order := range map[htmx.Version][]string{
		htmx.V2: {`name="htmx-config"`, "/htmx/htmx-2.0.11.min.js?v=", "/htmx/htmx-ext-ws-2.0.4.min.js?v=", "/htmx/live.js?v="},
		htmx.V4: {`name="htmx-config"`, "/htmx/htmx-4.0.1.min.js?v=", "/htmx/hx-ws-4.0.1.min.js?v=", "/htmx/live.js?v="},
	} {
		drawn := string(htmx.Scripts(version))
		rest := drawn
		for _, part := range order {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Fatalf("htmx %v: %q is not there, or not in its place: %s", version, part, drawn)
			}
			rest = after
		}
		for _, word := range []string{"defer", "async", "nonce", "module"} {
			if strings.Contains(drawn, " "+word) {
				t.Errorf("htmx %v: %q in %s", version, word, drawn)
			}
		}
	}
}

func TestDefaultSettingsAreSafe(t *testing.T) {
	v2, v4 := configOf(t, string(htmx.Scripts(htmx.V2))), configOf(t, string(htmx.Scripts(htmx.V4)))
	for key, want := range map[string]any{
		"allowEval": false, "allowScriptTags": false, "selfRequestsOnly": true, "historyCacheSize": 0.0, "includeIndicatorStyles": false,
	} {
		if v2[key] != want {
			t.Errorf("htmx 2: %s is %v, want %v", key, v2[key], want)
		}
	}
	if v4["mode"] != "same-origin" || v4["includeIndicatorCSS"] != false {
		t.Errorf("htmx 4: %v", v4)
	}
}

// What the versions do with a status is decided here as their sources do it.
func TestBothVersionsShowTheSameAnswers(t *testing.T) {
	v2, v4 := configOf(t, string(htmx.Scripts(htmx.V2))), configOf(t, string(htmx.Scripts(htmx.V4)))
	shows2 := func(status string) bool {
		for _, rule := range v2["responseHandling"].([]any) {
			rule := rule.(map[string]any)
			if regexp.MustCompile(rule["code"].(string)).MatchString(status) {
				return rule["swap"].(bool)
			}
		}
		return false
	}
	shows4 := func(status string) bool {
		data, _ := json.Marshal(v4["noSwap"])
		for _, pattern := range []string{status, status[:2] + "x", status[:1] + "xx"} {
			for _, hidden := range regexp.MustCompile(`[0-9x]{3}`).FindAllString(string(data), -1) {
				if hidden == pattern {
					return false
				}
			}
		}
		return true
	}
	for status := 200; status < 600; status++ {
		text := string([]byte{'0' + byte(status/100), '0' + byte(status/10%10), '0' + byte(status%10)})
		want := status < 400 && status != 204 || status == 422
		if got := shows2(text); got != want {
			t.Errorf("htmx 2 shows a %d: %v, want %v", status, got, want)
		}
		if got := shows4(text); got != want && status != 304 { // a 304 never gets as far as here
			t.Errorf("htmx 4 shows a %d: %v, want %v", status, got, want)
		}
	}
}

func TestAnAppChangesSettings(t *testing.T) {
	config := htmx.Config{Settings: map[string]any{"historyCacheSize": 3, "timeout": 5000, "allowEval": nil, "inlineStyleNonce": `"><b>`}}
	drawn := string(htmx.Scripts(htmx.V2, config))
	got := configOf(t, drawn)
	if got["historyCacheSize"] != 3.0 || got["timeout"] != 5000.0 || got["inlineStyleNonce"] != `"><b>` || got["selfRequestsOnly"] != true {
		t.Errorf("configuration %v", got)
	}
	if _, there := got["allowEval"]; there {
		t.Error("a setting that was taken out is still there")
	}
	if strings.Contains(drawn, "<b>") {
		t.Errorf("a setting breaks out: %s", drawn)
	}
	if configOf(t, string(htmx.Scripts(htmx.V2)))["historyCacheSize"] != 0.0 {
		t.Error("one page has changed the settings of all")
	}
}

func TestNonceIsOnEachScript(t *testing.T) {
	drawn := string(htmx.Scripts(htmx.V4, htmx.Config{Nonce: `n"><script>`, Prefix: `/p"><script>`}))
	if got := strings.Count(drawn, ` nonce="n&#34;&gt;&lt;script&gt;"`); got != 3 {
		t.Errorf("%d nonces, want 3: %s", got, drawn)
	}
	if strings.Contains(drawn, `"><script>`) {
		t.Errorf("an attribute breaks out: %s", drawn)
	}
}

func TestMistakesOfThePageEndWithAPanic(t *testing.T) {
	for name, draw := range map[string]func(){
		"no version":              func() { htmx.Scripts(0) },
		"another version":         func() { htmx.Scripts(3) },
		"a setting is not a JSON": func() { htmx.Scripts(htmx.V2, htmx.Config{Settings: map[string]any{"x": func() {}}}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			draw()
		})
	}
}

func TestParseVersion(t *testing.T) {
	for _, version := range []htmx.Version{htmx.V2, htmx.V4} {
		if got, ok := htmx.ParseVersion(version.String()); !ok || got != version {
			t.Errorf("%v is read as %v, %v", version, got, ok)
		}
	}
	for _, text := range []string{"", "3", " 2", "2.0", "４"} {
		if got, ok := htmx.ParseVersion(text); ok || got != 0 {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
