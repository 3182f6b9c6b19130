package provider

// Kind is a kind of fault.
type Kind string

// The kinds of faults. The fields that each uses are named with it; all use
// Server, Path, Grant and Times.
const (
	// Status answers Fault.Status, with Error and RetryAfter where given,
	// without processing the request. 429 says "too_many_requests".
	Status Kind = "status"
	// Drop resets the connection without processing the request.
	Drop Kind = "drop"
	// DropAfter processes the request and then resets the connection: the
	// server has rotated, the answer never arrives.
	DropAfter Kind = "drop_after"
	// Delay waits DelayMillis before processing.
	Delay Kind = "delay"
	// CaptivePortal answers 200 with the page of a guest Wi-Fi.
	CaptivePortal Kind = "captive_portal"
	// Redirect answers 307 to Location.
	Redirect Kind = "redirect"
	// IDToken makes the ID token wrong: Fault.IDToken is wrong_key, alg_none,
	// wrong_issuer, wrong_audience, expired, no_username or missing.
	IDToken Kind = "id_token"
	// Date moves the Date header alone, by OffsetSeconds. See Provider.Clock
	// for the whole clock.
	Date Kind = "date"
	// Body processes the request and answers Fault.Body instead, with the real
	// status or Fault.Status.
	Body Kind = "body"
	// Overlay processes the request and writes Fields over the members of the
	// JSON answer; a nil value removes the member.
	Overlay Kind = "overlay"
	// NoDiscovery answers 404 to the discovery request.
	NoDiscovery Kind = "no_discovery"
	// Down resets every connection, without processing, except the control
	// server's. After Provider.Kill connections are refused instead.
	Down Kind = "down"
)

// Fault is something that goes wrong on demand. Where several match a request
// they all act, in the order in which they were set.
type Fault struct {
	Kind Kind `json:"kind"`
	// Server is "issuer", "hub" or "am"; empty means all three.
	Server string `json:"server,omitempty"`
	// Path is exact, such as "/oauth/token"; empty means every path.
	Path string `json:"path,omitempty"`
	// Grant is "refresh_token" or "device_code"; empty means every request.
	Grant string `json:"grant,omitempty"`
	// Times is how many requests it meets; 0 means until Reset.
	Times int `json:"times,omitempty"`

	Status        int            `json:"status,omitempty"`
	Error         string         `json:"error,omitempty"`
	RetryAfter    string         `json:"retry_after,omitempty"`
	DelayMillis   int            `json:"delay_millis,omitempty"`
	Location      string         `json:"location,omitempty"`
	IDToken       string         `json:"id_token,omitempty"`
	OffsetSeconds int            `json:"offset_seconds,omitempty"`
	Body          string         `json:"body,omitempty"`
	Fields        map[string]any `json:"fields,omitempty"`
}
