package authcore

import (
	"context"
	"errors"
	"net/url"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// problem puts an error of the wire into words for people. nil stays nil.
func (a *Agent) problem(err error, e Environment) *Problem {
	if err == nil {
		return nil
	}
	var known *Problem
	if errors.As(err, &known) {
		return known
	}
	p := &Problem{Code: ProblemInternal, Cause: err.Error(), Since: a.now(), Params: map[string]string{"Host": hostOf(e.Issuer)}}
	var fault *oauth.Fault
	var refused *oauth.RefusedError
	var answer *oauth.AnswerError
	var token *oauth.TokenError
	switch {
	case errors.Is(err, oauth.ErrDenied):
		p.Code = ProblemSignInDenied
	case errors.Is(err, oauth.ErrCodeExpired), errors.Is(err, context.DeadlineExceeded):
		p.Code = ProblemCodeExpired
	case errors.Is(err, oauth.ErrSignInAgain):
		p.Code = ProblemSessionEnded
	case errors.As(err, &fault):
		if fault.Host != "" {
			p.Params["Host"] = fault.Host
		}
		switch fault.Kind {
		case oauth.FaultBusy:
			p.Code = ProblemServerBusy
		case oauth.FaultCaptivePortal:
			p.Code = ProblemCaptivePortal
		case oauth.FaultCertificate:
			p.Code = ProblemCertificate
			p.Params["Issuer"] = fault.CertificateIssuer
		case oauth.FaultProxy:
			// A proxy that nobody could name is of no use to its reader.
			p.Code = ProblemUnreachable
			if fault.Proxy != "" {
				p.Code = ProblemProxy
				p.Params["Proxy"] = fault.Proxy
			}
		default:
			p.Code = ProblemUnreachable
		}
	case errors.As(err, &refused):
		p.Code = ProblemRefused
	case errors.As(err, &token):
		p.Code = ProblemBadToken
	case errors.As(err, &answer):
		p.Code = ProblemBadDeviceAnswer
	}
	return p
}

// storeProblem puts an error of the vault into words for people.
func storeProblem(err error, path string) *Problem {
	p := &Problem{Code: ProblemVaultUnreadable, Cause: err.Error(), Params: map[string]string{"Path": path}}
	for _, known := range []struct {
		err  error
		code ProblemCode
	}{
		{vault.ErrNoSessionBus, ProblemNoSessionBus},
		{vault.ErrKeyringAbsent, ProblemKeyringAbsent},
		{vault.ErrKeyringLocked, ProblemKeyringLocked},
		{vault.ErrKeyringSlow, ProblemKeyringSlow},
		{context.DeadlineExceeded, ProblemVaultUnwritable}, // another program holds the lock
		{vault.ErrKeyMissing, ProblemKeyringKeyMissing},
		{vault.ErrNewerVersion, ProblemVaultNewer},
		{vault.ErrDamaged, ProblemVaultDamaged},
		{vault.ErrUnreadable, ProblemVaultUnreadable},
		{vault.ErrDiskFull, ProblemDiskFull},
		{vault.ErrUnwritable, ProblemVaultUnwritable},
	} {
		if errors.Is(err, known.err) {
			p.Code = known.code
			break
		}
	}
	return p
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return raw
	}
	return u.Host
}
