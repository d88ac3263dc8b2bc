// Package controls builds the example from sources in which one protection is edited out. The product itself has no
// switch for
// that: the compiler is told to read other files in place of its own.
package controls

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Edit takes a protection out of one file of the project. Two edits of one build are in two files.
type Edit struct {
	File string // from the project's root
	Text string // stands exactly once in it
	With string
}

// Build builds the example with edits into dir and returns the program. An edit whose text is not found once is an
// error that
// says so: then the protection has moved, and the edit has to follow it.
func Build(dir string, edits ...Edit) (program string, err error) {
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("controls: where the project is: %w", err)
	}
	root := filepath.Dir(filepath.Dir(strings.TrimSpace(string(module))))
	replace := map[string]string{}
	for i, edit := range edits {
		original := filepath.Join(root, edit.File)
		edited := filepath.Join(dir, fmt.Sprint("edited", i, filepath.Ext(edit.File)))
		if err := edit.write(original, edited); err != nil {
			return "", err
		}
		replace[original] = edited
	}
	list := filepath.Join(dir, "overlay.json")
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(list, overlay, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("controls: overlay: %w", err)
	}
	program = filepath.Join(dir, "example")
	build := exec.Command("go", "build", "-C", filepath.Join(root, "example"), "-ldflags", "-s -w", "-overlay", list,
		"-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("controls: %s does not build with the edit: %w\n%s", edits[0].File, err, out)
	}
	return program, nil
}

// write writes the edited file.
func (e Edit) write(original, edited string) error {
	source, err := os.ReadFile(original)
	if err != nil {
		return fmt.Errorf("controls: the protection is not in %s any more; point the edit to where it is now: %w",
			e.File, err)
	}
	if n := strings.Count(string(source), e.Text); n != 1 {
		const moved = "controls: %s has this text %d times instead of once; point the edit to where the protection is now:\n%s"
		return fmt.Errorf(moved, e.File, n, e.Text)
	}
	if err := os.WriteFile(edited, []byte(strings.Replace(string(source), e.Text, e.With, 1)), 0o600); err != nil {
		return fmt.Errorf("controls: %w", err)
	}
	return nil
}
