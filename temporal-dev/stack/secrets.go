package stack

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// newSecrets makes a development value for each setting that is a secret.
func newSecrets() map[string]string {
	return map[string]string{
		"STRIPE_SECRET_KEY":      "sk_test_" + rand.Text(),
		"STRIPE_PUBLISHABLE_KEY": "pk_test_" + rand.Text(),
		"STRIPE_WEBHOOK_SECRET":  "whsec_" + rand.Text(),
		"AUTH_JWT_SECRET":        rand.Text() + rand.Text(), // 52 characters
		"SUPPORT_TOKENS":         "dev:" + rand.Text(),
	}
}

// keepSecrets reads the secrets of an earlier run from path and makes those that it lacks, so that tokens in a developer's
// notes and scripts survive a restart.
func keepSecrets(path string) (map[string]string, error) {
	secrets := newSecrets()
	kept, err := os.ReadFile(path) //nolint:gosec // a path of ours
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read kept secrets: %w", err)
	}
	if err == nil {
		if err := json.Unmarshal(kept, &secrets); err != nil {
			return nil, fmt.Errorf("%s is damaged: delete it and new secrets are made: %w", short(path), err)
		}
	}
	now, err := json.MarshalIndent(secrets, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("keep secrets: %w", err)
	}
	if err := replaceFile(path, append(now, '\n')); err != nil {
		return nil, fmt.Errorf("keep secrets: %w", err)
	}
	return secrets, nil
}

// replaceFile writes a file that only its owner may read, whole or not at all.
func replaceFile(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
