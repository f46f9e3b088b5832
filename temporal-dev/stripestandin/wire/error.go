package wire

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is an error in Stripe's shape. The types, codes and texts are those that Stripe documents or was seen to send:
// https://docs.stripe.com/error-codes.
type Error struct {
	Status      int    `json:"-"`
	Type        string `json:"type"`
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	Message     string `json:"message"`
	Param       string `json:"param,omitempty"`
	Charge      string `json:"charge,omitempty"`
	DocURL      string `json:"doc_url,omitempty"`
	// PaymentIntent and PaymentMethod go with a declined card.
	PaymentIntent Object `json:"payment_intent,omitempty"`
	PaymentMethod Object `json:"payment_method,omitempty"`

	// RetryAfter is what the header of that name says, in whole seconds. Zero: there is no such header.
	RetryAfter time.Duration `json:"-"`
	// Keeps says that what was done until the error stays done: a declined card leaves a failed charge behind. False:
	// the call has changed nothing.
	Keeps bool `json:"-"`
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Type, e.Message) }

func invalid(status int, code, param, format string, args ...any) *Error {
	e := &Error{Status: status, Type: "invalid_request_error", Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
	if code != "" {
		e.DocURL = docURL(code)
	}
	return e
}

// docURL is where Stripe says more about an error's code.
func docURL(code string) string {
	return "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
}

// Invalid is a 400: the request cannot be done as it is. code and param may be empty.
func Invalid(code, param, format string, args ...any) *Error {
	return invalid(http.StatusBadRequest, code, param, format, args...)
}

// Missing is for an object that is not there: a 404 where the path asked for it (param is ""), a 400 where the parameter
// that param names did.
func Missing(kind, id, param string) *Error {
	status := http.StatusBadRequest
	if param == "" {
		status, param = http.StatusNotFound, "id"
	}
	return invalid(status, "resource_missing", param, "No such %s: '%s'", kind, id)
}

// NoRoute is the 404 for a path that Stripe does not have.
func NoRoute(method, path string) *Error {
	return invalid(http.StatusNotFound, "", "", "Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.", method, path)
}

// Unauthorized is the 401 for a key that is missing or wrong.
func Unauthorized(format string, args ...any) *Error {
	return invalid(http.StatusUnauthorized, "", "", format, args...)
}

// NoAccess is the 403 for a connected account, of which there are none.
func NoAccess(key, account string) *Error {
	return invalid(http.StatusForbidden, "account_invalid", "", "The provided key '%s' does not have access to account '%s' (or that account does not exist). Application access may have been revoked.", key, account)
}

// Declined is the 402 for a card that the bank does not let pay. What the attempt left behind stays.
func Declined(code, declineCode, message string) *Error {
	return &Error{
		Status: http.StatusPaymentRequired, Type: "card_error", Code: code, DeclineCode: declineCode, Message: message,
		DocURL: docURL(code), Keeps: true,
	}
}

// Conflict is the 409 for a key that another request is using at this moment.
func Conflict(key string) *Error {
	return &Error{
		Status: http.StatusConflict, Type: "idempotency_error", Code: "idempotency_key_in_use",
		Message: fmt.Sprintf("There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): %s.", key),
		DocURL:  "https://stripe.com/docs/error-codes/idempotency-key-in-use",
	}
}

// LockTimeout is the 409 for an object that something else is changing at this moment.
func LockTimeout() *Error {
	return invalid(http.StatusConflict, "lock_timeout", "", "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.")
}

// OtherParameters is the 400 for a key that has been used with another request.
func OtherParameters(key string) *Error {
	return &Error{
		Status: http.StatusBadRequest, Type: "idempotency_error",
		Message: fmt.Sprintf("Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '%s' if you meant to execute a different request.", key),
	}
}

// RateLimited is the 429 for too many requests.
func RateLimited(retryAfter time.Duration) *Error {
	e := invalid(http.StatusTooManyRequests, "rate_limit", "", "Request rate limit exceeded.")
	e.RetryAfter = retryAfter
	return e
}

// Internal is the 500 that says nothing of whether the work was done.
func Internal() *Error {
	return &Error{Status: http.StatusInternalServerError, Type: "api_error", Message: "An unknown error occurred"}
}
