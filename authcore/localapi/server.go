package localapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// Serve answers on ln until ctx ends, which ends streams at once and gives
// other answers a second; then it returns nil. It closes ln. It logs no body,
// no header and no query.
func Serve(ctx context.Context, ln net.Listener, b Backend) error {
	server := &http.Server{
		Handler:           handler(b),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: transferLimit,
		IdleTimeout:       2 * requestLimit,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		_ = server.Close()
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	<-failed
	return nil
}

func handler(b Backend) http.Handler {
	s := &server{b}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/snapshot", s.snapshot)
	mux.HandleFunc("POST /v1/commands/{name}", s.command)
	mux.HandleFunc("POST /v1/accounts/api-keys", s.setAPIKeys)
	mux.HandleFunc("POST /v1/accounts/external-jwt", s.setExternalJWT)
	mux.HandleFunc("POST /v1/tests/api-keys", s.testAPIKeys)
	mux.HandleFunc("POST /v1/tests/external-jwt", s.testExternalJWT)
	mux.HandleFunc("GET /v1/headers/{service}", s.headers)
	mux.HandleFunc("GET /v1/token", s.token)
	mux.HandleFunc("/", s.unknown)
	return guard(mux)
}

// guard refuses what a browser could send (see host and marker) and sets what
// is the same for every answer.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.Host != host:
			fail(w, http.StatusForbidden, badRequest("the request must be for http://%s/", host))
			return
		case r.Header.Get(marker) == "":
			fail(w, http.StatusForbidden, badRequest("the request must carry the header “%s: %d”", marker, Version))
			return
		case r.Header.Get("Origin") != "", r.Header.Get("Sec-Fetch-Site") != "":
			fail(w, http.StatusForbidden, badRequest("web pages may not use this API"))
			return
		}
		slog.Debug("local API", "method", r.Method, "path", r.URL.Path)
		next.ServeHTTP(w, r)
	})
}

type server struct{ backend Backend }

func (s *server) snapshot(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), eventStream) {
		s.stream(w, r)
		return
	}
	answer(w, s.backend.Snapshot())
}

// stream sends server-sent events (WHATWG HTML section 9.2): "snapshot" with
// the whole state, and, if the query holds "focus", "focus" when the window
// shall come to the front. Each reader has this goroutine to itself, and what
// it does not read in time is dropped by Subscribe, so it can hold up nobody.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	updates, cancel := s.backend.Subscribe()
	defer cancel()
	var focus <-chan struct{}
	if r.URL.Query().Has(eventFocus) {
		requests, leave := s.backend.Focus.join()
		defer leave()
		focus = requests
	}
	w.Header().Set("Content-Type", eventStream)
	silence := time.NewTicker(keepAlive)
	defer silence.Stop()
	conn := http.NewResponseController(w)
	for {
		var message bytes.Buffer
		select {
		case <-r.Context().Done():
			return
		case snapshot, open := <-updates:
			if !open {
				return
			}
			data, err := json.Marshal(snapshot)
			if err != nil {
				slog.Error("local API: a snapshot cannot be encoded", "error", err)
				return
			}
			fmt.Fprintf(&message, "event: %s\ndata: %s\n\n", eventSnapshot, data)
		case <-focus:
			fmt.Fprintf(&message, "event: %s\ndata: {}\n\n", eventFocus)
		case <-silence.C:
			message.WriteString(": still here\n\n")
		}
		_ = conn.SetWriteDeadline(time.Now().Add(transferLimit))
		if _, err := w.Write(message.Bytes()); err != nil {
			return
		}
		if conn.Flush() != nil {
			return
		}
	}
}

// readBody reads the body of a command, bounded in size and time.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != jsonType {
		return nil, badRequest("a command must have the Content-Type %s", jsonType)
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(transferLimit))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCommand))
	_ = conn.SetReadDeadline(time.Time{})
	if err != nil {
		return nil, badRequest("the command could not be read, or has more than %d bytes", maxCommand)
	}
	return body, nil
}

// decodeBody reads one JSON object. A field that is not known is an error:
// leaving it out could turn the command into another one. The error does not
// repeat values, which may be secret.
func decodeBody(body []byte, value any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return badRequest("the command is not a JSON object as expected: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("something follows the command's JSON object")
	}
	return nil
}

