package grpcguard

import (
	"context"
	"crypto/tls"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/revocation"
)

// Unary judges the client's certificate anew before each call. A call that is denied ends with Unauthenticated when there is no
// certificate, with Unavailable when the policy wants an error where nothing is known, and else with PermissionDenied.
func Unary(g *client.Guard) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if err := caller(ctx, g); err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

// Stream does the same before each stream. Streams that last are for a client.ConnTracker to end.
func Stream(g *client.Guard) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		if err := caller(stream.Context(), g); err != nil {
			return err
		}
		return next(server, stream)
	}
}

// caller judges whom a call comes from.
func caller(ctx context.Context, g *client.Guard) error {
	var state tls.ConnectionState
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			state = info.State
		}
	}
	denied, ok := errors.AsType[*client.Denied](g.VerifyState(ctx, state))
	if !ok {
		return nil
	}
	return status.Error(codeOf(denied), denied.Public())
}

func codeOf(d *client.Denied) codes.Code {
	switch {
	case d.Finding == revocation.FoundNothing:
		return codes.Unauthenticated
	case d.Decision == revocation.DecisionError:
		return codes.Unavailable
	}
	return codes.PermissionDenied
}
