package journey_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

var update = flag.Bool("update", false, "write the pictures of the documents")

// maxPicture is how many bytes a picture of a document has at most.
const maxPicture = 60 << 10

// shot is what keeps a screen for a document, under a name.
func shot(t *testing.T, tab *browsertest.Tab, name string) {
	t.Helper()
	browsertest.Evaluate[bool](tab, `(document.activeElement?.blur(), scrollTo(0, 0), true)`) // no cursor that blinks
	keep(t, name, tab.Picture(960, 640, 1))
}

// keep writes a picture into the folder of the documents with -update, else where SCREENSHOTS says.
func keep(t *testing.T, name string, shown image.Image) {
	t.Helper()
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, fewColors(shown)); err != nil {
		t.Fatal(err)
	}
	if b.Len() > maxPicture {
		t.Errorf("picture %s has %d bytes, want %d at most", name, b.Len(), maxPicture)
	}
	folder := pictures(t)
	if *update {
		folder = "../../docs"
	}
	file := filepath.Join(folder, name+".png")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fewColors returns a picture with a palette: the colours that it has most of, in whose place the rest goes.
func fewColors(shown image.Image) image.Image {
	counts := map[color.Color]int{}
	at := shown.Bounds()
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			counts[shown.At(x, y)]++
		}
	}
	var palette color.Palette
	for c := range counts {
		palette = append(palette, c)
	}
	slices.SortFunc(palette, func(a, b color.Color) int { return cmp.Compare(counts[b], counts[a]) })
	palette = palette[:min(len(palette), 256)]
	index := map[color.Color]uint8{}
	for c := range counts {
		index[c] = uint8(palette.Index(c))
	}
	few := image.NewPaletted(image.Rect(0, 0, at.Dx(), at.Dy()), palette)
	for y := range at.Dy() {
		for x := range at.Dx() {
			few.SetColorIndex(x, y, index[shown.At(at.Min.X+x, at.Min.Y+y)])
		}
	}
	return few
}

// plainSite is an app with the pages that package auth brings, as they are.
func plainSite(t *testing.T) (address string) {
	t.Helper()
	users := authtest.NewStore()
	accounts, err := multiaccount.New(multiaccount.Config[auth.User]{Users: users.ByIDs, Active: auth.User.IsActive,
		Paths: multiaccount.Paths{AppSignOut: "/session/sign_out"}, Cookie: multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true}})
	if err != nil {
		t.Fatal(err)
	}
	login, err := auth.New(auth.Config{Accounts: accounts, Users: users})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(accounts.Handler)
	accounts.Register(app)
	login.Register(app)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener) }()
	t.Cleanup(func() {
		if err := accounts.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// register fills the form to register.
func register(tab *browsertest.Tab, name, email string) {
	for field, text := range map[string]string{"account_name": name, "email": email, "password": sitetest.Password,
		"password_confirmation": sitetest.Password} {
		browsertest.Evaluate[bool](tab, `(document.querySelector("#`+field+`").value = "", true)`)
		tab.Type("#"+field, text)
	}
	tab.Click(`form[action="/registration"] button`)
}

// TestPicturesOfTheDocuments goes through what the documents show, and keeps a picture of each screen. It writes those of the
// documents with -update alone.
func TestPicturesOfTheDocuments(t *testing.T) {
	n := sitetest.Start(t, redisserver.Start(t).URL())
	person := browsertest.Start(t).NewPerson(t)
	tab := person.NewTab(t)

	// A protected page leads to signing in, and from there to registering.
	tab.Navigate(n.URL + "/private")
	tab.WaitFor(onSignIn+` && location.search === '?request_path=%2Fprivate'`, patience)
	shot(t, tab, "journey/1-sign-in")
	tab.Click(`main a[href="/registration/new?request_path=%2Fprivate"]`)
	tab.WaitFor(`document.readyState === 'complete' && document.querySelector('#account_name')`, patience)
	shot(t, tab, "journey/2-registration")
	register(tab, "Alice", "erin@example.com")
	tab.WaitFor(`document.readyState === 'complete' && document.querySelector('#account_name-problem')?.textContent.includes('is taken already')`, patience)
	shot(t, tab, "journey/3-taken")
	register(tab, "Erin’s Bakery", "erin@example.com")
	tab.WaitFor(`location.pathname === '/private' && `+worksIn("erin@example.com", "Erin’s Bakery")+
		` && document.querySelector('.flash')?.textContent.includes('Erin’s Bakery')`, patience)
	shot(t, tab, "journey/4-signed-in")

	// The name of the tenant is no matter of the profile.
	tab.Navigate(n.URL + "/profile")
	tab.WaitFor(`document.readyState === 'complete' && document.querySelector('#email') && !document.querySelector('[name=account_name]')`, patience)
	shot(t, tab, "journey/5-profile")
	tab.Click(`header form[action="/session/sign_out"] button`)
	tab.WaitFor(`document.readyState === 'complete' && location.pathname === '/' && document.querySelector('main a[href="/session/new"]')`, patience)
	shot(t, tab, "journey/6-signed-out")

	// The page that package auth brings, in whose place the example has one of its own.
	tab.Navigate(plainSite(t) + "/registration/new")
	tab.WaitFor(`document.readyState === 'complete' && document.querySelector('#account_name')`, patience)
	shot(t, tab, "journey/7-default-template")

	// Two tabs of one browser.
	enter(tab, n)
	addBob(tab)
	second := person.NewTab(t)
	second.Navigate(n.URL + "/live")
	second.WaitFor(is("Bob", bob), patience)
	tab.Click(switchTo("Alice"))
	tab.WaitFor(is("Alice", alice), patience)
	second.WaitFor(is("Alice", alice)+" && "+hasNotes(), patience)
	calm(second)
	browsertest.Evaluate[bool](second, `(document.activeElement?.blur(), true)`)
	const width, gap = 690, 20
	left, right := tab.Picture(1280, 700, float64(width)/1280), second.Picture(1280, 700, float64(width)/1280)
	both := image.NewRGBA(image.Rect(0, 0, 2*width+gap, left.Bounds().Dy()))
	draw.Draw(both, both.Bounds(), image.NewUniform(color.Gray{0xc8}), image.Point{}, draw.Src)
	draw.Draw(both, left.Bounds(), left, image.Point{}, draw.Src)
	draw.Draw(both, right.Bounds().Add(image.Pt(width+gap, 0)), right, image.Point{}, draw.Src)
	keep(t, "two-tabs", both)
	quiet(t, tab, "422", "favicon.ico")
	quiet(t, second)
}
