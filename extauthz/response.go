package extauthz

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/vetopki/veto/revocation"
)

// response translates an answer. Its headers go to the application when the client is let in, in the place of what the client sent under
// these names, and to the client when not.
func response(a *Answer) *authv3.CheckResponse {
	r := &authv3.CheckResponse{Status: &rpcstatus.Status{Code: int32(codes.OK)}, DynamicMetadata: dynamicMetadata(a)}
	if a.Decision.Allows() {
		r.HttpResponse = &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{Headers: headers(a), HeadersToRemove: unsaid(a)}}
		return r
	}
	denied := &authv3.DeniedHttpResponse{Headers: headers(a), Status: &typev3.HttpStatus{Code: typev3.StatusCode_Forbidden},
		Body: "The client certificate is refused.\n"}
	r.Status = &rpcstatus.Status{Code: int32(codes.PermissionDenied), Message: a.Reason}
	if a.Decision == revocation.DecisionAsk {
		denied.Status.Code, denied.Body = typev3.StatusCode_Unauthorized, "A client certificate is required.\n"
		r.Status.Code = int32(codes.Unauthenticated)
	}
	r.HttpResponse = &authv3.CheckResponse_DeniedResponse{DeniedResponse: denied}
	return r
}

// said are the parts of an answer, by the end of the header's name; those that were not asked for are empty.
func said(a *Answer) []struct{ name, value string } {
	all := []struct{ name, value string }{{"decision", a.Decision.String()}, {"reason", a.Reason}, {"status", a.Status}, {"serial", a.Serial},
		{"issuer", a.Issuer}, {"generation", ""}}
	if a.Status != "" {
		all[len(all)-1].value = generation(a)
	}
	return all
}

func headers(a *Answer) (list []*corev3.HeaderValueOption) {
	for _, part := range said(a) {
		if part.value != "" {
			list = append(list, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: headerPrefix + part.name, Value: part.value},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD})
		}
	}
	return list
}

const headerPrefix = "x-veto-"

// unsaid are those of our headers that this answer does not have: the client's own must not pass for them.
func unsaid(a *Answer) (list []string) {
	for _, part := range said(a) {
		if part.value == "" {
			list = append(list, headerPrefix+part.name)
		}
	}
	return list
}

// dynamicMetadata is the same for other filters and the access log, in the namespace envoy.filters.http.ext_authz.
func dynamicMetadata(a *Answer) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	for _, part := range said(a) {
		if part.value != "" {
			fields[part.name] = structpb.NewStringValue(part.value)
		}
	}
	return &structpb.Struct{Fields: fields}
}
