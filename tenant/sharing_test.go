package tenant_test

import (
	"errors"
	"testing"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// TestLinksAcrossTenants is TN-06 with the policy that forbids them.
func TestLinksAcrossTenants(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Member, "c", tenant.Member)
	s.tenant("Globex", "c", "d", tenant.Member)
	closed := s.tenant("Closed", "e", "f", tenant.Member)
	if err := s.db.SetStatus(t.Context(), closed.ID, tenant.Suspended); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		others []string
		userID string
		want   bool
	}{
		"of one tenant":                             {[]string{"a"}, "b", true},
		"of both, to who is of one":                 {[]string{"a"}, "c", true},
		"of two tenants":                            {[]string{"a"}, "d", false},
		"of a tenant that only one of them is of":   {[]string{"a", "c"}, "d", false},
		"of a tenant that is suspended":             {[]string{"e"}, "f", false},
		"of no tenant but his own":                  {[]string{"a"}, "g", false},
		"both of no tenant but their own":           {[]string{"g"}, "h", false},
		"to three of whom each is of his tenant":    {[]string{"a", "b"}, "c", true},
		"who does not exist":                        {[]string{"a"}, "nobody", false},
		"to somebody who does not exist any longer": {[]string{"nobody"}, "a", false},
	} {
		if got, err := tenant.Sharing(s.db)(t.Context(), tt.others, tt.userID); got != tt.want || err != nil {
			t.Errorf("%s: got %v and %v, want %v", name, got, err, tt.want)
		}
	}
	if err := s.db.Remove(t.Context(), acme.ID, "b"); err != nil {
		t.Fatal(err)
	}
	if may, err := tenant.Sharing(s.db)(t.Context(), []string{"a"}, "b"); may || err != nil {
		t.Errorf("after he left: got %v and %v", may, err)
	}
	s.db.down.Store(true)
	if may, err := tenant.Sharing(s.db)(t.Context(), []string{"a"}, "c"); may || !errors.Is(err, errDown) {
		t.Errorf("while the store is down: got %v and %v", may, err)
	}
}
