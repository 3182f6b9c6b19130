package authcore

import (
	"context"
	"os/exec"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// systemProxy asks the system configuration of macOS.
func systemProxy() httpproxy.Config {
	// It answers in some 10 ms, unless configd hangs.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	printed, err := exec.CommandContext(ctx, "/usr/sbin/scutil", "--proxy").Output()
	if err != nil {
		return httpproxy.Config{}
	}
	return parseScutil(string(printed))
}
