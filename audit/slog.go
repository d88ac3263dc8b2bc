package audit

import (
	"context"
	"log/slog"

	"github.com/multiaccount-go/multiaccount"
)

// Slog returns a sink that writes each event as one line with attributes: changes as information, refusals as warnings.
// The line has the time of the event. A handler that cannot write loses the line, as of any line of a log. nil: slog.Default().
func Slog(log *slog.Logger) Sink {
	if log == nil {
		log = slog.Default()
	}
	return func(ctx context.Context, e multiaccount.Event) {
		level := slog.LevelInfo
		if e.Action == multiaccount.ActionRefused {
			level = slog.LevelWarn
		}
		if log.Enabled(ctx, level) {
			_ = log.Handler().Handle(ctx, line(e, level, "account event"))
		}
	}
}

// line returns an event as a line of a log.
func line(e multiaccount.Event, level slog.Level, message string) slog.Record {
	r := slog.NewRecord(e.Time, level, message, 0)
	for _, f := range fields(e) {
		r.AddAttrs(slog.String(f.name, f.value))
	}
	return r
}
