// Command exchange is the part of bitfount-auth that answers before main begins,
// and nothing else: what no Go program that asks Bitfount Tray can be faster than.
package main

import (
	"os"

	_ "github.com/bitfount/bitfount-tray/cmd/bitfount-auth/early"
)

func main() { os.Exit(1) } // it would have ended by now
