package authcore

import (
	"golang.org/x/net/http/httpproxy"
	"golang.org/x/sys/windows/registry"
)

const internetSettings = `Microsoft\Windows\CurrentVersion\Internet Settings`

// systemProxy reads what is set in Windows' network settings: the user's own,
// or the computer's where a group policy has taken them from its users ("Make
// proxy settings per-machine").
func systemProxy() httpproxy.Config {
	whose := registry.CURRENT_USER
	if policy, err := registry.OpenKey(registry.LOCAL_MACHINE, `Software\Policies\`+internetSettings, registry.QUERY_VALUE); err == nil {
		perUser, _, err := policy.GetIntegerValue("ProxySettingsPerUser")
		policy.Close()
		if err == nil && perUser == 0 {
			whose = registry.LOCAL_MACHINE
		}
	}
	key, err := registry.OpenKey(whose, `Software\`+internetSettings, registry.QUERY_VALUE)
	if err != nil {
		return httpproxy.Config{}
	}
	defer key.Close()
	enabled, _, err := key.GetIntegerValue("ProxyEnable")
	if err != nil || enabled == 0 {
		return httpproxy.Config{}
	}
	server, _, _ := key.GetStringValue("ProxyServer")
	override, _, _ := key.GetStringValue("ProxyOverride")
	return parseWinINet(server, override)
}
