package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth"
)

func TestEjectWritesAllTemplatesOrThoseNamedAndNothingOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "views", "auth")
	var out bytes.Buffer
	if err := run([]string{"-o", dir, "sign_in.html"}, &out); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 || !strings.Contains(out.String(), "sign_in.html") {
		t.Errorf("wrote %v and said %q", files, out.String())
	}
	own := filepath.Join(dir, "sign_in.html")
	if err := os.WriteFile(own, []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-o", dir}, &out); err == nil || !strings.Contains(err.Error(), "-force") {
		t.Errorf("a file was there, and the error is %v", err)
	}
	if text, _ := os.ReadFile(own); string(text) != "own" {
		t.Error("wrote over a file that was there")
	}
	if err := run([]string{"-o", dir, "-force"}, &out); err != nil {
		t.Fatal(err)
	}
	err := fs.WalkDir(auth.Templates(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		want, err := fs.ReadFile(auth.Templates(), name)
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, wrong := range [][]string{{}, {"-o", dir, "nothing.html"}, {"-x"}, {"-o", own}} {
		if run(wrong, &out) == nil {
			t.Errorf("%v: no error", wrong)
		}
	}
}

func TestWhoeverAsksForHelpGetsItAndNoError(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-h"}, &out); err != nil || !strings.Contains(out.String(), "-force") {
		t.Errorf("got %q and error %v", out.String(), err)
	}
}
