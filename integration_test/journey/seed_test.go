package journey_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
)

// seedID returns the id of a user that exists at the start, which every process makes from the e-mail address.
func seedID(email string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("mailto:"+email)).String()
}

// flush removes the notes, so that the next person finds none.
func flush(t *testing.T, server *redisserver.Server) {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer rdb.Close()
	keys, err := rdb.Keys(t.Context(), "example:*notes*").Result()
	if err == nil && len(keys) > 0 {
		err = rdb.Del(t.Context(), keys...).Err()
	}
	if err != nil {
		t.Fatalf("remove the notes: %v", err)
	}
}
