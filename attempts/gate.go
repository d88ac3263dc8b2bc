package attempts

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// GateConfig says how much happens at once. Zero fields have defaults.
type GateConfig struct {
	// AtOnce is how many pass at the same time: the memory of one password hash, times this, is what a flood can take.
	// Default: half of runtime.GOMAXPROCS(0), at least 1. A hash keeps a processor busy, and pages need the others.
	AtOnce int
	// Waiting is how many may stand in line. Whoever comes then is turned away at once. Default: 16 for each at once.
	Waiting int
	// Patience is how long one stands in line before being turned away. Default: 2 seconds.
	Patience time.Duration
}

// Gate lets a few through at a time, so that a flood of passwords takes neither all memory nor all processors. It bounds one
// process. It is safe for concurrent use. Make it with [NewGate].
type Gate struct {
	turns    chan struct{}
	waiting  atomic.Int64
	most     int64
	patience time.Duration
}

// NewGate returns a gate that nobody has passed.
func NewGate(cfg GateConfig) *Gate {
	if cfg.AtOnce <= 0 {
		cfg.AtOnce = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if cfg.Waiting <= 0 {
		cfg.Waiting = 16 * cfg.AtOnce
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 2 * time.Second
	}
	return &Gate{turns: make(chan struct{}, cfg.AtOnce), most: int64(cfg.Waiting), patience: cfg.Patience}
}

// Enter waits for a turn and returns a function that ends it, to be called once. ErrBusy: there was none in time, or ctx
// ended.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.turns <- struct{}{}:
		return g.leave, nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.most {
		return nil, ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	select {
	case g.turns <- struct{}{}:
		return g.leave, nil
	case <-ctx.Done():
		return nil, ErrBusy
	}
}

func (g *Gate) leave() { <-g.turns }
