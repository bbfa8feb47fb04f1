package shim

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/containerd/log"
)

// stopwatch takes the time of each step of a start.
type stopwatch struct {
	began, last time.Time
	laps        log.Fields // step: milliseconds
}

func (w *stopwatch) start() {
	w.began = time.Now()
	w.last = w.began
	w.laps = make(log.Fields)
}

func (w *stopwatch) lap(step string) {
	now := time.Now()
	w.laps["ms."+step] = milliseconds(now.Sub(w.last))
	w.last = now
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// done logs the one line that a start leaves: who, by which rules, and what
// each step took. The hook's time is within that of runc's create.
func (s *start) done(ctx context.Context) {
	s.clock.lap("runc")
	fields := s.clock.laps
	fields["id"] = s.req.ID
	fields["namespace"] = s.subject.Namespace
	fields["rules"] = len(s.selection.Rules)
	fields["ms"] = milliseconds(time.Since(s.clock.began))
	if plan := s.container.plan; plan != nil {
		fields["plan"] = plan.Digest[:12]
		if residuals := plan.Residuals(); len(residuals) > 0 {
			fields["residuals"] = residuals
		}
		if unenforced := plan.Unenforced(); len(unenforced) > 0 {
			fields["unenforced"] = first(unenforced, maxListed)
		}
	}
	log.G(ctx).WithFields(fields).Info("prearm: armed")
	go debug.FreeOSMemory() // what compiling took is not needed again
}
