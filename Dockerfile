# syntax=docker/dockerfile:1
# veto in an image of one static binary. Build: docker build -t veto .
# Run: docker run -v veto-data:/var/lib/veto -v ./conf:/etc/veto:ro -p 8080:8080 -p 8081:8081 veto
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=development
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w -X main.version=${VERSION}" -o /out/veto ./cmd/veto \
 && mkdir -p /out/data

FROM scratch
# The roots are for CRLs fetched by https.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/veto /veto
COPY --from=build --chown=65532:65532 /out/data /var/lib/veto
USER 65532:65532
VOLUME /var/lib/veto
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/veto", "health", "--server", "http://127.0.0.1:8081"]
ENTRYPOINT ["/veto"]
CMD ["serve", "--config", "/etc/veto/veto.yaml"]
