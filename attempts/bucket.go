package attempts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Counter keeps buckets, for one process or for all. Implementations are [Memory], redisstore.Counter and sqlstore.Counter. It must be safe
// for concurrent use and return soon after its context ends.
type Counter interface {
	// Take takes one try from every bucket, in one step that no other Take can see half done. When a bucket has none it
	// takes from no bucket and returns how long until all of them have one. An error means that nothing is known; the
	// caller then lets nobody through.
	Take(ctx context.Context, buckets []Bucket) (wait time.Duration, err error)
	// Forget empties a bucket: it has all of its tries again. One that is unknown is no error.
	Forget(ctx context.Context, key string) error
}

// Bucket is a count with its limit, as a [Counter] sees it. Times are whole milliseconds.
type Bucket struct {
	Key   string        // any text; different texts are different buckets
	Tries int           // that are there at once
	Step  time.Duration // after which there is one more
	// Longest 0: a rate. Each Step gives one try back, up to Tries. Else a backoff: once Tries are used up every further
	// one has to wait, first for Step, then for twice as long each time, up to Longest.
	Longest time.Duration
	Memory  time.Duration // a backoff that nobody tries for so long is forgotten
}

// State is what a [Counter] has to remember of a bucket. The zero State is that of one which was never used.
type State struct {
	Used int   // tries of a backoff
	At   int64 // Unix milliseconds. Rate: when all tries are back. Backoff: when the next one may happen
}

// Wait returns how long until the bucket has a try, 0 when it has one now.
func (b Bucket) Wait(s State, now time.Time) time.Duration {
	ready := s.At
	if b.Longest == 0 {
		ready -= int64(b.Tries-1) * b.Step.Milliseconds()
	}
	return max(0, time.Duration(ready-now.UnixMilli())*time.Millisecond)
}

// Take returns the state after one more try, and how long it has to be remembered. Ask Wait before.
func (b Bucket) Take(s State, now time.Time) (State, time.Duration) {
	ms := now.UnixMilli()
	if b.Longest == 0 {
		at := max(s.At, ms) + b.Step.Milliseconds()
		return State{At: at}, time.Duration(at-ms) * time.Millisecond
	}
	used := s.Used + 1
	delay := time.Duration(0)
	if used >= b.Tries {
		delay = time.Duration(min(float64(b.Longest), float64(b.Step)*math.Pow(2, float64(used-b.Tries))))
	}
	return State{Used: used, At: now.Add(delay).UnixMilli()}, b.Memory
}

// Rate is a number of tries in a time. They may come at once; then one is back after each Per/Tries. A negative number of
// tries turns the limit off.
type Rate struct {
	Tries int
	Per   time.Duration // Default: a minute
}

func (r Rate) off() bool { return r.Tries < 0 }

func (r *Rate) setDefaults(tries int) {
	if r.Tries == 0 {
		r.Tries = tries
	}
	if r.Per == 0 {
		r.Per = time.Minute
	}
}

func (r Rate) validate(field string) error {
	if !r.off() && r.Per < time.Duration(r.Tries)*time.Millisecond {
		return fmt.Errorf("field %s.Per is %v: use a millisecond or more for each of %d tries", field, r.Per, r.Tries)
	}
	return nil
}

func (r Rate) bucket(key string) Bucket {
	return Bucket{Key: key, Tries: r.Tries, Step: wholeMilliseconds(r.Per / time.Duration(r.Tries))}
}

// Backoff is some tries at once and then waits that double, until a success. With the defaults that is 5 tries, then one
// after 15 s, 30 s, 1, 2, 4 and 8 minutes, then one every 15 minutes: 14 in the first hour, about 100 a day. A negative
// number of tries turns the limit off.
type Backoff struct {
	Tries   int           // without a wait. Default: 5
	First   time.Duration // wait after those. Default: 15 seconds
	Longest time.Duration // up to which waits double. It is also how long somebody can be locked out. Default: 15 minutes
	Memory  time.Duration // an account that nobody tries for so long is forgotten. Default: an hour
}

func (b Backoff) off() bool { return b.Tries < 0 }

func (b *Backoff) setDefaults() {
	if b.Tries == 0 {
		b.Tries = 5
	}
	for field, value := range map[*time.Duration]time.Duration{
		&b.First: 15 * time.Second, &b.Longest: 15 * time.Minute, &b.Memory: time.Hour,
	} {
		if *field == 0 {
			*field = value
		}
	}
}

func (b Backoff) validate() error {
	if b.off() {
		return nil
	}
	var errs []error
	if b.First < time.Millisecond {
		errs = append(errs, fmt.Errorf("field PerAccount.First is %v: use a millisecond or more", b.First))
	}
	if b.Longest < b.First {
		errs = append(errs, fmt.Errorf("field PerAccount.Longest (%v) is shorter than First (%v): raise the one or lower the other",
			b.Longest, b.First))
	}
	if b.Memory < b.Longest {
		errs = append(errs, fmt.Errorf("field PerAccount.Memory (%v) is shorter than Longest (%v): the count would be forgotten "+
			"before the wait is over", b.Memory, b.Longest))
	}
	return errors.Join(errs...)
}

func (b Backoff) bucket(key string) Bucket {
	return Bucket{Key: key, Tries: b.Tries, Step: wholeMilliseconds(b.First), Longest: wholeMilliseconds(b.Longest),
		Memory: wholeMilliseconds(b.Memory)}
}

// wholeMilliseconds rounds up, so that a limit is never wider than it says.
func wholeMilliseconds(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}
