package app_test

import "crypto/tls"

// anyCertificate accepts the certificates that tests make for themselves.
var anyCertificate = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // test certificates
