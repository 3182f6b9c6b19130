// Package grpctest proves, against a real gRPC server, that the credentials
// that authcore makes for the message service are what gRPC takes. It holds
// tests only, in a module of its own, so that gRPC is in no way part of the
// product.
package grpctest
