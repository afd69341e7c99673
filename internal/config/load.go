package config

import (
	"fmt"
	"path/filepath"
	"time"
)

// Load reads a configuration file and everything it names. env looks up the variables of ${VAR}, as os.LookupEnv does.
// When something is wrong the error is [Faults], beside a Config as of [Parse], or says why the file could not be read.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	data, err := readCapped(path, maxFileBytes)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("finding the configuration's folder: %w", err)
	}
	c, faults := Parse(path, data, filepath.Dir(absolute), env)
	c.File, c.files[0] = absolute, absolute
	if len(faults) > 0 {
		return c, faults
	}
	return c, nil
}

// Parse reads the content of a configuration file that faults call name and whose relative file names are relative to dir.
// It reads the files the configuration names. The Config is there even when there are faults, for its Warnings and Files;
// what was at fault in it has its default.
func Parse(name string, data []byte, dir string, env func(string) (string, bool)) (*Config, Faults) {
	return parse(&reader{file: name, dir: dir, now: time.Now()}, data, env)
}

func parse(r *reader, data []byte, env func(string) (string, bool)) (*Config, Faults) {
	root, faults := parseYAML(r.file, data, env)
	if root == nil && len(faults) > 0 {
		c := Default()
		c.File, c.files = r.file, []string{r.file}
		return c, faults
	}
	c := r.config(root)
	r.finish(c)
	c.files = append([]string{r.file}, c.files...)
	return c, append(faults, r.faults...).Sorted()
}

// finish puts what the reader collected on the way into the configuration.
func (r *reader) finish(c *Config) {
	c.File, c.files, c.Warnings = r.file, r.files, r.warnings.Sorted()
}
