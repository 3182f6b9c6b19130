//go:build !linux

// Command cli measures the command line on a virtual desktop, which is for
// Linux only.
package main

import "fmt"

func main() { fmt.Println("The measurement needs the virtual desktop, which is for Linux.") }
