package main

import (
	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/config"
)

// setTokens puts the tokens of a configuration in force, at once: a token that is gone opens nothing any more.
func (s *service) setTokens(c *config.Config) error {
	admin, err := tokensOf(c.Admin.Token)
	if err != nil {
		return err
	}
	read, err := tokensOf(c.API.ReadToken)
	if err != nil {
		return err
	}
	s.api.SetTokens(admin, read)
	return nil
}

// tokensOf is nil when there is no token.
func tokensOf(secret config.Secret) (api.Tokens, error) {
	if secret == "" {
		return nil, nil
	}
	return api.NewTokenFile([]byte(secret))
}
