package postgres

import "syscall"

// dieWithUs makes the system end the server when the tests are killed and cannot do it themselves.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
