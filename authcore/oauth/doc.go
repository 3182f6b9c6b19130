// Package oauth is the wire of the device-code login.
package oauth
