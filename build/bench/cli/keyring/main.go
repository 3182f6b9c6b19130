// Command keyring reads one entry of the system's keyring and prints nothing:
// the cost that no program with its secret in a keyring can be below.
package main

import (
	"log"
	"os"

	"github.com/zalando/go-keyring"
)

func main() {
	if _, err := keyring.Get(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
