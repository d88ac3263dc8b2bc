package tenant

import "context"

// Sharing keeps accounts of different tenants out of one session: it is for the MayLink of the plugin's configuration. An
// account may join others when it has a tenant in common with each of them that is not suspended. A registration that makes a
// tenant of its own is refused then while an account is being added, and leaves nothing behind.
func Sharing(store Store) func(ctx context.Context, others []string, userID string) (bool, error) {
	return func(ctx context.Context, others []string, userID string) (bool, error) {
		own, err := tenantsOf(ctx, store, userID)
		if err != nil {
			return false, err
		}
		for _, other := range others {
			theirs, err := tenantsOf(ctx, store, other)
			if err != nil {
				return false, err
			}
			if !intersect(own, theirs) {
				return false, nil
			}
		}
		return true, nil
	}
}

// tenantsOf returns the tenants that a user can work in.
func tenantsOf(ctx context.Context, store Store, userID string) (map[string]bool, error) {
	all, err := store.Memberships(ctx, userID)
	ids := make(map[string]bool, len(all))
	for _, m := range all {
		if m.Tenant.IsActive() {
			ids[m.Tenant.ID] = true
		}
	}
	return ids, err
}

func intersect(a, b map[string]bool) bool {
	for id := range a {
		if b[id] {
			return true
		}
	}
	return false
}
