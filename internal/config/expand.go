package config

import (
	"fmt"
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${VAR} by the variable's value and $$ by one dollar sign. Any other dollar sign stands for itself. What a
// variable holds is not expanded again.
func expand(text string, env func(string) (string, bool)) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), nil
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			text = rest[1:]
		case strings.HasPrefix(rest, "{"):
			name, after, closed := strings.Cut(rest[1:], "}")
			if !closed {
				return "", fmt.Errorf("${ is not closed; write ${VARIABLE}, or $$ for a dollar sign")
			}
			value, err := lookup(name, env)
			if err != nil {
				return "", err
			}
			b.WriteString(value)
			text = after
		default:
			b.WriteByte('$')
			text = rest
		}
	}
}

func lookup(name string, env func(string) (string, bool)) (string, error) {
	if !variableName.MatchString(name) {
		return "", fmt.Errorf("%s between ${ and } is no variable name; write ${VARIABLE}, or $$ for a dollar sign", quoted(name))
	}
	value, ok := env(name)
	if !ok {
		return "", fmt.Errorf("environment variable %s is not set; set it, or write $$ for a dollar sign", name)
	}
	return value, nil
}
