// Command eject writes the default templates of package auth into a folder, for an app to change and to give to
// auth.Config.Templates:
//
//	go run github.com/multiaccount-go/multiaccount/auth/cmd/eject -o views/auth
//
// It writes all of them, or those that are named. Files that are there already stay, unless -force is given.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/multiaccount-go/multiaccount/auth"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "eject:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("eject", flag.ContinueOnError)
	to := flags.String("o", "", "folder to write to")
	force := flags.Bool("force", false, "write over files that are there already")
	flags.SetOutput(out)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil // Parse has said it
	}
	if err != nil {
		return err
	}
	if *to == "" {
		return errors.New("name a folder: -o views/auth")
	}
	files, err := fs.Glob(auth.Templates(), "*.html")
	if err != nil {
		return err
	}
	wanted := flags.Args()
	for _, name := range wanted {
		if !slices.Contains(files, name) {
			return fmt.Errorf("there is no template %q, only %q", name, files)
		}
	}
	if len(wanted) == 0 {
		wanted = files
	}
	if err := os.MkdirAll(*to, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, name := range wanted {
		errs = append(errs, write(filepath.Join(*to, name), name, *force, out))
	}
	return errors.Join(errs...)
}

func write(path, name string, force bool, out io.Writer) error {
	text, err := fs.ReadFile(auth.Templates(), name)
	if err != nil {
		return err
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: -force writes over it", err)
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Close() // what matters is told
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, path)
	return err
}
