//go:build race

package sitetest

// raced: when the tests look for data races, the processes that they start do too.
const raced = true
