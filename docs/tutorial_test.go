// Package docs_test keeps the documents true. It is here, and not beside the program that it reads, because the test cache
// sees no files outside of the module.
package docs_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// programs are the documents that show a program, and the folder that it is in.
var programs = map[string]string{
	"tutorial.md":      "../example/tutorial",
	"write-a-store.md": "../storetest/internal/filestore",
}

var update = flag.Bool("update", false, "write the code of the programs into the documents")

// snippet finds code in the document and, in the comment before it, where it comes from: a file, and the part of it between
// the marks [start name] and [end name], or all of it. Code without such a comment has an empty name.
var snippet = regexp.MustCompile("(?m)(?:^<!-- (\\S+)(?: (\\S+))? -->\n)?^```(?:go|html)\n((?s:.*?))^```$")

func TestDocumentsShowTheirPrograms(t *testing.T) {
	for document, program := range programs {
		t.Run(document, func(t *testing.T) { shows(t, document, program) })
	}
}

func shows(t *testing.T, document, program string) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	replaced := snippet.ReplaceAllStringFunc(string(text), func(found string) string {
		parts := snippet.FindStringSubmatch(found)
		file, name, code := parts[1], parts[2], parts[3]
		if file == "" {
			t.Errorf("code without a comment that says where it comes from:\n%s", code)
			return found
		}
		want, err := part(program, file, name)
		if err != nil {
			t.Error(err)
			return found
		}
		shown[file+" "+name] = true
		if code != want && !*update {
			t.Errorf("%s %s is\n%s\nand the document shows\n%s\nTo write it there: go test ./docs -update",
				file, name, want, code)
		}
		return strings.TrimSuffix(found, code+"```") + want + "```"
	})
	for _, one := range marked(t, program) {
		if !shown[one] {
			t.Errorf("%s is marked, and the document does not show it", one)
		}
	}
	if *update && !t.Failed() && replaced != string(text) {
		if err := os.WriteFile(document, []byte(replaced), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var mark = regexp.MustCompile(`\[(start|end) (\S+)\]`)

// part returns a part of a file, or with the name "" all of it: without marks, and as far to the left as it goes.
func part(program, file, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(program, file))
	if err != nil {
		return "", err
	}
	inside, ended := name == "", name == ""
	var lines []string
	for line := range strings.Lines(string(text)) {
		if m := mark.FindStringSubmatch(line); m != nil {
			if m[2] == name {
				inside, ended = m[1] == "start", m[1] == "end"
			}
		} else if inside {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 || !ended {
		return "", fmt.Errorf("%s has no part between [start %s] and [end %s]", file, name, name)
	}
	for strings.TrimSpace(strings.Join(lines, "")) != "" && indented(lines) {
		for i, line := range lines {
			lines[i] = strings.TrimPrefix(line, "\t")
		}
	}
	return strings.Trim(strings.Join(lines, ""), "\n") + "\n", nil
}

func indented(lines []string) bool {
	for _, line := range lines {
		if line != "\n" && !strings.HasPrefix(line, "\t") {
			return false
		}
	}
	return true
}

// marked returns all parts of all files.
func marked(t *testing.T, program string) (all []string) {
	err := filepath.WalkDir(program, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := filepath.Rel(program, path)
		for _, m := range mark.FindAllStringSubmatch(string(text), -1) {
			if m[1] == "start" {
				all = append(all, filepath.ToSlash(file)+" "+m[2])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
