package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Page is the provider's page as a browser without a screen has it: the text
// that a person reads and the form that the buttons send.
type Page struct {
	// Text is what the page shows, blanks made single.
	Text   string
	action *url.URL
	fields url.Values
	// buttons are the submit buttons by their label.
	buttons map[string][2]string
}

// OpenPage fetches the page of a link.
func OpenPage(ctx context.Context, link string) (*Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, err
	}
	return fetchPage(r)
}

func fetchPage(r *http.Request) (*Page, error) {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	root, err := html.Parse(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	p := &Page{action: answer.Request.URL, fields: url.Values{}, buttons: map[string][2]string{}}
	var words []string
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "title":
			words = append(words, strings.Fields(n.Data)...)
		case n.Type != html.ElementNode:
		case n.Data == "form":
			if p.action, err = answer.Request.URL.Parse(attribute(n, "action")); err != nil {
				return nil, err
			}
		case n.Data == "input" && (attribute(n, "type") == "hidden" || has(n, "checked")):
			p.fields.Set(attribute(n, "name"), attribute(n, "value"))
		case n.Data == "button" && n.FirstChild != nil:
			p.buttons[strings.TrimSpace(n.FirstChild.Data)] = [2]string{attribute(n, "name"), attribute(n, "value")}
		}
	}
	p.Text = strings.Join(words, " ")
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the page answers %s: %s", answer.Status, p.Text)
	}
	return p, nil
}

// Fill sets a field of the form, such as a choice.
func (p *Page) Fill(name, value string) { p.fields.Set(name, value) }

// Press sends the form by the button with that label and returns the page that
// follows.
func (p *Page) Press(ctx context.Context, label string) (*Page, error) {
	button, ok := p.buttons[label]
	if !ok {
		return nil, fmt.Errorf("the page has no button %q; it says: %s", label, p.Text)
	}
	p.fields.Set(button[0], button[1])
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.action.String(), strings.NewReader(p.fields.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return fetchPage(r)
}

// Approve does on the provider's page what a person does who is to sign in:
// compares the code, says who they are, and approves.
func Approve(ctx context.Context, link, code, username string) error {
	page, err := OpenPage(ctx, link)
	if err != nil {
		return err
	}
	if code == "" || !strings.Contains(page.Text, code) {
		return fmt.Errorf("the page does not show the code %q; it says: %s", code, page.Text)
	}
	page.Fill("username", username)
	if page, err = page.Press(ctx, "Approve"); err != nil {
		return err
	}
	if !strings.Contains(page.Text, "You are signed in") {
		return errors.New("the page does not say that the sign-in worked; it says: " + page.Text)
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
