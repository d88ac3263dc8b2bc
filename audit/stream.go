package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiaccount-go/multiaccount"
)

// Log keeps records in the order in which they come, such as a [github.com/multiaccount-go/multiaccount/redisstore.Log].
// Append is called from one goroutine and returns soon after its context ends; each record is a list of names and values.
// After an error it is called again with the same records, so one may be kept twice: the value of "event" is the same then.
type Log interface {
	Append(ctx context.Context, records ...[]string) error
}

// Policy says what happens to an event when the queue of a [Stream] is full, because the log is slow or away.
type Policy int

const (
	// Drop loses the event. How many are lost is counted, see [Stream.Lost], and logged once in a while. Requests never
	// wait.
	Drop Policy = iota
	// Block makes the request wait for room, until its context or StreamConfig.Wait ends. An event that found none is
	// written to StreamConfig.Log as an error, with everything that is known of it. The change itself is not undone: it
	// was saved before.
	Block
)

// StreamConfig are the limits of a [Stream]. Zero means the default.
type StreamConfig struct {
	Queue   int           // events that wait to be written. Default: 1024
	Policy  Policy        // when it is full. Default: Drop
	Wait    time.Duration // how long Block lets a request wait. Default: 500 milliseconds
	Timeout time.Duration // for one answer of the log. Default: 1 second
	Log     *slog.Logger  // where losses are reported. Default: slog.Default()
}

// Stream writes events to a [Log] in the background, in the order in which they came. It is safe for concurrent use. Make
// it with [NewStream] and end it with [Stream.Close].
type Stream struct {
	to  Log
	cfg StreamConfig

	queue    chan multiaccount.Event
	lost     atomic.Int64
	closing  chan struct{}
	once     sync.Once
	mu       sync.RWMutex // held for reading while an event is put into the queue
	closed   bool
	drained  chan struct{}      // closed when the writer has ended
	giveUp   context.CancelFunc // ends the writer's patience
	unsaved  int                // what the writer left, once drained
	reported int64              // losses that the log knows of; the writer's
}

// Reported at most this often: losses, and a log that does not answer.
const reportEvery = 10 * time.Second

// batch is how many records are written in one round trip.
const batch = 128

// NewStream returns a stream that writes to a log, and starts its writer. The error names every mistake.
func NewStream(to Log, cfg StreamConfig) (*Stream, error) {
	cfg.Queue = cmp.Or(cfg.Queue, 1024)
	cfg.Wait = cmp.Or(cfg.Wait, 500*time.Millisecond)
	cfg.Timeout = cmp.Or(cfg.Timeout, time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	var errs []error
	if to == nil {
		errs = append(errs, errors.New("audit: the log is nil: give one, such as redisstore.NewLog"))
	} else if v, ok := to.(interface{ Validate() error }); ok {
		errs = append(errs, v.Validate())
	}
	if cfg.Queue < 0 || cfg.Wait < 0 || cfg.Timeout < 0 {
		errs = append(errs, fmt.Errorf("audit: queue %d, wait %v, timeout %v: use positive ones", cfg.Queue, cfg.Wait, cfg.Timeout))
	}
	if cfg.Policy != Drop && cfg.Policy != Block {
		errs = append(errs, fmt.Errorf("audit: policy is %d: use Drop or Block", cfg.Policy))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	ctx, giveUp := context.WithCancel(context.Background())
	s := &Stream{
		to: to, cfg: cfg, queue: make(chan multiaccount.Event, cfg.Queue), closing: make(chan struct{}),
		drained: make(chan struct{}), giveUp: giveUp,
	}
	go s.write(ctx)
	return s, nil
}

// Lost returns how many events did not come into the log since the start.
func (s *Stream) Lost() int64 { return s.lost.Load() }

// OnEvent is a [Sink].
func (s *Stream) OnEvent(ctx context.Context, e multiaccount.Event) {
	if err := s.put(ctx, e); err != nil {
		s.lost.Add(1)
		if s.cfg.Policy == Block || errors.Is(err, errClosed) {
			s.fail(e, err)
		}
	}
}

var (
	errClosed = errors.New("audit: the stream is closed")
	errFull   = errors.New("audit: the queue is full")
)

// put puts an event into the queue, as the policy says.
func (s *Stream) put(ctx context.Context, e multiaccount.Event) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	select {
	case s.queue <- e:
		return nil
	default:
	}
	if s.cfg.Policy == Drop {
		return errFull
	}
	late := time.NewTimer(s.cfg.Wait)
	defer late.Stop()
	select {
	case s.queue <- e:
		return nil
	case <-late.C:
		return errFull
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errFull, ctx.Err())
	case <-s.closing:
		return errClosed
	}
}

