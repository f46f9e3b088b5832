package stack

import (
	"context"

	"twigz/temporal-dev/apiclient"
)

// call makes one call to this stack's API.
func (s *stack) call(ctx context.Context, method, path, token string, in, out any) error {
	return apiclient.Client(s.plan.apiURL()).Call(ctx, method, path, token, in, out)
}
