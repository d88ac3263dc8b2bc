package moving

import (
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// SetLife sets how long a session lives on that moves.
func SetLife(s account.Store, life func(*account.Session) time.Duration) { s.(*indexed).life = life }
