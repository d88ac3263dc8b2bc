// Package sqlite puts the driver for SQLite, which is written in Go, into the binary. Import it for nothing else, beside
// package userdb.
package sqlite

import _ "modernc.org/sqlite" // registers itself as "sqlite"
