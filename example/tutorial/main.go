// Command tutorial serves the app of docs/tutorial.md as it is after one of its steps:
//
//	go run -C example ./tutorial 4
//
// Without a number it serves the finished app. ADDR is where it listens; default: 127.0.0.1:3000
package main

import (
	"cmp"
	"log"
	"os"
	"os/signal"
	"strconv"

	"github.com/multiaccount-go/multiaccount/example/tutorial/finished"
	"github.com/multiaccount-go/multiaccount/example/tutorial/site"
	"github.com/multiaccount-go/multiaccount/example/tutorial/step2"
	"github.com/multiaccount-go/multiaccount/example/tutorial/step3"
	"github.com/multiaccount-go/multiaccount/example/tutorial/step4"
	"github.com/multiaccount-go/multiaccount/example/tutorial/step5"
	"github.com/multiaccount-go/multiaccount/example/tutorial/step6"
	"github.com/multiaccount-go/multiaccount/example/tutorial/step7"
)

// steps says what each step adds to the app of the first one. The finished app has steps 8 and 9.
var steps = []func(*site.Site){
	1: func(*site.Site) {},
	2: step2.Add,
	3: step3.Add,
	4: step4.Add,
	5: step5.Add,
	6: step6.Add,
	7: step7.Add,
	8: finished.Add,
}

func main() {
	step := len(steps) - 1
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil || n < 1 || n >= len(steps) {
			log.Fatalf("there are steps 1 to %d", len(steps)-1)
		}
		step = n
	}
	address := cmp.Or(os.Getenv("ADDR"), "127.0.0.1:3000")
	s, err := site.New()
	if err != nil {
		log.Fatal(err)
	}
	steps[step](s)

	stop, ended := make(chan os.Signal, 1), make(chan error)
	signal.Notify(stop, os.Interrupt)
	go func() { <-stop; ended <- s.Shutdown() }()
	log.Printf("step %d is at http://%s/notes; sign in as alice or bob", step, address)
	if err := s.Listen(address); err != nil {
		log.Fatal(err)
	}
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
}
