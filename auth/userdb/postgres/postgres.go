// Package postgres puts the driver for PostgreSQL into the binary. Import it for nothing else, beside package userdb.
package postgres

import _ "github.com/jackc/pgx/v5/stdlib" // registers itself as "pgx"
