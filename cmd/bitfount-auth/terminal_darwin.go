package main

import "os"

// hasDisplay says whether a browser that is opened can be seen: not by
// somebody who came over SSH.
func hasDisplay() bool { return os.Getenv("SSH_CONNECTION") == "" }
