package grpctest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// What authcore promises by structure, the compiler checks here.
var _ credentials.PerRPCCredentials = (*authcore.MessageServiceCredentials)(nil)

// serve runs a gRPC server that accepts calls with the wanted metadata.
func serve(t *testing.T, creds credentials.TransportCredentials, accept func(metadata.MD) bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(creds), grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			if md, _ := metadata.FromIncomingContext(ctx); !accept(md) {
				return nil, status.Error(codes.Unauthenticated, "who are you?")
			}
			return handle(ctx, req)
		}))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-ended })
	return listener.Addr().String()
}

// call makes one call to a server, with those credentials.
func call(t *testing.T, address string, transport credentials.TransportCredentials, c credentials.PerRPCCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(c))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err
}

func certificates(t *testing.T) (server, client credentials.TransportCredentials) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return credentials.NewTLS(&tls.Config{Certificates: s.TLS.Certificates}), credentials.NewTLS(&tls.Config{RootCAs: pool})
}

func session(t *testing.T, h authcore.Handler, environment string) *authcore.Session {
	t.Helper()
	env, err := authcore.EnvironmentByName(environment)
	if err != nil {
		t.Fatal(err)
	}
	s, err := authcore.NewSession(h, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func apiKeys(t *testing.T) authcore.Handler {
	t.Helper()
	h, err := authcore.NewAPIKeysHandler(secret.New("id:am-id"), secret.New("key:am-key"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAPIKeysReachTheMessageServiceByTLS(t *testing.T) {
	server, client := certificates(t)
	var got metadata.MD
	address := serve(t, server, func(md metadata.MD) bool {
		got = md
		return slices.Equal(md.Get("x-api-key-id"), []string{"id"}) && slices.Equal(md.Get("x-api-key"), []string{"key"})
	})
	if err := call(t, address, client, session(t, apiKeys(t), "production").MessageServiceCredentials()); err != nil {
		t.Error(err)
	}
	for name, values := range got {
		if strings.Contains(strings.Join(values, " "), "am-") {
			t.Errorf("%s holds the Access Manager's half", name)
		}
	}
}

func TestTheTokenIsFetchedBeforeTheCall(t *testing.T) {
	server, client := certificates(t)
	address := serve(t, server, func(md metadata.MD) bool { return slices.Equal(md.Get("token"), []string{"jwt"}) })
	asked := 0
	h, err := authcore.NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, func(context.Context) (secret.Secret, time.Time, error) {
		asked++
		return secret.New("jwt"), time.Now().Add(time.Hour), nil
	}, "ada")
	if err != nil {
		t.Fatal(err)
	}
	c := session(t, h, "production").MessageServiceCredentials()
	for range 3 {
		if err := call(t, address, client, c); err != nil {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Errorf("the source was asked %d times", asked)
	}
}

// The whole way of a person: a sign-in at the demo provider, then calls.
func TestASignedInPersonsTokenReachesTheMessageService(t *testing.T) {
	idp := provider.Start(t, provider.Options{Interval: time.Second})
	env := authcore.Environment{
		Name: "demo", Issuer: idp.Issuer, ClientID: idp.ClientID, Audience: idp.Audience,
		HubURL: idp.HubURL, AccessManagerURL: idp.AccessManagerURL,
	}
	const person = "dr.amelia.stone"
	asked := 0
	h, err := authcore.NewDeviceCodeFlowHandler(authcore.DeviceCodeFlowOptions{
		Environment: env, Username: person,
		Prompt: func(_ context.Context, p authcore.DevicePrompt) error {
			asked++
			idp.Approve(p.UserCode, person)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	s, err := authcore.NewSession(h, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := func() string {
		t.Helper()
		pairs, err := h.MessageServiceMetadata(t.Context())
		if err != nil || len(pairs) != 1 || pairs[0].Name != "token" {
			t.Fatalf("metadata = %v, %v", pairs, err)
		}
		return pairs[0].Value.Reveal()
	}
	server, client := certificates(t)
	var got []string
	address := serve(t, server, func(md metadata.MD) bool { got = md.Get("token"); return len(got) == 1 && got[0] != "" })
	for range 2 { // the first call signs in
		if err := call(t, address, client, s.MessageServiceCredentials()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, []string{token()}) {
			t.Error("the message service gets another token than the handler has")
		}
	}
	if asked != 1 {
		t.Errorf("the person was asked %d times", asked)
	}
	if h.Username() != person {
		t.Errorf("signed in as %q", h.Username())
	}
}

func TestACallWithoutCredentialsIsNotMade(t *testing.T) {
	server, client := certificates(t)
	called := false
	address := serve(t, server, func(metadata.MD) bool { called = true; return false })
	h, err := authcore.NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, func(context.Context) (secret.Secret, time.Time, error) {
		return secret.Secret{}, time.Time{}, errors.New("no smart card")
	}, "ada")
	if err != nil {
		t.Fatal(err)
	}
	err = call(t, address, client, session(t, h, "production").MessageServiceCredentials())
	if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "no smart card") || called {
		t.Errorf("the server was called: %v; error %v", called, err)
	}
}

func TestProductionCredentialsNeedTLS(t *testing.T) {
	address := serve(t, insecure.NewCredentials(), func(metadata.MD) bool { t.Error("called"); return true })
	if err := call(t, address, insecure.NewCredentials(), session(t, apiKeys(t), "production").MessageServiceCredentials()); err == nil {
		t.Error("credentials went in the clear")
	}
}

func TestDevelopmentCredentialsStayOnThisComputer(t *testing.T) {
	address := serve(t, insecure.NewCredentials(), func(md metadata.MD) bool { return slices.Equal(md.Get("x-api-key"), []string{"key"}) })
	c := session(t, apiKeys(t), "dev").MessageServiceCredentials()
	if err := call(t, address, insecure.NewCredentials(), c); err != nil {
		t.Error(err)
	}
	// The same server under the name of another computer.
	conn, err := grpc.NewClient("passthrough:///messaging.example.org:443", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(c),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err == nil || !strings.Contains(err.Error(), "on this computer only") {
		t.Errorf("the error is %v", err)
	}
}
