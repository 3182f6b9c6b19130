//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "cost: these measurements read /proc and need X, so they work on Linux only")
	os.Exit(1)
}
