package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxFileBytes = 4 << 20 // of a configuration file
	maxNesting   = 32      // of collections; the configuration needs six
	maxValues    = 1 << 18 // counting each use of an anchor, so that a few lines cannot grow without bound
)

// tree turns YAML into values. What it cannot represent becomes a fault.
type tree struct {
	file    string
	env     func(string) (string, bool)
	anchors map[string]ast.Node
	values  int
	faults  Faults
}

// parseYAML reads one YAML document. Faults of syntax end the reading; the value is nil when the document is empty.
func parseYAML(file string, data []byte, env func(string) (string, bool)) (*value, Faults) {
	t := &tree{file: file, env: env, anchors: map[string]ast.Node{}}
	text := strings.TrimPrefix(string(data), "\ufeff")
	tokens, fault := t.scan(text)
	if fault != nil {
		return nil, Faults{*fault}
	}
	// Repeated keys are allowed here, so that the reader reports them among all other faults.
	doc, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, Faults{t.syntax(err)}
	}
	var root *value
	for _, d := range doc.Docs {
		switch {
		case d.Body == nil:
		case root == nil:
			root = t.value(d.Body, Position{File: file})
		default:
			t.fault(t.at(d.Body, Position{File: file}), "a second YAML document begins; a configuration is one document, remove this one")
		}
	}
	return root, t.faults
}

// scan splits the text into tokens and refuses what the parser should not be asked to read: its recursion has no bound.
func (t *tree) scan(text string) (token.Tokens, *Fault) {
	start := Position{File: t.file, Line: 1, Column: 1}
	if len(text) > maxFileBytes {
		f := start.Fault("the file has %d octets, at most %d are read; is it a configuration file?", len(text), maxFileBytes)
		return nil, &f
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		f := start.Fault("the file is not UTF-8 text; is it a configuration file?")
		return nil, &f
	}
	tokens := lexer.Tokenize(text)
	var flow, dashes, line int
	for _, tk := range tokens {
		if tk.Position.Line != line {
			line, dashes = tk.Position.Line, 0
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		if flow > maxNesting || dashes > maxNesting {
			f := Position{File: t.file, Line: tk.Position.Line, Column: tk.Position.Column}.Fault("nested more than %d deep", maxNesting)
			return nil, &f
		}
	}
	return tokens, nil
}

// syntax is the fault for an error of the parser.
func (t *tree) syntax(err error) Fault {
	pos := Position{File: t.file, Line: 1, Column: 1}
	message := err.Error()
	if se, ok := errors.AsType[yaml.Error](err); ok {
		message = se.GetMessage()
		if tk := se.GetToken(); tk != nil {
			pos.Line, pos.Column = tk.Position.Line, tk.Position.Column
		}
	}
	return pos.Fault("not valid YAML: %s", message)
}

func (t *tree) fault(pos Position, format string, args ...any) {
	t.faults = append(t.faults, pos.Fault(format, args...))
}

// at is the position of a node; pos gives its path, and the place when the node has none.
func (t *tree) at(node ast.Node, pos Position) Position {
	tk := node.GetToken()
	switch n := node.(type) {
	case *ast.MappingNode: // a block mapping calls the colon after its first key its token
		if !n.IsFlowStyle && len(n.Values) > 0 {
			tk = n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		tk = n.Key.GetToken()
	case *ast.NullNode: // an empty value has no characters: its key is what the reader sees
		if pos.Line > 0 && tk != nil && tk.Type == token.ImplicitNullType {
			return pos
		}
	}
	if tk != nil && tk.Position != nil {
		pos.Line, pos.Column = tk.Position.Line, tk.Position.Column
	}
	return pos
}

// value converts a node. pos names it, and is where it stands when the node itself does not know.
func (t *tree) value(node ast.Node, pos Position) *value {
	pos = t.at(node, pos)
	v := &value{pos: pos}
	if t.values++; t.values > maxValues {
		if t.values == maxValues+1 {
			t.fault(pos, "more than %d values; use fewer references to anchors", maxValues)
		}
		v.kind = broken
		return v
	}
	switch n := node.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		v.kind = mapping
		for _, f := range n.Values {
			t.field(v, f)
		}
	case *ast.MappingValueNode:
		v.kind = mapping
		t.field(v, n)
	case *ast.SequenceNode:
		v.kind = sequence
		for i, item := range n.Values {
			at := pos
			at.Path = fmt.Sprintf("%s[%d]", pos.Path, i)
			v.items = append(v.items, t.value(item, at))
		}
	case *ast.StringNode:
		t.scalar(v, n.Value)
	case *ast.LiteralNode:
		t.scalar(v, n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		v.kind, v.text = scalar, node.GetToken().Value // as written: 010 stays 010
		v.raw = v.text
	case *ast.AnchorNode:
		target := t.value(n.Value, pos)
		t.anchors[n.Name.GetToken().Value] = n.Value // only now, so that an anchor cannot contain itself
		return target
	case *ast.AliasNode:
		return t.alias(n, pos)
	default:
		v.kind = broken
		t.fault(pos, "YAML tags and other %s nodes are not used here; write the plain value", strings.ToLower(node.Type().YAMLName()))
	}
	return v
}

func (t *tree) field(v *value, f *ast.MappingValueNode) {
	pos := t.at(f.Key, v.pos)
	switch f.Key.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
	case *ast.MergeKeyNode:
		t.fault(pos, "merge keys (<<) are not used here; refer to a whole value with an alias or write the keys out")
		return
	default:
		t.fault(pos, "a key must be a plain word")
		return
	}
	key := f.Key.GetToken().Value
	pos = pos.key(key)
	item := t.value(f.Value, pos)
	item.key = pos
	v.fields = append(v.fields, field{key: key, pos: pos, value: item})
}

// alias converts what an alias refers to once more, under the path of the alias.
func (t *tree) alias(n *ast.AliasNode, pos Position) *value {
	name := n.Value.GetToken().Value
	target, ok := t.anchors[name]
	if !ok {
		t.fault(pos, "*%s refers to no anchor above; write &%s before the value it should repeat", name, name)
		return &value{pos: pos, kind: broken}
	}
	return t.value(target, pos)
}

func (t *tree) scalar(v *value, text string) {
	v.kind, v.raw = scalar, text
	expanded, err := expand(text, t.env)
	if err != nil {
		t.fault(v.pos, "%v", err)
		expanded, v.kind = "", broken
	}
	v.text = expanded
}
