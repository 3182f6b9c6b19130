package main

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

// demoUsers are the people that the page offers to be.
var demoUsers = []string{"dr.amelia.stone", "nurse.ben.okafor", "data.chioma.lindqvist"}

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is what the template shows: one of the views "enter", "confirm",
// "approved", "declined".
type page struct {
	View     string
	Code     string
	Username string
	Users    []string
	// Problem, where there is one, is a sentence above the form.
	Problem string
}

func (t *tenant) showPage(w http.ResponseWriter, r *http.Request) {
	typed := r.URL.Query().Get("user_code")
	if typed == "" {
		render(w, http.StatusOK, page{View: "enter"})
		return
	}
	code, state := t.sessions.lookUp(typed)
	if state != codeOpen {
		render(w, http.StatusBadRequest, page{View: "enter", Problem: problem(state)})
		return
	}
	render(w, http.StatusOK, page{View: "confirm", Code: code, Users: demoUsers})
}

func (t *tenant) decideOnPage(w http.ResponseWriter, r *http.Request) {
	typed, username := r.PostFormValue("user_code"), r.PostFormValue("username")
	d, view := declined, "declined"
	if r.PostFormValue("decision") == "approve" {
		d, view = approved, "approved"
		if !slices.Contains(demoUsers, username) {
			render(w, http.StatusBadRequest, page{View: "enter", Problem: "Choose who you are."})
			return
		}
	}
	if state := t.sessions.decide(typed, d, username); state != codeOpen {
		render(w, http.StatusBadRequest, page{View: "enter", Problem: problem(state)})
		return
	}
	render(w, http.StatusOK, page{View: view, Username: username})
}

func problem(state codeState) string {
	switch state {
	case codeExpired:
		return "This code has expired. Start the sign-in again in the application."
	case codeDecided:
		return "This code has been used already. Start the sign-in again in the application."
	}
	return "This code is not known. Compare it with the one in the application."
}

func render(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, p)
}
