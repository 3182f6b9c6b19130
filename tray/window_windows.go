package tray

import "github.com/bitfount/bitfount-tray/authcore"

// displayProblem is nil: a program that the user started has a desktop here.
func displayProblem() *authcore.Problem { return nil }
