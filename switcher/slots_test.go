package switcher_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
	"github.com/multiaccount-go/multiaccount/switcher"
)

func write(text string) switcher.Component {
	return switcher.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

func TestSlotsGetWhatTheyNeed(t *testing.T) {
	var items []switcher.Item
	slots := switcher.Slots{
		Account: func(i switcher.Item) switcher.Component {
			items = append(items, i)
			return write("<b>" + i.ID + "</b>")
		},
		AddAccount: func(url string) switcher.Component { return write("<i>" + url + "</i>") },
		SignOutAll: func(path string) switcher.Component { return write("<u>" + path + "</u>") },
	}
	var b bytes.Buffer
	if err := switcher.RenderWith(&b, several(), slots); err != nil {
		t.Fatal(err)
	}
	root := htmltest.Parse(t, b.String())
	for tag, want := range map[string]int{"li": 4, "b": 4, "i": 1, "u": 1, "form": 0} {
		if got := len(root.Tags(tag)); got != want {
			t.Errorf("got %d <%s>, want %d", got, tag, want)
		}
	}
	if got, want := root.Tags("i")[0].Text(), "/link/p/alice?return_to=%2Finbox%3Ftab%3D2%26x%3D1"; got != want {
		t.Errorf("AddAccount got %q, want %q", got, want)
	}
	for i, item := range items {
		if !reflect.DeepEqual(item.Account, several().Accounts[i]) || item.Stamp != "v1.m-bob.mac" ||
			item.ReturnTo != "/inbox?tab=2&x=1" || item.State != account.StateMulti || item.Texts.SwitchTo != "Switch to %s" {
			t.Errorf("slot %d got %+v", i, item)
		}
	}
	fields := htmltest.Parse(t, string(items[0].Fields())).Tags("input")
	if len(fields) != 2 || fields[0].Attr["value"] != "v1.m-bob.mac" || fields[1].Attr["value"] != "/inbox?tab=2&x=1" {
		t.Errorf("got fields %s", items[0].Fields())
	}
}

func TestSlotForSigningIn(t *testing.T) {
	slots := switcher.Slots{SignIn: func(url string) switcher.Component { return write("<b>" + url + "</b>") }}
	var b bytes.Buffer
	if err := switcher.RenderWith(&b, switcher.Model{SignInPath: "/session/new"}, slots); err != nil {
		t.Fatal(err)
	}
	if got := htmltest.Parse(t, b.String()).Tags("b"); len(got) != 1 || got[0].Text() != "/session/new" {
		t.Errorf("got %s", b.String())
	}
}

func TestSlotThatReturnsNothing(t *testing.T) {
	slots := switcher.Slots{AddAccount: func(string) switcher.Component { return nil }}
	var b bytes.Buffer
	if err := switcher.RenderWith(&b, several(), slots); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), `data-accounts-part="add"`) {
		t.Error("the empty slot left its element behind")
	}
}

func TestFailingSlotWritesNothing(t *testing.T) {
	broken := errors.New("broken")
	fail := switcher.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})
	for name, slots := range map[string]switcher.Slots{
		"Account":    {Account: func(switcher.Item) switcher.Component { return fail }},
		"AddAccount": {AddAccount: func(string) switcher.Component { return fail }},
		"SignOutAll": {SignOutAll: func(string) switcher.Component { return fail }},
	} {
		var b bytes.Buffer
		if err := switcher.RenderWith(&b, several(), slots); !errors.Is(err, broken) || b.Len() > 0 {
			t.Errorf("%s: got error %v and %q, want the slot's error and nothing", name, err, b.String())
		}
	}
}

func TestSlotsSeeTheContext(t *testing.T) {
	type key struct{}
	slots := switcher.Slots{Account: func(switcher.Item) switcher.Component {
		return switcher.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			_, err := fmt.Fprint(w, ctx.Value(key{}))
			return err
		})
	}}
	var b bytes.Buffer
	ctx := context.WithValue(context.Background(), key{}, "of the request")
	if err := switcher.New(several(), slots).Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "of the request"); got != 4 {
		t.Errorf("got the value %d times, want 4", got)
	}
}

// A slot draws an account in the application's own markup. Components of templ fit in the same way.
func ExampleSlots() {
	row := template.Must(template.New("row").Parse(
		`{{if .CanSwitch}}<form method="post" action="{{.SwitchPath}}">{{.Fields}}<button>{{.Profile.Label}}</button></form>` +
			`{{else}}<strong>{{.Profile.Label}}</strong>{{end}}` + "\n"))
	slots := switcher.Slots{Account: func(i switcher.Item) switcher.Component {
		return switcher.ComponentFunc(func(_ context.Context, w io.Writer) error { return row.Execute(w, i) })
	}}
	m := switcher.Model{
		State: account.StateMulti, Stamp: "v1.m1.mac", AddPath: "/link/p/1",
		Accounts: []switcher.Account{
			{ID: "1", Profile: switcher.Profile{Name: "Alice"}, Status: account.StatusActive, Current: true, Primary: true},
			{ID: "2", Profile: switcher.Profile{Name: "Bob"}, Status: account.StatusActive, SwitchPath: "/link/switch_to/2"},
		},
	}
	if err := switcher.RenderWith(os.Stdout, m, slots); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <section id="account-switcher" data-accounts-part="switcher" data-state="multi" aria-label="Accounts">
	// <p data-accounts-part="summary">Signed in as <bdi>Alice</bdi></p>
	// <ul data-accounts-part="list" role="list">
	// <li data-accounts-part="account" data-state="active" aria-current="true">
	// <strong>Alice</strong>
	// </li>
	// <li data-accounts-part="account" data-state="active">
	// <form method="post" action="/link/switch_to/2"><input type="hidden" name="_stamp" value="v1.m1.mac" autocomplete="off"><button>Bob</button></form>
	// </li>
	// </ul>
	// <div data-accounts-part="add"><a href="/link/p/1">Add another account</a></div>
	// </section>
}
