package stage

import "github.com/multiaccount-go/multiaccount/integration_test/sitetest"

// Foreign is the origin of the attacker's site.
const Foreign = "https://evil.test"

const formType = "application/x-www-form-urlencoded"

// Nav returns the headers of a person who opens a page by a link of the site. All bundles are pairs of name and value for
// [sitetest.Visitor.Do].
func Nav() []string {
	return []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document",
		"Sec-Fetch-User", "?1"}
}

// Form returns the headers of a form that a page of the site sends.
func Form(n *sitetest.Node) []string { return append(Nav(), "Origin", n.URL, "Content-Type", formType) }

// HX returns the headers of an htmx request of a page that was drawn with stamp.
func HX(n *sitetest.Node, stamp string) []string {
	return []string{
		"Origin", n.URL, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty",
		"HX-Request", "true", "X-Account-Stamp", stamp, "Content-Type", formType,
	}
}

// JSON returns the headers of a script of the site that asks as a program.
func JSON(n *sitetest.Node) []string {
	return []string{
		"Origin", n.URL, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty",
		"Accept", "application/json", "Content-Type", formType,
	}
}

// XForm returns the headers of a form that the attacker's page sends.
func XForm() []string {
	return []string{
		"Origin", Foreign, "Referer", Foreign + "/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate",
		"Sec-Fetch-Dest", "document", "Content-Type", formType,
	}
}

// XNav returns the headers of a person who follows a link of the attacker's page.
func XNav() []string {
	return []string{"Referer", Foreign + "/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate",
		"Sec-Fetch-Dest", "document"}
}
