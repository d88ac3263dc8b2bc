package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// A picture that a document shows is there, and one that is there is shown.
func TestPicturesAreThereAndShown(t *testing.T) {
	documents, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	picture := regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`)
	for _, document := range append(documents, "../README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range picture.FindAllSubmatch(text, -1) {
			file := filepath.Join(filepath.Dir(document), string(match[1]))
			shown[file] = true
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s shows %s, which is not there", document, file)
			}
		}
	}
	for _, pattern := range []string{"*.png", "*/*.png"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !shown[file] && !shown[filepath.Join("..", "docs", file)] {
				t.Errorf("no document shows %s", file)
			}
		}
	}
}
