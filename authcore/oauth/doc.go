// Package oauth is the wire of the device-code login: what is said to the
// authorization server, and how its answers are judged.
//
// It speaks the device authorization grant (RFC 8628), refresh (RFC 6749
// section 6), revocation (RFC 7009) and discovery (OpenID Connect Discovery
// 1.0, RFC 8414), and verifies ID tokens (OpenID Connect Core section 3.1.3.7)
// for a public client of an Auth0 tenant or anything that behaves like one.
//
// # A login
//
//	client, err := oauth.New(oauth.Config{Issuer: "https://auth.example.org/", ClientID: "…"})
//	code, err := client.RequestDeviceCode(ctx)     // show code.UserCode, open the link
//	tokens, err := client.Poll(ctx, code, nil)     // until approved, declined or expired
//	tokens, err = client.Refresh(ctx, tokens.RefreshToken)
//
// Poll goes on through everything that heals by itself, for as long as the code
// lives: a laptop that sleeps, a network that changes, a server that restarts,
// the sign-in page of a guest network. Only an answer that means something ends
// it: tokens, ErrDenied, ErrCodeExpired, or an error that says what was wrong.
//
// A refresh token is worth a sign-in, and a tenant that rotates them makes each
// answer the only copy of the next one. So Refresh hands over whatever refresh
// token arrived, also beside an error, and Poll hands over tokens whose ID token
// cannot be checked yet. What may be lost on the way is told by the errors:
// *Fault is "try later", ErrSignInAgain is the only "never again".
//
// # Time
//
// Every moment in DeviceCode and Tokens is on the server's clock, as far as the
// Date header of its answers tells it (Client.ClockOffset), so a computer whose
// clock is an hour wrong signs in and renews as any other does. Deadlines are
// judged by the wall clock: the time that a laptop sleeps counts.
//
// # Why not a ready-made client
//
// golang.org/x/oauth2 (v0.37), cli/oauth (1.2.2) and zitadel/oidc (v3.51) were
// measured against real providers. All three end the login at one connection
// reset, time-out, status 500 or 429, or HTML page with status 200 while
// polling, and follow a 307 from the token endpoint with the device code in
// hand. x/oauth2 also panics on a negative interval and on the answer null,
// polls for ever without expires_in, ignores a cancel during the device
// request, makes two requests a poll unless told the auth style, and polls so
// exactly that a strict server answers slow_down. Its TokenSource holds a lock
// over HTTP, takes no context, and has no place to store a rotated token before
// it is used. The hooks to change this do not exist, so the loop and the
// refresh are ours; signatures and keys are golang-jwt's and jwkset's.
//
// # What it does not do
//
// It stores nothing, starts no goroutine, opens no browser, and holds no lock
// between processes: the caller must see to it that a refresh token is used
// once. It does not read access tokens, which are not meant for the client
// (RFC 9068 section 6).
package oauth
