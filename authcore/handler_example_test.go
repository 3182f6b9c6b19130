package authcore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func ExampleAPIKeysHandler() {
	handler, err := authcore.NewAPIKeysHandler(
		secret.New("for-everybody:for-the-access-manager"),
		secret.New("key-for-everybody:key-for-the-access-manager"),
		"ada",
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, service := range []export.Service{export.Hub, export.AccessManager} {
		headers, err := authcore.HeadersFor(context.Background(), handler, service)
		if err != nil {
			fmt.Println(err)
			return
		}
		// Reveal is for the wire; here it shows what goes where.
		fmt.Println(service.Title()+":", headers[0].Name, "=", headers[0].Value.Reveal())
		fmt.Println("printed:", headers[1].Value)
	}
	// Output:
	// Hub: x-api-key-id = for-everybody
	// printed: [redacted]
	// Access Manager: x-api-key-id = for-everybody:for-the-access-manager
	// printed: [redacted]
}

func ExampleDeviceCodeFlowHandler() {
	// These stand in for a tenant and for its user, who approves every sign-in.
	environment, tenant := authcore.DemoTenant("ada")

	handler, err := authcore.NewDeviceCodeFlowHandler(authcore.DeviceCodeFlowOptions{
		Environment: environment, // without it: production
		Transport:   tenant,      // without it: the network
		// Without a Vault, the session ends with the program.
		Prompt: func(_ context.Context, p authcore.DevicePrompt) error {
			fmt.Println("Open", p.VerificationURIComplete, "and compare the code", p.UserCode)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer handler.Close()

	// It asks the user only if that is needed, and waits for the answer.
	if err := handler.Authenticate(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	headers, err := handler.HubHeaders(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in as", handler.Username())
	fmt.Println(headers[0].Name, "=", headers[0].Value)
	// Output:
	// Open https://issuer.test/activate?user_code=ABCD-EFGH and compare the code ABCD-EFGH
	// signed in as ada
	// authorization = [redacted]
}

func ExampleExternallyManagedJWTHandler() {
	// The hook asks whatever manages the token.
	getToken := func(context.Context) (secret.Secret, time.Time, error) {
		return secret.New("header.payload.signature"), time.Now().Add(time.Hour), nil
	}
	handler, err := authcore.NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, getToken, "ada")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("authenticated:", handler.Authenticated())
	if err := handler.Authenticate(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("authenticated:", handler.Authenticated(), "as", handler.Username())
	// Output:
	// authenticated: false
	// authenticated: true as ada
}

// A command, a file or a variable can be the source of the JWT without any code.
func ExampleCommandSource() {
	source := authcore.CommandSource{Argv: []string{"gcloud", "auth", "print-identity-token"}}
	handler, err := authcore.NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, source.GetToken, "ada")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the command runs when it is needed; authenticated:", handler.Authenticated())
	// Output: the command runs when it is needed; authenticated: false
}

func ExampleEnvironmentSource() {
	_ = os.Setenv("MY_TOKEN", `{"token": "header.payload.signature", "expires": "2100-01-01T00:00:00Z"}`)
	_, expires, err := authcore.EnvironmentSource{Variable: "MY_TOKEN"}.GetToken(context.Background())
	fmt.Println(expires.Year(), err)
	// Output: 2100 <nil>
}

func ExampleSession() {
	// This stands in for the Hub.
	hub := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Path, "with", r.Header.Get("X-Api-Key"))
	}))
	defer hub.Close()
	environment := authcore.Environment{
		Name: "example", Issuer: "https://auth.example.org/", ClientID: "example",
		HubURL: hub.URL, AccessManagerURL: "https://am.example.org",
	}

	handler, err := authcore.NewAPIKeysHandler(secret.New("id:am-id"), secret.New("key:am-key"), "ada")
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := authcore.NewTransport(authcore.NetworkOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := authcore.NewSession(handler, environment, transport)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := session.Client().Get(hub.URL + "/api/pods")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = response.Body.Close()
	fmt.Println(response.StatusCode)
	// Output:
	// /api/pods with key
	// 200
}
