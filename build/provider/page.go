package provider

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ApproveOnPage approves a sign-in as a person does: it opens the link, checks
// that the page shows the code, chooses the user among those offered, presses
// Approve and reads that it worked.
func (p *Provider) ApproveOnPage(verificationURIComplete, username string) {
	p.tb.Helper()
	if err := decideOnPage(verificationURIComplete, username, "Approve", "You are signed in"); err != nil {
		p.tb.Fatal(err)
	}
}

// DeclineOnPage declines a sign-in as a person does.
func (p *Provider) DeclineOnPage(verificationURIComplete string) {
	p.tb.Helper()
	if err := decideOnPage(verificationURIComplete, "", "Decline", "Sign-in declined"); err != nil {
		p.tb.Fatal(err)
	}
}

func decideOnPage(link, username, button, success string) error {
	at, err := url.Parse(link)
	if err != nil {
		return err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Timeout: 30 * time.Second, Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := browser.Get(link)
	if err != nil {
		return err
	}
	form, text, err := readPage(response)
	if err != nil {
		return err
	}
	if code := at.Query().Get("user_code"); code == "" || !strings.Contains(text, code) {
		return fmt.Errorf("the page does not show the code %q; it says: %s", code, text)
	}
	values, err := form.fill(username, button)
	if err != nil {
		return err
	}
	action, err := at.Parse(form.action)
	if err != nil {
		return err
	}
	response, err = browser.PostForm(action.String(), values)
	if err != nil {
		return err
	}
	if _, text, err = readPage(response); err != nil {
		return err
	}
	if !strings.Contains(text, success) {
		return fmt.Errorf("the page does not say %q; it says: %s", success, text)
	}
	return nil
}

// form is what a page lets a person send.
type form struct {
	action string
	hidden url.Values
	// choices are the radio buttons' values by name.
	choices map[string][]string
	// buttons are name and value by label.
	buttons map[string][2]string
}

func (f form) fill(username, button string) (url.Values, error) {
	values := url.Values{}
	for name, value := range f.hidden {
		values[name] = value
	}
	if username != "" {
		if !slices.Contains(f.choices["username"], username) {
			return nil, fmt.Errorf("the page does not offer to be %q, only %s", username, strings.Join(f.choices["username"], ", "))
		}
		values.Set("username", username)
	}
	pressed, ok := f.buttons[button]
	if !ok {
		return nil, fmt.Errorf("the page has no button %q", button)
	}
	values.Set(pressed[0], pressed[1])
	return values, nil
}

// readPage returns the page's form and its text. The page is written as XML,
// so the standard library can read it.
func readPage(response *http.Response) (form, string, error) {
	defer response.Body.Close()
	f := form{hidden: url.Values{}, choices: map[string][]string{}, buttons: map[string][2]string{}}
	decoder := xml.NewDecoder(io.LimitReader(response.Body, 1<<20))
	decoder.Strict = false
	decoder.AutoClose, decoder.Entity = xml.HTMLAutoClose, xml.HTMLEntity
	var words []string
	var inside string
	var pressed [2]string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, "", fmt.Errorf("the page cannot be read: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local
			attributes := map[string]string{}
			for _, a := range token.Attr {
				attributes[a.Name.Local] = a.Value
			}
			name, value := attributes["name"], attributes["value"]
			switch {
			case inside == "form":
				f.action = attributes["action"]
			case inside == "input" && attributes["type"] == "hidden":
				f.hidden.Add(name, value)
			case inside == "input" && attributes["type"] == "radio":
				f.choices[name] = append(f.choices[name], value)
			case inside == "button":
				pressed = [2]string{name, value}
			}
		case xml.CharData:
			if inside == "button" {
				f.buttons[strings.TrimSpace(string(token))] = pressed
			}
			if inside != "style" && inside != "title" {
				words = append(words, strings.Fields(string(token))...)
			}
		case xml.EndElement:
			inside = ""
		}
	}
	text := strings.Join(words, " ")
	if response.StatusCode != http.StatusOK {
		return f, text, fmt.Errorf("the page answered %s: %s", response.Status, text)
	}
	return f, text, nil
}
