// Package policy reads what an administrator has fixed for every user of a
// computer: names and values of authcore.SettingNames. Where it is kept is the
// system's own place, which users cannot write:
//
//	Linux    /etc/bitfount-tray/policy.toml
//	Windows  HKEY_LOCAL_MACHINE\Software\Policies\Bitfount\Tray
//	macOS    the managed preferences of com.bitfount.tray
//
// A file that somebody else than root could have written is not believed: it
// could name a proxy and a certificate authority of a stranger's.
package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Read returns the policy, empty where there is none. What cannot be read,
// understood or used is a problem of the code authcore.ProblemPolicy, which
// must be shown: what is right of the policy is returned all the same. Of a
// policy that cannot be read at all, nobody knows what it forbids: then it
// forbids files with credentials, and nothing else.
func Read() (map[string]string, *authcore.Problem) { return judge(read()) }

// judge looks for mistakes in the values, which the user's settings would hide.
func judge(values map[string]string, err error) (map[string]string, *authcore.Problem) {
	if err != nil && values == nil {
		values = map[string]string{"exports": "false"}
	}
	// Over no settings, every mistake is the policy's.
	if _, mistakes := authcore.ReadSettings("", values); err == nil {
		err = mistakes
	}
	if err == nil {
		return values, nil
	}
	return values, &authcore.Problem{
		Code: authcore.ProblemPolicy, Params: map[string]string{"Path": Place}, Since: time.Now().Round(0),
		Cause: strings.ReplaceAll(err.Error(), "\n", "; "),
	}
}

// parseJSON reads managed preferences as plutil prints them: true and numbers
// as they are, text without its quotes, and a list of texts as these, joined by
// commas. What is neither is a mistake, and empty among the values.
func parseJSON(data []byte) (map[string]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	values := map[string]string{}
	var mistakes []error
	for name, value := range raw {
		if strings.HasPrefix(name, "Payload") || strings.HasPrefix(name, "PFC") {
			continue // what the management itself puts there
		}
		var text string
		var list []string
		switch {
		case json.Unmarshal(value, &text) == nil:
			values[name] = text
		case json.Unmarshal(value, &list) == nil && value[0] == '[':
			values[name] = strings.Join(list, ",")
		case value[0] == '[' || value[0] == '{':
			values[name] = ""
			mistakes = append(mistakes, fmt.Errorf("%s is no text, number, truth value or list of texts", name))
		default:
			values[name] = string(value)
		}
	}
	return values, errors.Join(mistakes...)
}
