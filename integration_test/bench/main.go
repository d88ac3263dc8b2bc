// Command bench compares the plugin with floors: short programs written by hand that do the least that can do the job. Each
// number serves a decision that docs/performance.md records: is the handler cheap enough for every request, does a switch
// reach the last tab fast enough, what does an idle tab cost, how often is Redis asked.
//
// A ratio is taken within one run, ours and the floor in turns, because absolute times say more about the machine and its
// neighbours than about the program. Servers are processes of their own, so that their CPU time is theirs alone. Everything
// stays on the loopback and ends with the program, after two minutes at the latest. A missed aim is printed and is no error:
// a benchmark informs.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// limit bounds the whole run: when it is over, Redis and the servers are killed and the measurement fails.
const limit = 2 * time.Minute

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	role := flag.String("serve", "", "be one of the servers that the benchmark starts, until stdin ends")
	redisAddr := flag.String("redis", "", "address of Redis, for a server")
	profile := flag.String("profile", "", "directory for a CPU profile of every server")
	only := flag.String("only", "", "measure just one of handler, fanout, views, memory, commands, stores")
	flag.Parse()
	if *role != "" {
		if err := serve(*role, *redisAddr, *profile); err != nil {
			log.Fatalf("%s: %v", *role, err)
		}
		return
	}
	// SIGPIPE too: whoever reads the tables may have seen enough, and Redis must not outlive the run.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, *profile, *only); err != nil {
		log.Fatal(err) // whatever was started has ended: run waits for it
	}
}

// bench is what all measurements share.
type bench struct {
	ctx        context.Context // ends every process that was started under it
	profile    string
	redis      *redisServer
	rdb        *redis.Client
	store      *redisstore.Store
	floorStore *redisstore.Store // whose changes only the null hub hears
	sessions   *account.Manager
	report     report
}

func run(ctx context.Context, profile, only string) error {
	began := time.Now()
	server, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer server.stop()
	opt, err := redisstore.Options("redis://" + server.addr)
	if err != nil {
		return err
	}
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	store := redisstore.New(rdb)
	b := &bench{
		ctx: ctx, profile: profile, redis: server, rdb: rdb, store: store,
		floorStore: redisstore.New(rdb, redisstore.WithPrefix(savedPrefix)),
		sessions:   account.NewManager(store, account.Options{}),
	}

	version, err := b.redisVersion()
	if err != nil {
		return err
	}
	fmt.Printf("Machine: %d cores, %s/%s, %s, Redis %s, load average at the start %s. Command: `make bench`.\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), version, loadAverage())
	done := 0
	for _, measurement := range []struct {
		name    string
		measure func() error
	}{{"handler", b.handler}, {"fanout", b.fanout}, {"views", b.views}, {"memory", b.memory}, {"commands", b.commands}, {"stores", b.stores}} {
		if only != "" && only != measurement.name {
			continue
		}
		if err := measurement.measure(); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("stopped after %v: %w", time.Since(began).Round(time.Second), context.Cause(ctx))
			}
			return fmt.Errorf("%s: %w", measurement.name, err)
		}
		done++
	}
	if done == 0 {
		return fmt.Errorf("there is no measurement %q", only)
	}
	b.report.printAims()
	fmt.Printf("\nTook %v, load average at the end %s.\n", time.Since(began).Round(time.Second), loadAverage())
	return nil
}

// loadAverage tells a reader whether somebody else used the machine.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(data), " ")
	return one
}
