// Package export turns request headers into what other programs read: text in
// the formats that shells, curl and scripts take, live files that stay fresh,
// and the token file of the Bitfount SDK.
//
// It knows nothing of sessions: its caller hands it headers and says when they
// changed.
package export

import (
	"fmt"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Service is one of the three Bitfount services that headers are made for.
type Service string

// The services, by the names used in URLs, settings and on the command line.
const (
	Hub            Service = "hub"
	AccessManager  Service = "am"
	MessageService Service = "message-service"
)

// Services lists every service, in the order in which menus show them.
var Services = []Service{Hub, AccessManager, MessageService}

// ParseService accepts the names of Services. The error lists them.
func ParseService(name string) (Service, error) {
	for _, s := range Services {
		if string(s) == name {
			return s, nil
		}
	}
	return "", fmt.Errorf("there is no service %q: choose %s, %s or %s", name, Hub, AccessManager, MessageService)
}

// Title is the service's name as people say it.
func (s Service) Title() string {
	switch s {
	case Hub:
		return "Hub"
	case AccessManager:
		return "Access Manager"
	case MessageService:
		return "message service"
	}
	return string(s)
}

// Header is one request header, or one pair of gRPC metadata. The value is a
// secret even where it is not (user-agent), so that no caller has to know.
type Header struct {
	Name  string
	Value secret.Secret
}
