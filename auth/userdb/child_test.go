package userdb_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant"
)

const childEnv = "USERDB_TEST_CHILD"

// job is what another process is to do: register all of these at the same time.
type job struct {
	Address string
	Forms   []form
	DieAt   string // beginning of the statement before which the process is killed
}

type form struct{ Email, Tenant string }

// tally counts what has become of a job.
type tally struct {
	Created, NameTaken, EmailTaken int
	Other                          []string
}

func (t *tally) add(other tally) {
	t.Created += other.Created
	t.NameTaken += other.NameTaken
	t.EmailTaken += other.EmailTaken
	t.Other = append(t.Other, other.Other...)
}

// runAsChild does a job when this process was started for one: it says that it is ready, waits for a line, and tells the tally.
func runAsChild() bool {
	text, isChild := os.LookupEnv(childEnv)
	if !isChild {
		return false
	}
	if err := child(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func child(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	if j.DieAt != "" {
		return j.die()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := userdb.Open(ctx, j.Address) // both migrate
	if err != nil {
		return err
	}
	defer db.Close()
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(j.run(ctx, db))
}

// die registers somebody and is killed on the way.
func (j job) die() error {
	dialect, connector, err := connectorTo(j.Address)
	if err != nil {
		return err
	}
	s := &spy{Connector: connector, before: func(query string, _ []any) error {
		if !strings.HasPrefix(query, j.DieAt) {
			return nil
		}
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}}
	return fmt.Errorf("not killed: %+v", j.run(context.Background(), userdb.New(sql.OpenDB(s), dialect)))
}

func (j job) run(ctx context.Context, db *userdb.DB) (t tally) {
	errs := atOnce(len(j.Forms), func(i int) error {
		name, err := tenant.ParseName(j.Forms[i].Tenant)
		if err != nil {
			return err
		}
		_, err = db.Users().Register(ctx, auth.Registration{Email: j.Forms[i].Email, Tenant: name, Now: time.Now()})
		return err
	})
	for _, err := range errs {
		name, email := errors.Is(err, tenant.ErrNameTaken), errors.Is(err, auth.ErrEmailTaken)
		switch {
		case err == nil:
			t.Created++
		case !name && !email:
			t.Other = append(t.Other, err.Error())
		}
		if name {
			t.NameTaken++
		}
		if email {
			t.EmailTaken++
		}
	}
	return t
}

// inTwoProcesses lets two processes do the halves of a job at the same time.
func inTwoProcesses(t *testing.T, address string, forms []form) (total tally) {
	t.Helper()
	half := len(forms) / 2
	var starts []io.Writer
	var answers []*bufio.Reader
	for _, part := range [][]form{forms[:half], forms[half:]} {
		text, err := json.Marshal(job{Address: address, Forms: part})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+string(text))
		cmd.Stderr = t.Output()
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			stdin.Close()
			_ = cmd.Wait() // what went wrong is in its answer
		})
		starts, answers = append(starts, stdin), append(answers, bufio.NewReader(stdout))
	}
	for _, answer := range answers {
		if line, err := answer.ReadString('\n'); strings.TrimSpace(line) != "ready" {
			t.Fatalf("another process said %q: %v", line, err)
		}
	}
	for _, start := range starts {
		if _, err := io.WriteString(start, "go\n"); err != nil {
			t.Fatal(err)
		}
	}
	for _, answer := range answers {
		var part tally
		if err := json.NewDecoder(answer).Decode(&part); err != nil {
			t.Fatal(err)
		}
		total.add(part)
	}
	return total
}
