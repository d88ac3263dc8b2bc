package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// child is a server in a process of its own.
type child struct {
	addr  string
	stdin io.Closer // the child ends when this does, also when this process dies
	cmd   *exec.Cmd
	http  *client // for the questions below, never for what is measured
}

// start starts this program once more, as a server.
func (b *bench) start(role string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(b.ctx, self, "-serve", role, "-redis", b.redis.addr, "-profile", b.profile)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{stdin: stdin, cmd: cmd}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	c.addr = strings.TrimSpace(line)
	if err == nil {
		c.http, err = dialHTTP(c.addr)
	}
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("server %s did not start: %w", role, err)
	}
	return c, nil
}

// stop ends the server and waits until it is gone.
func (c *child) stop() {
	if c.http != nil {
		c.http.close()
	}
	c.stdin.Close()
	slow := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer slow.Stop()
	_ = c.cmd.Wait()
}

// usage returns what the server has used so far. collect: after giving back all memory that it does not need.
func (c *child) usage(collect bool) (usage, error) {
	path := "/usage"
	if collect {
		path += "?collect=1"
	}
	var u usage
	body, err := c.get(path)
	if err == nil {
		err = json.Unmarshal(body, &u)
	}
	return u, err
}

func (c *child) get(path string) ([]byte, error) {
	r, err := c.http.do(get(c.addr, path, ""))
	if err == nil && r.status != 200 {
		err = fmt.Errorf("GET %s: status %d", path, r.status)
	}
	return r.body, err
}
