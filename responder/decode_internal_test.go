package responder

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"testing"
)

// FuzzDecodePath checks that what is decoded is what the path says: encoding it again gives the same text.
func FuzzDecodePath(f *testing.F) {
	for _, seed := range []string{"MEUw", "MA==", "MA%3D%3D", "a+/%2B%2F//", "%", "%zz", "a b", "-_", "M\nA", "====", "MB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		der, err := decodePath(path)
		if err != nil {
			return
		}
		text, err := url.PathUnescape(path)
		if err != nil {
			t.Fatalf("%q decoded although its escapes are wrong", path)
		}
		again := base64.StdEncoding.EncodeToString(der)
		want := bytes.TrimRight(bytes.ReplaceAll([]byte(text), []byte(" "), []byte("+")), "=")
		if got := bytes.TrimRight([]byte(again), "="); !bytes.Equal(got, want) {
			t.Fatalf("%q decoded to the octets of %q", want, got)
		}
	})
}

func TestCutMount(t *testing.T) {
	for path, want := range map[string]string{
		"/": "", "/ocsp": "", "/ocsp/": "", "//": "", "/ocsp//": "",
		"/MEUw": "MEUw", "//MEUw": "MEUw", "/ocsp/MEUw": "MEUw", "/ocsp//MEUw": "MEUw",
		"///MEUw": "/MEUw", "/ocspMEUw": "ocspMEUw", "/ocsp/ocsp/MEUw": "ocsp/MEUw", "*": "*",
	} {
		if got := cutMount(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
