//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "rest: this measurement reads /proc, so it works on Linux only")
	os.Exit(1)
}
