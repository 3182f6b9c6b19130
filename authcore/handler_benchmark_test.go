package authcore

import (
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// BenchmarkHeaders reads headers while signed in, beside the token of
// oauth2.ReuseTokenSource, which locks. A handler that checks the expiry with
// each call pays for reading the clock; "clock" is what that alone costs.
func BenchmarkHeaders(b *testing.B) {
	external := must(NewExternallyManagedJWTHandler(secret.New("t"), time.Now().Add(time.Hour), noToken, "ada"))
	keys := must(NewAPIKeysHandler(secret.New("id:2"), secret.New("key:2"), "ada"))
	reuse := oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(time.Hour)}, nil)
	read := func(h Handler) func() {
		return func() {
			if headers, err := h.HubHeaders(b.Context()); err != nil || len(headers) == 0 {
				b.Fatal(err)
			}
		}
	}
	deadline := time.Now().Add(time.Hour)
	for _, c := range []struct {
		name string
		once func()
	}{
		{"API keys", read(keys)},
		{"external JWT", read(external)},
		{"HeadersFor", func() {
			if _, err := HeadersFor(b.Context(), keys, export.Hub); err != nil {
				b.Fatal(err)
			}
		}},
		{"x-oauth2 ReuseTokenSource", func() {
			if _, err := reuse.Token(); err != nil {
				b.Fatal(err)
			}
		}},
		{"clock", func() {
			if !time.Now().Before(deadline) {
				b.Fatal("late")
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.once()
			}
		})
		b.Run(c.name+", all processors", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.once()
				}
			})
		})
	}
}
