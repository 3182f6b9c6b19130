package authcore

import (
	"net"
	"slices"
	"strings"
)

// noticeNetwork looks, while something fails, whether this computer has other
// addresses than at the last look: it came into another network, or back into
// its own. It is what there is on systems that tell nothing (see WatchWakeUps).
func (a *Agent) noticeNetwork() {
	failing := a.revokeRetries > 0 || slices.ContainsFunc(a.accounts, func(acc *account) bool { return acc.failures > 0 })
	if !failing {
		a.lastAddresses = nil
		return
	}
	now, before := a.addresses(), a.lastAddresses
	a.lastAddresses = &now
	if before == nil || *before == now || now == "" {
		return
	}
	a.log.Info("looking again", "reason", "the network changed")
	a.retryNow()
}

// networkAddresses are the addresses by which this computer can reach others,
// in no meaningful form. It is empty without any.
func networkAddresses() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	var list []string
	for _, address := range all {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			list = append(list, ip.String())
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
