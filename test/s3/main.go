// The S3 server of the tests: rclone/gofakes3 with its content in memory. It checks Signature Version 4 of every request.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

type config struct {
	Address string
	// Secret keys by access key; none: requests are not checked.
	Keys    map[string]string
	Buckets []string
	// PEM. With ClientCA every client must show a certificate of it.
	Cert, Key, ClientCA string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var settings config
	if err := json.Unmarshal(text, &settings); err != nil {
		return err
	}
	backend := s3mem.New()
	for _, name := range settings.Buckets {
		if err := backend.CreateBucket(context.Background(), name); err != nil {
			return err
		}
	}
	options := []gofakes3.Option{}
	if len(settings.Keys) > 0 {
		options = append(options, gofakes3.WithV4Auth(settings.Keys))
	}
	server := &http.Server{Addr: settings.Address, Handler: gofakes3.New(backend, options...).Server()}
	if settings.Cert == "" {
		return server.ListenAndServe()
	}
	certificate, err := tls.X509KeyPair([]byte(settings.Cert), []byte(settings.Key))
	if err != nil {
		return err
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if settings.ClientCA != "" {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(settings.ClientCA)) {
			return errors.New("ClientCA holds no certificate")
		}
		server.TLSConfig.ClientCAs = pool
		server.TLSConfig.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return server.ListenAndServeTLS("", "")
}
