package main

import (
	"context"
	"log/slog"

	"github.com/multiaccount-go/multiaccount/auth"
)

// forgetUser removes what this app keeps of a user who was deleted.
func (s *site) forgetUser(ctx context.Context, u auth.User) { s.forgetUsers(ctx, []string{u.ID}) }

// forgetUsers is forgetUser for those who were deleted with their tenant.
func (s *site) forgetUsers(ctx context.Context, ids []string) {
	s.users.Changed(ctx, ids...)
	for _, id := range ids {
		if err := s.notes.Forget(ctx, id); err != nil {
			slog.Error("notes of a deleted user stay", "user", id, "err", err)
		}
	}
}
