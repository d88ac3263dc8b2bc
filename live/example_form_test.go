package live_test

import (
	"fmt"
	"html/template"
	"os"
	"strings"

	"github.com/multiaccount-go/multiaccount/live"
)

// signUp is what the form has. The same type serves a live view (Decode) and a handler of a plain form (DecodeValues).
type signUp struct {
	Name  string `check:"required,max=20"`
	Mail  string `check:"required,email"`
	Terms bool   `check:"required"`
}

// Validate is for what concerns several fields.
func (s *signUp) Validate() (errs live.Errors) {
	if s.Name != "" && strings.HasPrefix(s.Mail, s.Name+"@") {
		errs.Add("name", "Please use a name that is not in your address.")
	}
	return errs
}

// The template shows a problem beside its field, and what the person typed.
var signUpPage = template.Must(template.New("").Parse(`<form data-ws-send hx-ws:send>
<input name="name" value="{{.Form.Name}}"{{with .Errors.name}} aria-invalid="true"> <em>{{.}}</em>{{else}}>{{end}}
<input name="mail" value="{{.Form.Mail}}"{{with .Errors.mail}} aria-invalid="true"> <em>{{.}}</em>{{else}}>{{end}}
<input name="terms" type="checkbox"{{if .Form.Terms}} checked{{end -}}
{{with .Errors.terms}} aria-invalid="true"> <em>{{.}}</em>{{else}}>{{end}}
</form>
`))

func ExampleDecode() {
	live.MustForm[signUp]() // in a program: where it starts

	// What a view's Event method is called with.
	e := live.Event{Fields: map[string][]string{"_event": {"sign-up"}, "name": {" <Ann> "}, "mail": {"ann.test"}}}

	form, errs := live.Decode[signUp](e)
	if len(errs) == 0 {
		fmt.Println("welcome", form.Name)
		return
	}
	_ = signUpPage.Execute(os.Stdout, struct {
		Form   signUp
		Errors live.Errors
	}{form, errs})
	// Output:
	// <form data-ws-send hx-ws:send>
	// <input name="name" value="&lt;Ann&gt;">
	// <input name="mail" value="ann.test" aria-invalid="true"> <em>Please enter an email address.</em>
	// <input name="terms" type="checkbox" aria-invalid="true"> <em>Please fill this in.</em>
	// </form>
}
