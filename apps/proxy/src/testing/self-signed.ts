/** Of nobody: for an instance on 127.0.0.1 that speaks TLS. Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj '/CN=app-fabric test' -addext subjectAltName=IP:127.0.0.1`. */
export const SELF_SIGNED = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqgXOvzLGjBJnFvVR
Vf2nR+FLZyfhSmuy+h9S/8lLG36hRANCAARUCSwrwv5eqxF6ZBtz3o2aU5tURzVn
ebgZsV9fzU1gHwjLQBWGON11PcmKay+HyryAG/bs92XFyFZcWsy9gdSJ
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUKgAwIBAgIUXEOXCv8goOe3jyFAkcseUTvzCX0wCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPYXBwLWZhYnJpYyB0ZXN0MCAXDTI2MTEyMzE1NTg1MFoYDzIx
MjYxMDMwMTU1ODUwWjAaMRgwFgYDVQQDDA9hcHAtZmFicmljIHRlc3QwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAARUCSwrwv5eqxF6ZBtz3o2aU5tURzVnebgZsV9f
zU1gHwjLQBWGON11PcmKay+HyryAG/bs92XFyFZcWsy9gdSJo2QwYjAdBgNVHQ4E
FgQUzT8QUglOJqyr30oZjY/WJkr5hJ8wHwYDVR0jBBgwFoAUzT8QUglOJqyr30oZ
jY/WJkr5hJ8wDwYDVR0RBAgwBocEfwAAATAPBgNVHRMBAf8EBTADAQH/MAoGCCqG
SM49BAMCA0gAMEUCIQDED85fhuEbjgoF3vCr4Ab4zACbQq5sfiodjpTsQJBrMgIg
d90skpYEIlNZlO5/c3tR9/mfrh5iotJ1SRZDoiswEBs=
-----END CERTIFICATE-----`,
};
