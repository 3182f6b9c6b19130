package early

// question is what a command line asks the local API.
type question struct {
	socket, path string
	// print turns the body of the answer into what the command prints.
	print func(body []byte) ([]byte, bool)
}

// parse accepts the plain forms of token and headers.
func parse(args []string, getenv func(string) (string, bool)) (q question, ok bool) {
	set := func(name string) bool { value, _ := getenv(name); return value != "" }
	runtime, _ := getenv("XDG_RUNTIME_DIR")
	if len(args) < 2 || runtime == "" || runtime[0] != '/' || set("BITFOUNT_ENVIRONMENT") {
		return q, false
	}
	q.socket = runtime + "/bitfount-tray/api.sock"
	command, rest := args[1], args[2:]
	service, format, minValid, asJSON := "", "", "", false
	for len(rest) > 0 {
		value := ""
		if len(rest) > 1 {
			value = rest[1]
		}
		switch {
		case rest[0] == "--min-valid" && minValid == "" && onlyOf(value, "0123456789."):
			minValid, rest = value, rest[2:]
		case command == "headers" && rest[0] == "--format" && format == "" && onlyOf(value, "-"):
			format, rest = value, rest[2:]
		case command == "headers" && service == "" && rest[0][:min(1, len(rest[0]))] != "-" && onlyOf(rest[0], "-"):
			service, rest = rest[0], rest[1:]
		case command == "token" && rest[0] == "--json" && !asJSON:
			asJSON, rest = true, rest[1:]
		default:
			return q, false
		}
	}
	switch command {
	case "token":
		q.path = "/v1/token?"
		q.print = func(body []byte) ([]byte, bool) { return tokenOf(body, asJSON) }
	case "headers":
		if set("BITFOUNT_API_KEY_ID") && set("BITFOUNT_API_KEY") {
			return q, false
		}
		if service == "" {
			service = "hub"
		}
		if format == "" {
			format = "headers"
		}
		q.path = "/v1/headers/" + service + "?format=" + format + "&"
		q.print = func(body []byte) ([]byte, bool) { return body, len(body) > 0 }
	default:
		return q, false
	}
	if minValid != "" {
		q.path += "min_valid=" + minValid
	}
	return q, true
}

// onlyOf says whether a text is of small letters and the others, and not empty.
func onlyOf(text, others string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && index(others, text[i:i+1]) < 0 {
			return false
		}
	}
	return text != ""
}

// bodyOf is the body of an HTTP answer (RFC 9112) that is a whole success.
func bodyOf(answer string) ([]byte, bool) {
	const success, length = "HTTP/1.1 200 ", "\r\nContent-Length: "
	end := index(answer, "\r\n\r\n")
	if end < 0 || len(answer) < len(success) || answer[:len(success)] != success {
		return nil, false
	}
	head, body := answer[:end+2], answer[end+4:]
	at := index(head, length)
	if at < 0 {
		return nil, false
	}
	n := 0
	for _, c := range head[at+len(length) : at+len(length)+index(head[at+len(length):], "\r\n")] {
		if c < '0' || c > '9' || n > maxAnswer {
			return nil, false
		}
		n = n*10 + int(c-'0')
	}
	return []byte(body), n == len(body)
}

// tokenOf reads the local API's answer to a question for a token, where nothing
// in it is what JSON escapes, and writes it as the command does.
func tokenOf(answer []byte, asJSON bool) ([]byte, bool) {
	body := string(answer)
	const start, middle, end = `{"token":"`, `","expires":"`, "\"}\n"
	at := index(body, middle)
	if at <= len(start) || body[:len(start)] != start || len(body) < at+len(middle)+len(end) || body[len(body)-len(end):] != end {
		return nil, false
	}
	token, expires := body[len(start):at], body[at+len(middle):len(body)-len(end)]
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return nil, false
		}
	}
	if !asJSON {
		return []byte(token + "\n"), true
	}
	// RFC 3339 in UTC, in whole seconds and without its "Z".
	const seconds = len("2006-01-02T15:04:05")
	if len(expires) <= seconds || expires[len(expires)-1] != 'Z' || !onlyOf(expires, "0123456789-T:.Z") {
		return nil, false
	}
	return []byte(start + token + middle + expires[:seconds] + "+00:00" + end), true
}

// index is strings.Index, whose package is not initialised this early.
func index(text, part string) int {
	for i := 0; i+len(part) <= len(text); i++ {
		if text[i:i+len(part)] == part {
			return i
		}
	}
	return -1
}
