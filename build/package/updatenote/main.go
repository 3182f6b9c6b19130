// Command updatenote signs the note about the newest version, which running
// programs fetch once a day (see package tray/update):
//
//	updatenote -version 1.2.3 >update.txt   with the private key in UPDATE_KEY
//	updatenote -new-key                     makes a pair of keys
//	updatenote -verify <update.txt          as the program would, with its keys
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/bitfount/bitfount-tray/tray/update"
)

// life is how long a note is believed. It is signed anew each month, and two
// months that are missed do no harm.
const life = 90 * 24 * time.Hour

func main() {
	newKey := flag.Bool("new-key", false, "make a pair of keys: the private one on standard output, the public one on standard error")
	verify := flag.Bool("verify", false, "read a note from standard input and say what it announces")
	version := flag.String("version", "", "announce this `version`")
	page := flag.String("page", "", "the `address` of its page (default: the release's)")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, os.Stderr, *newKey, *verify, *version, *page, update.Keys()); err != nil {
		fmt.Fprintln(os.Stderr, "updatenote:", err)
		os.Exit(1)
	}
}

func run(stdin io.Reader, stdout, stderr io.Writer, newKey, verify bool, version, page, keys string) error {
	switch {
	case newKey:
		private, public, err := note.GenerateKey(rand.Reader, "bitfount-tray")
		if err != nil {
			return err
		}
		fmt.Fprintln(stderr, "Keep the line on standard output as the repository's secret UPDATE_KEY, and add this one to tray/update/keys.txt:")
		fmt.Fprintln(stderr, public)
		_, err = fmt.Fprintln(stdout, private)
		return err
	case verify:
		data, err := io.ReadAll(io.LimitReader(stdin, 1<<20))
		if err != nil {
			return err
		}
		r, err := update.Verify(data, keys, time.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "version %s, %s, believed until %s\n", r.Version, r.Page, r.Expires.Format(time.DateOnly))
		return err
	}
	signer, err := note.NewSigner(os.Getenv("UPDATE_KEY"))
	if err != nil {
		// The library's error could quote the key.
		return fmt.Errorf("the variable UPDATE_KEY holds no private key")
	}
	if page == "" {
		page = "https://github.com/bitfount/bitfount-tray/releases/tag/v" + version
	}
	now := time.Now().UTC().Truncate(time.Second)
	data, err := update.Sign(update.Release{Version: version, Page: page, Published: now, Expires: now.Add(life)}, signer)
	if err != nil {
		return err
	}
	_, err = stdout.Write(data)
	return err
}
