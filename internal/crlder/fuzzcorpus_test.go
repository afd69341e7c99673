package crlder_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the corpus of FuzzDecode anew")

// fuzzSeeds are the shapes a fuzzer would take long to find.
func fuzzSeeds() map[string][]byte {
	v1 := sound()
	v1.version, v1.extensions, v1.revoked, v1.next = nil, nil, seq(entry("00ff", nil)), nil
	full := sound()
	full.revoked = seq(entry("05", append(reason(6), ext(23, false, fromHex("06 07 2a8648ce380203"))...)),
		entry("ff", append(reason(1), ext(24, false, gen("20200101000000Z"))...)), entry("06", ext(29, true, seq(tlv(0xa4, full.issuer)))),
		seq(fromHex("02 01 05"), gen("20500101000000Z")))
	withExtensions(ext(35, false, seq(fromHex("8003aabbcc"))), ext(20, false, fromHex("0202 0100")), ext(27, true, fromHex("020100")),
		idp(fullName(uri("http://a/1.crl")), fromHex("8101ff 83020560 8401ff")),
		ext(46, false, seq(seq(fullName(uri("http://delta/1"))))), ext(99, true, fromHex("0500")))(&full)
	ed := sound()
	ed.inner = fromHex("30 05 06 03 2b6570")
	ed.outer = ed.inner
	pss := sound()
	sha256 := fromHex("300d 0609 608648016503040201 0500")
	pss.inner = seq(fromHex("06 09 2a864886f70d01010a"), seq(tlv(0xa0, sha256), tlv(0xa1, seq(fromHex("06 09 2a864886f70d010108"), sha256)), fromHex("a203 020120")))
	pss.outer = pss.inner
	return map[string][]byte{"sound": sound().der(), "v1": v1.der(), "full": full.der(), "ed25519": ed.der(), "pss": pss.der(), "pem": wrap(sound().der())}
}

func TestFuzzCorpusIsCurrent(t *testing.T) {
	dir := filepath.Join("testdata", "fuzz", "FuzzDecode")
	for name, content := range fuzzSeeds() {
		path := filepath.Join(dir, name)
		want := fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\n", content)
		if *update {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, want) {
			t.Errorf("%s is not what fuzzSeeds makes; run go test -update", path)
		}
		if _, _, err := decode(content); err != nil {
			t.Errorf("seed %s is refused: %v", name, err)
		}
	}
}
