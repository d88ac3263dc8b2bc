package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// spread is how a number came out over the rounds of a run.
type spread struct{ median, min, max float64 }

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f to %.2f)", s.median, s.min, s.max) }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1]}
}

// over divides round by round: neighbours in time are alike, whatever else the machine is doing.
func over(ours, floor []float64) spread {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / floor[i]
	}
	return spreadOf(ratios)
}

// quantile returns the value that the share q of all samples does not exceed.
func quantile(samples []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// micro writes a time in microseconds.
func micro(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Microsecond)) }

// report collects what was aimed at and what came of it.
type report struct{ aims []aim }

type aim struct {
	what      string
	got, most float64
}

// aim notes a number that is to be at most something.
func (r *report) aim(what string, got, most float64) { r.aims = append(r.aims, aim{what, got, most}) }

func (r *report) printAims() {
	rows := make([][]string, len(r.aims))
	missed := 0
	for i, a := range r.aims {
		verdict := "met"
		if a.got > a.most {
			verdict = "**MISSED**"
			missed++
		}
		rows[i] = []string{a.what, fmt.Sprintf("%.2f", a.got), fmt.Sprintf("%.2f", a.most), verdict}
	}
	table("Aims", fmt.Sprintf("%d of %d missed.", missed, len(r.aims)), []string{"number", "measured", "at most", ""}, rows)
}

// table prints a table in markdown, with a sentence that says how it was measured.
func table(title, how string, head []string, rows [][]string) {
	fmt.Printf("\n### %s\n\n%s\n\n| %s |\n|%s\n", title, how, strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, row := range rows {
		fmt.Printf("| %s |\n", strings.Join(row, " | "))
	}
}
