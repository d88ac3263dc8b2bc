package main

import (
	"context"
	"log/slog"

	"github.com/multiaccount-go/multiaccount/audit"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// trail has one line for each event. A site that people use keeps it elsewhere: see audit.NewStream.
var trail = audit.Slog(slog.Default())

// userEvent and tenantEvent add what people do to themselves and to their tenants to the lines of the plugin.
func userEvent(ctx context.Context, e auth.Event) { trail(ctx, e.Event) }

func tenantEvent(ctx context.Context, e tenant.Event) { trail(ctx, e.Event) }

func identityEvent(ctx context.Context, e oidc.Event) {
	slog.InfoContext(ctx, "user event", "action", e.Action, "user", e.UserID, "provider", e.Provider)
}
