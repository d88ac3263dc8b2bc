package main

import (
	"context"
	"log/slog"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// userEvent, identityEvent and tenantEvent log what people do to themselves and to their tenants, beside the lines of the plugin.
func userEvent(ctx context.Context, e auth.Event) {
	slog.InfoContext(ctx, "user event", "action", e.Action, "user", e.UserID)
}

func identityEvent(ctx context.Context, e oidc.Event) {
	slog.InfoContext(ctx, "user event", "action", e.Action, "user", e.UserID, "provider", e.Provider)
}

func tenantEvent(ctx context.Context, e tenant.Event) {
	slog.InfoContext(ctx, "tenant event", "action", e.Action, "tenant", e.TenantID, "by", e.By, "user", e.UserID)
}
