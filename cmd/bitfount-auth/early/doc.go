// Package early answers what scripts ask for all the time, `bitfount-auth token`
// and `bitfount-auth headers`, before the rest of the program is initialised.
//
// A Go program initialises every package that is linked into it before main
// begins, and the packages of HTTP, TLS, D-Bus and the command line take longer
// than the answer itself. This one needs none of them: it speaks to the local API
// of the same version by system calls. Packages are initialised in the order of
// their dependencies and then of their import paths (The Go Programming Language
// Specification, "Program initialization"), so one that needs only syscall comes
// before those.
//
// It is a shortcut and nothing else. It takes the plain forms of the two commands
// alone, checks that the resident is the same user's, and prints only an answer
// that is a whole success. In every other case it leaves no trace, and main does
// all of it: another account or environment, API keys in the environment, a
// renewal that takes its time, no resident, or an error to be explained.
//
// It is for Linux; elsewhere main is fast enough.
package early

// Alone says that a plain form was asked for and no resident answers, so that
// main will have to open the saved sessions.
var Alone bool
