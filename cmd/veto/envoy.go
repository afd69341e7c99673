package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/credentials"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/extauthz"
)

// serveEnvoy answers Envoy's authorization calls until the context ends. Those under way then have a while to end.
func (s *service) serveEnvoy(ctx context.Context, lis *listeners) error {
	if lis.envoy == nil {
		return nil
	}
	var c credentials.TransportCredentials
	if lis.tls != nil {
		c = credentials.NewTLS(lis.tls.config("h2"))
	}
	server := extauthz.New(s.authorize, c)
	group, stopping := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(lis.envoy); err != nil {
			return fmt.Errorf("serving Envoy on %s: %w", lis.envoy.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-stopping.Done()
		impatient := time.AfterFunc(shutdownGrace, server.Stop)
		defer impatient.Stop()
		server.GracefulStop()
		return nil
	})
	return group.Wait()
}

// authorize is the answer of the API's profiles, for Envoy.
func (s *service) authorize(profile string, q *extauthz.Question) extauthz.Answer {
	a := s.api.Authorize(profile, &api.GatewayQuestion{Header: q.Header, Caller: q.Caller, Remote: q.Remote, TLS: q.TLS})
	answer := extauthz.Answer{Decision: a.Decision, Reason: a.Reason, Serial: a.Serial, Issuer: a.Issuer, Generation: a.Generation}
	if a.Asked {
		answer.Status = a.Status.String()
	}
	return answer
}

// listenEnvoy opens the listener for Envoy, nil without an address.
func listenEnvoy(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("envoy listener: %w; choose another address", err)
	}
	return l, nil
}
