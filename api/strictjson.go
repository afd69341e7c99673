package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// unmarshalJSON is json.Unmarshal with errors that say where.
func unmarshalJSON(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line, column := position(data, syntax.Offset)
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return err
}

// position is the line and column, from 1, of an offset into a text. The offsets of encoding/json point behind the fault.
func position(text []byte, offset int64) (line, column int) {
	before := text[:min(max(offset-1, 0), int64(len(text)))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// whatJSON says what is wrong, without the words of the decoder's own language.
func whatJSON(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("expected %s, got %s", wrong.Type, wrong.Value)
	}
	return err.Error()
}
