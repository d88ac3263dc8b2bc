package account

import (
	"errors"
	"fmt"
)

// What a session, a manager or a store can refuse. Compare with errors.Is.
var (
	// ErrNotFound: no such session, or it ended or expired. Treat the visitor as anonymous.
	ErrNotFound = errors.New("session not found")
	// ErrConflict: somebody else wrote the record first. Load it again and decide anew; [Manager] does that by itself.
	ErrConflict = errors.New("session was changed by somebody else")
	// ErrStaleSecret: the secret was rotated away, by a switch in another tab say. Answer safe requests, refuse others.
	ErrStaleSecret = errors.New("session secret was rotated")
	// ErrStaleStamp: the page was drawn for another account than the one that is current now. Let the person reload.
	ErrStaleStamp = errors.New("page was drawn for another account")
	// ErrNotLinked: the account is not in this session. Answer as for an id that does not exist.
	ErrNotLinked = errors.New("account is not in this session")
	// ErrInactive: the account is in this session but must not act. To a browser it looks like ErrNotLinked.
	ErrInactive = errors.New("account is not active")
	// ErrSignInAgain: the account is in this session but its authentication is too old or was revoked. Lead to signing in.
	ErrSignInAgain = errors.New("account must sign in again")
	// ErrSelfLink: an account cannot be linked to itself. Refresh it with [Session.Reauthenticate] instead.
	ErrSelfLink = errors.New("account is the one that asked for the link")
	// ErrAlreadyLinked: the account is in this session already. Refresh it with [Session.Reauthenticate] instead.
	ErrAlreadyLinked = errors.New("account is already in this session")
	// ErrLinkLimit: the maximum number of linked accounts is reached. Sign one out first.
	ErrLinkLimit = errors.New("maximum of linked accounts reached")
	// ErrNoIntent: nobody asked in this session to add an account.
	ErrNoIntent = errors.New("no link was asked for")
	// ErrIntentExpired: adding an account was asked for too long ago, or that request was used or cancelled. Ask again.
	ErrIntentExpired = errors.New("link intent expired")
	// ErrNoCurrent: no account is current; the person must choose one first.
	ErrNoCurrent = errors.New("no account is current")
	// ErrRateLimited: too many switches in this minute. Wait.
	ErrRateLimited = errors.New("too many switches")
	// ErrBadAccount: the id is empty or not UTF-8, so a record would not keep it as it is. Give ids another spelling.
	ErrBadAccount = errors.New("account id is not text")
	// ErrBadCookie: the cookie does not have the form of ours. Treat the visitor as anonymous.
	ErrBadCookie = errors.New("malformed session cookie")
	// ErrBadRecord: a stored record cannot be read. Treat the visitor as anonymous and look who else writes to the store.
	ErrBadRecord = errors.New("unreadable session record")
)

// UnavailableError says that the store did not answer in time. It wraps the cause. Answer 503 and touch no cookie.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return fmt.Sprintf("session store unavailable: %v", e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }
