package htmx

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"strings"
)

// Config says how a page loads htmx. The zero Config is right for most apps.
type Config struct {
	// Prefix is the path under which [Handler] is mounted, without the wildcard. Default: /htmx
	Prefix string
	// Nonce is the nonce of the page's Content-Security-Policy, for pages whose policy has one. Default: none
	Nonce string
	// Settings replaces or adds keys of htmx's own configuration, by the names that the page's version of htmx uses. A nil
	// value leaves htmx's default. Whoever sets responseHandling (htmx 2) or noSwap (htmx 4) decides which errors are shown;
	// [Error] works with all of them. Default: see [Scripts]
	Settings map[string]any
}

// settings are the defaults of this package, where they differ from those of htmx. In both versions a 422 is shown, which
// is a form with what is wrong with it, and other errors leave the page alone: what an app wants to be seen it answers with
// [Error]. Neither adds a style element, which a strict Content-Security-Policy refuses. htmx 2 is told to run no code from
// attributes or from HTML that it fetches and to keep no copies of pages, where the next person at this browser would find
// them; htmx 4 keeps none, and has no such switches for code: there only a Content-Security-Policy forbids it.
var settings = map[Version]map[string]any{
	V2: {
		"allowEval":              false,
		"allowScriptTags":        false,
		"selfRequestsOnly":       true,
		"historyCacheSize":       0,
		"includeIndicatorStyles": false,
		"responseHandling": []map[string]any{
			{"code": "204", "swap": false},
			{"code": "[23]..", "swap": true},
			{"code": "422", "swap": true},
			{"code": "...", "swap": false, "error": true},
		},
	},
	V4: {
		"mode":                "same-origin",
		"includeIndicatorCSS": false,
		"noSwap": []any{204, 304, "40x", "41x", 420, 421, 423, 424, 425, 426, 427, 428, 429,
			"43x", "44x", "45x", "46x", "47x", "48x", "49x", "5xx"},
	},
}

// Scripts returns what a page's head element needs: the meta element with htmx's configuration, then the script elements of
// htmx, of its websocket extension and of live views, in this order. The script of the accounts, if there is one, has to
// come before. None of them is deferred: htmx 4 starts by itself, and an extension has to be there by then.
//
// The configuration: no eval, no scripts in fetched HTML (htmx 2), requests to this site only, no copies of pages in the
// browser's storage, no style elements, and of the answers with an error only 422 is shown.
//
// It panics for a version that this package has not (see [ParseVersion]) and for settings that are no JSON. At most one
// Config counts.
func Scripts(version Version, config ...Config) template.HTML {
	var cfg Config
	if len(config) > 0 {
		cfg = config[0]
	}
	names, ok := scripts[version]
	if !ok {
		panic(fmt.Sprintf("htmx: scripts: there is no version %d here", version))
	}
	prefix := strings.TrimSuffix(cmp.Or(cfg.Prefix, "/htmx"), "/")

	var b strings.Builder
	fmt.Fprintf(&b, "<meta name=\"htmx-config\" content=\"%s\">\n", template.HTMLEscapeString(configOf(version, cfg.Settings)))
	for _, name := range names {
		address := prefix + "/" + name + "?v=" + assets[name].version()
		fmt.Fprintf(&b, `<script src="%s"`, template.HTMLEscapeString(address))
		if cfg.Nonce != "" {
			fmt.Fprintf(&b, ` nonce="%s"`, template.HTMLEscapeString(cfg.Nonce))
		}
		b.WriteString("></script>\n")
	}
	return template.HTML(b.String())
}

// configOf returns the content of the meta element.
func configOf(version Version, own map[string]any) string {
	merged := maps.Clone(settings[version])
	maps.Copy(merged, own)
	maps.DeleteFunc(merged, func(_ string, value any) bool { return value == nil })
	text, err := json.Marshal(merged)
	if err != nil {
		panic(fmt.Errorf("htmx: scripts: settings: %w", err))
	}
	return string(text)
}
