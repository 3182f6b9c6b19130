package authcore

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// APIKeysHandler authenticates with a pair of API keys. It is authenticated
// from creation, and nothing can be checked on this computer: wrong keys or a
// wrong username show when a service refuses them. It is immutable.
type APIKeysHandler struct {
	username                string
	hub, am, messageService []export.Header
}

// NewAPIKeysHandler makes a handler for username from an API key ID and an API
// key, each as the Hub shows it: two halves with a colon between them. What is
// before the first colon goes to the Hub and the message service; the whole
// goes to the Access Manager alone.
//
// It is an error if the username is empty or "_default", or if a key is empty,
// has nothing before its colon, or has blanks, line breaks, control characters
// or anything but ASCII in it. Keys are taken as they are: a form that people
// paste into trims them first. No error repeats a key.
func NewAPIKeysHandler(keyID, key secret.Secret, username string) (*APIKeysHandler, error) {
	return newAPIKeysHandler(keyID, key, username, UserAgent())
}

func newAPIKeysHandler(keyID, key secret.Secret, username, userAgent string) (*APIKeysHandler, error) {
	err := errors.Join(
		checkUsername(username),
		checkAPIKey("API key ID", keyID),
		checkAPIKey("API key", key),
	)
	if err != nil {
		return nil, err
	}
	forHub := []export.Header{
		{Name: headerAPIKeyID, Value: beforeColon(keyID)},
		{Name: headerAPIKey, Value: beforeColon(key)},
	}
	whole := []export.Header{
		{Name: headerAPIKeyID, Value: keyID},
		{Name: headerAPIKey, Value: key},
	}
	agent := export.Header{Name: headerUserAgent, Value: secret.New(userAgent)}
	return &APIKeysHandler{
		username:       username,
		hub:            slices.Clip(append(slices.Clone(forHub), agent)),
		am:             slices.Clip(append(whole, agent)),
		messageService: forHub,
	}, nil
}

// APIKeysFromEnvironment returns what the variables APIKeyIDVariable and
// APIKeyVariable hold. ok is false unless both are set and not empty: only then
// do they select API keys. They name no user, and nothing is checked here:
// NewAPIKeysHandler does that.
func APIKeysFromEnvironment() (keyID, key secret.Secret, ok bool) {
	keyID, key = secret.New(os.Getenv(APIKeyIDVariable)), secret.New(os.Getenv(APIKeyVariable))
	if keyID.Empty() || key.Empty() {
		return secret.Secret{}, secret.Secret{}, false
	}
	return keyID, key, true
}

func checkAPIKey(what string, key secret.Secret) error {
	if err := checkCredential(what, key); err != nil {
		return err
	}
	if beforeColon(key).Empty() {
		return errors.New("the " + what + " has nothing before its colon: copy it again, from its beginning")
	}
	return nil
}

func beforeColon(key secret.Secret) secret.Secret {
	first, _, _ := strings.Cut(key.Reveal(), ":")
	return secret.New(first)
}

// HubHeaders are x-api-key-id and x-api-key with the halves before the colon,
// and user-agent. The error is always nil.
func (h *APIKeysHandler) HubHeaders(context.Context) ([]export.Header, error) { return h.hub, nil }

// AccessManagerHeaders are x-api-key-id and x-api-key with the whole keys, and
// user-agent. The error is always nil.
func (h *APIKeysHandler) AccessManagerHeaders(context.Context) ([]export.Header, error) {
	return h.am, nil
}

// MessageServiceMetadata is the Hub's pair of keys. The error is always nil.
func (h *APIKeysHandler) MessageServiceMetadata(context.Context) ([]export.Header, error) {
	return h.messageService, nil
}

// Authenticated is always true.
func (h *APIKeysHandler) Authenticated() bool { return true }

// Username is the one that the handler was made with.
func (h *APIKeysHandler) Username() string { return h.username }

// Authenticate does nothing: API keys are valid from creation.
func (h *APIKeysHandler) Authenticate(context.Context) error { return nil }
