//go:build !race

package sitetest

const raced = false
