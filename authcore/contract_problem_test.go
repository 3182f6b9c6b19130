package authcore

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/quick"
)

// declaredProblemCodes reads the constants out of problem.go, so that one
// without words cannot be overlooked.
func declaredProblemCodes(t *testing.T) map[string]ProblemCode {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]ProblemCode{}
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			if name, ok := value.Type.(*ast.Ident); !ok || name.Name != "ProblemCode" {
				continue
			}
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes[value.Names[0].Name] = ProblemCode(text)
		}
	}
	if len(codes) < 20 {
		t.Fatalf("found only %d constants", len(codes))
	}
	return codes
}

var wordsParameter = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

func TestEveryProblemHasWordsForPeople(t *testing.T) {
	declared := declaredProblemCodes(t)
	all := ProblemCodes()
	seen := map[ProblemCode]bool{}
	for name, code := range declared {
		if seen[code] {
			t.Errorf("%s: the code %q is used twice", name, code)
		}
		seen[code] = true
		if !slices.Contains(all, code) {
			t.Errorf("%s has no words", name)
			continue
		}
		template := WordsTemplate(code)
		params := map[string]string{}
		for part, text := range map[string]string{"what": template.What, "meaning": template.Meaning, "next": template.Next} {
			if text == "" {
				t.Errorf("%s: %s is missing", name, part)
				continue
			}
			if strings.TrimSpace(text) != text || !strings.ContainsAny(text[len(text)-1:], ".!?") {
				t.Errorf("%s: %s is no sentence: %q", name, part, text)
			}
			for _, m := range wordsParameter.FindAllStringSubmatch(text, -1) {
				params[m[1]] = "VALUE"
			}
		}
		words := (&Problem{Code: code, Params: params}).Words()
		if text := words.What + words.Meaning + words.Next; strings.Contains(text, "{{") || strings.Contains(text, "}}") {
			t.Errorf("%s: a place is left unfilled: %q", name, text)
		}
		if filled := strings.Contains(words.What+words.Meaning+words.Next, "VALUE"); filled != (len(params) > 0) {
			t.Errorf("%s: parameters %v are not in the words", name, params)
		}
	}
	if len(all) != len(declared) {
		t.Errorf("%d codes have words, %d are declared", len(all), len(declared))
	}
}

func TestAProblemIsAnErrorWithItsNextStepAndCause(t *testing.T) {
	p := &Problem{Code: ProblemWrongUser, Params: map[string]string{"Got": "bob", "Want": "ada"}, Cause: "claim mismatch"}
	text := p.Error()
	for _, want := range []string{"bob", "ada", "Sign out of the Bitfount web page", "(claim mismatch)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if text := (&Problem{Code: ProblemSessionEnded}).Error(); strings.Contains(text, "(") {
		t.Errorf("without a cause: %q", text)
	}
	if got, want := (&Problem{Code: "unheard-of"}).Words(), WordsTemplate(ProblemInternal); got != want {
		t.Errorf("an unknown code says %q", got)
	}
}

func TestWordsAreFilledWhateverTheParameterIs(t *testing.T) {
	err := quick.Check(func(got, want string) bool {
		words := (&Problem{Code: ProblemWrongUser, Params: map[string]string{"Got": got, "Want": want}}).Words()
		return strings.Contains(words.What, got) || strings.Contains(got, "{{")
	}, nil)
	if err != nil {
		t.Error(err)
	}
}