// fail writes an event to the application's log, so that it is not lost without a trace.
func (s *Stream) fail(e multiaccount.Event, err error) {
	r := line(e, slog.LevelError, "audit: event is not in the stream")
	r.AddAttrs(slog.Any("err", err))
	_ = s.cfg.Log.Handler().Handle(context.Background(), r)
}

// Close writes what is in the queue and ends the stream. What is not written when ctx ends is lost: the error says how
// many events, and with Block each is logged. Close it after the plugin; an event that comes later is lost and logged.
func (s *Stream) Close(ctx context.Context) error {
	s.once.Do(func() {
		close(s.closing) // whoever waits for room gives up
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		close(s.queue)
	})
	select {
	case <-s.drained:
	case <-ctx.Done():
		s.giveUp()
		<-s.drained
	}
	if s.unsaved > 0 {
		return errors.Join(fmt.Errorf("audit: close: %d events are lost", s.unsaved), ctx.Err())
	}
	return nil
}

// write is the writer: it takes what waits, and writes it until that succeeds.
func (s *Stream) write(ctx context.Context) {
	defer close(s.drained)
	defer s.giveUp()
	report := time.NewTicker(reportEvery)
	defer report.Stop()
	for {
		select {
		case e, ok := <-s.queue:
			if !ok {
				s.report()
				return
			}
			s.save(ctx, s.take(e), report.C)
		case <-report.C:
			s.report()
		}
	}
}

// take returns an event together with those that wait behind it.
func (s *Stream) take(first multiaccount.Event) []multiaccount.Event {
	taken := []multiaccount.Event{first}
	for len(taken) < batch {
		select {
		case e, ok := <-s.queue:
			if !ok {
				return taken
			}
			taken = append(taken, e)
		default:
			return taken
		}
	}
	return taken
}

// Pauses between tries at a log that does not answer.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

// save writes events, again and again until that succeeds or ctx ends.
func (s *Stream) save(ctx context.Context, events []multiaccount.Event, report <-chan time.Time) {
	records := make([][]string, len(events))
	for i, e := range events {
		records[i] = record(e)
	}
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := s.append(ctx, records)
		if err == nil {
			return
		}
		if pause == firstPause {
			s.cfg.Log.Warn("audit: events cannot be written; trying again", "events", len(events), "err", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			s.unsaved += len(events)
			s.lost.Add(int64(len(events)))
			if s.cfg.Policy == Block {
				for _, e := range events {
					s.fail(e, err)
				}
			}
			return
		}
		select {
		case <-report:
			s.report()
		default:
		}
	}
}

// append writes once. A log that panics has not answered.
func (s *Stream) append(ctx context.Context, records [][]string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("audit: the log panicked: %v", r)
		}
	}()
	return s.to.Append(ctx, records...)
}

// report logs how many events were lost since it was logged last.
func (s *Stream) report() {
	if lost := s.lost.Load(); lost > s.reported {
		s.cfg.Log.Error("audit: events are lost", "since the last report", lost-s.reported, "in all", lost)
		s.reported = lost
	}
}
