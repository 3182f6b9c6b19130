// Package authcore proves to Bitfount's services who somebody is, and keeps
// that proof alive: it is what Bitfount Tray is made around, for other Go
// programs to use.
//
// # Handlers
//
// A Handler makes what the Hub and the Access Manager want as HTTP headers and
// the message service as gRPC metadata. There are three ways in:
//
//   - APIKeysHandler: a pair of API keys. It needs nothing else and does not
//     expire.
//   - DeviceCodeFlowHandler: a person signs in in a browser (RFC 8628). The
//     session renews itself until Close, and with a vault it outlives the
//     process.
//   - ExternallyManagedJWTHandler: something else manages a token, and a hook
//     gets it. CommandSource, FileSource and EnvironmentSource are hooks that
//     need no code.
//
// # Requests
//
// A Session sends requests with a handler's headers, to the Hub and the Access
// Manager of one Environment and nowhere else:
//
//	environment, err := authcore.EnvironmentByName("production")
//	transport, err := authcore.NewTransport(authcore.NetworkOptions{})
//	session, err := authcore.NewSession(handler, environment, transport)
//	answer, err := session.Client().Get(environment.HubURL + "/api/pods")
//
// Session.TokenSource is the same for golang.org/x/oauth2, and
// Session.MessageServiceCredentials for gRPC. Programs that send their requests
// by themselves ask the handler for its headers, each time anew.
//
// # Agent
//
// An Agent owns several accounts, one of them active: it signs in, renews ahead
// of need, saves, signs out, and writes what other programs read. Whoever shows
// that to people subscribes to its Snapshot, an immutable value without
// secrets, and sends it Commands. A Problem is an error for people: what
// happened, what it means for them, and the next step. The DeviceCodeFlowHandler
// is an Agent with one account.
//
// # A session that is not lost
//
// A refresh token may be used once. It is used under a lock between processes,
// after the vault was read again; its successor is on the disk before anybody
// sees the new access token; and a mark says that a request is under way, so
// that an answer which never arrived can be told from a session that the server
// has ended. Faults that heal by themselves never cost a session: the token at
// hand is used while it lives, and renewing is tried again. Only the server's
// own refusal means that the user has to sign in again.
//
// # What it does not do
//
// It knows no screen, opens no browser, and links no gRPC. It evaluates no
// proxy auto-configuration files. It does not check an access token, which is
// for the service that receives it.
package authcore
