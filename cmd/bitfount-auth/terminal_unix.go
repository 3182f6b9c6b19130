//go:build unix

package main

import "os"

// drawsColours says whether a terminal obeys ECMA-48 sequences.
func drawsColours(*os.File) bool {
	kind := os.Getenv("TERM")
	return kind != "" && kind != "dumb"
}
