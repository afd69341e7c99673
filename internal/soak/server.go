package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// server is the binary, serving.
type server struct {
	cmd *exec.Cmd
	api string
}

// serve starts the binary with a configuration, and waits until it listens.
func serve(binary, config string) (*server, error) {
	cmd := exec.Command(binary, "serve", "--config", config)
	cmd.SysProcAttr = ended
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "api "); ok {
			return &server{cmd, url}, nil
		}
	}
	return nil, errors.Join(errors.New("the binary printed no address"), cmd.Wait())
}

func (s *server) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	s.cmd.Wait()
}