func (s *server) command(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		reject(w, err)
		return
	}
	c, err := parseCommand(r.PathValue("name"), body)
	if err != nil {
		reject(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	defer cancel()
	if err := s.backend.Do(ctx, c); err != nil {
		reject(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// parseCommand reads the body of a command. An empty one has the name alone.
func parseCommand(name string, body []byte) (authcore.Command, error) {
	c := authcore.Command{Name: authcore.CommandName(name)}
	if len(bytes.TrimSpace(body)) == 0 {
		return c, nil
	}
	if err := decodeBody(body, &c); err != nil {
		return authcore.Command{}, err
	}
	if string(c.Name) != name {
		return authcore.Command{}, badRequest("the command names itself %q, but was sent to %q", c.Name, name)
	}
	return c, nil
}

func (s *server) headers(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	service, err := export.ParseService(r.PathValue("service"))
	if err != nil {
		reject(w, badRequest("%v", err))
		return
	}
	var format export.Format
	if name := query.Get("format"); name != "" {
		if format, err = export.ParseFormat(name); err != nil {
			reject(w, badRequest("%v", err))
			return
		}
	}
	minValid, err := parseMinValid(query.Get("min_valid"))
	if err != nil {
		reject(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	defer cancel()
	headers, err := s.backend.Headers(ctx, HeaderQuery{Account: query.Get("account"), Service: service, MinValid: minValid})
	if err != nil {
		reject(w, err)
		return
	}
	if format == "" {
		wire := headersAnswer{Headers: make([]wireHeader, len(headers))}
		for i, h := range headers {
			wire.Headers[i] = wireHeader{h.Name, h.Value.Reveal()}
		}
		answer(w, wire)
		return
	}
	text, err := export.Render(format, service, headers)
	if err != nil {
		reject(w, err)
		return
	}
	kind := "text/plain; charset=utf-8"
	if format == export.FormatJSON {
		kind = jsonType
	}
	send(w, http.StatusOK, kind, []byte(text.Reveal()))
}

func (s *server) token(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	minValid, err := parseMinValid(query.Get("min_valid"))
	if err != nil {
		reject(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	defer cancel()
	token, expires, err := s.backend.Token(ctx, TokenQuery{Account: query.Get("account"), MinValid: minValid})
	if err != nil {
		reject(w, err)
		return
	}
	answer(w, tokenAnswer{token.Reveal(), expires})
}

func parseMinValid(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxMinValid {
		return 0, badRequest("min_valid is %q: write a time such as 90s, 20m or 2h, at most 720h", text)
	}
	return d, nil
}

// unknown answers every other path. A path of another version says which side
// is to be updated.
func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if number, found := strings.CutPrefix(first, "v"); found {
		if asked, err := strconv.Atoi(number); err == nil && asked != Version {
			code := authcore.ProblemClientOutdated
			if asked > Version {
				code = authcore.ProblemResidentOutdated
			}
			reject(w, &authcore.Problem{
				Code:   code,
				Params: map[string]string{"Version": s.backend.Snapshot().Version},
				Cause:  fmt.Sprintf("asked for version %d of the local API, which is at version %d", asked, Version),
			})
			return
		}
	}
	fail(w, http.StatusNotFound, badRequest("there is no %s %s", r.Method, r.URL.Path))
}

func answer(w http.ResponseWriter, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		reject(w, fmt.Errorf("the answer cannot be encoded: %w", err))
		return
	}
	send(w, http.StatusOK, jsonType, append(data, '\n'))
}

func reject(w http.ResponseWriter, err error) {
	p := asProblem(err)
	fail(w, status(p), p)
}

func fail(w http.ResponseWriter, code int, p *authcore.Problem) {
	data, err := json.Marshal(errorAnswer{p, p.Words()})
	if err != nil {
		data = []byte(`{"problem":{"code":"internal"}}`)
	}
	send(w, code, jsonType, append(data, '\n'))
}

func send(w http.ResponseWriter, code int, kind string, body []byte) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(transferLimit))
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
