package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"twigz/models"
)

const (
	callTimeout = 10 * time.Second
	maxBody     = 64 << 10 // bytes; the largest call is an address
)

// statuses maps each kind of error that a caller can mend to its answer.
var statuses = map[models.ErrorKind]int{
	models.NotFound: http.StatusNotFound,
	models.Conflict: http.StatusConflict,
	models.Invalid:  http.StatusUnprocessableEntity,
}

// httpError is an error of the request itself, or of what it has to wait for.
type httpError struct {
	status     int
	message    string
	retryAfter int // seconds; 0: not said
}

func (e *httpError) Error() string { return e.message }

var (
	errMalformed = &httpError{status: http.StatusBadRequest, message: "Malformed JSON"}
	errTooLarge  = &httpError{status: http.StatusRequestEntityTooLarge, message: "Payload too large"}
)

// answer makes a handler of a function that returns what to send, or an error.
// It is the only place that decides how errors look outside: clients see stable
// words, the log sees the cause, once.
func (s *server) answer(call func(*gin.Context) (any, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := requestContext(c)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		body, err := call(c)
		if err != nil {
			s.answerError(c, err)
			return
		}
		c.JSON(http.StatusOK, body)
	}
}

func (s *server) answerError(c *gin.Context, err error) {
	var known *models.Error
	var request *httpError
	switch {
	case errors.As(err, &known):
		body := gin.H{"error": known.Message}
		if known.Field != "" {
			body["field"] = known.Field
		}
		c.AbortWithStatusJSON(statuses[known.Kind], body)
	case errors.As(err, &request):
		body := gin.H{"error": request.message}
		if request.retryAfter > 0 {
			body["retryAfter"] = request.retryAfter
			c.Header("Retry-After", strconv.Itoa(request.retryAfter))
		}
		c.AbortWithStatusJSON(request.status, body)
	case errors.Is(c.Request.Context().Err(), context.Canceled):
		c.Abort() // the client has gone: there is nobody to answer and nothing to mend
	case away(err):
		s.log.ErrorContext(c, "database cannot be reached", "request_id", c.GetString(requestIDKey), "error", models.Describe(err))
		c.AbortWithStatusJSON(http.StatusServiceUnavailable, gin.H{"error": "Service temporarily unavailable"})
	default:
		s.log.ErrorContext(c, "call failed", "request_id", c.GetString(requestIDKey), "error", models.Describe(err))
		c.AbortWithStatusJSON(http.StatusInternalServerError, gin.H{"error": "Internal error"})
	}
}

// away says whether the database could not be reached, or not in time.
func away(err error) bool { return models.Unavailable(err) || errors.Is(err, context.DeadlineExceeded) }

// pathValue is an unescaped part of the path.
func pathValue(c *gin.Context, name string) string {
	value, err := url.PathUnescape(c.Param(name))
	if err != nil {
		return "" // unreachable: net/http has parsed the path
	}
	return value
}

// known is a part of the path that names something of ours. What Postgres
// cannot hold names nothing, and Postgres is not bothered with it.
func known(c *gin.Context, name, what string) (string, error) {
	value := pathValue(c, name)
	if value == "" || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return "", &models.Error{Kind: models.NotFound, Message: what + " not found"}
	}
	return value, nil
}

// fail is a handler that always answers the same error.
func fail(status int, message string) gin.HandlerFunc {
	return func(c *gin.Context) { c.AbortWithStatusJSON(status, gin.H{"error": message}) }
}

// decode reads a JSON object from the body. A value of the wrong type is the
// caller's 422 with the field's name; anything else unreadable is a 400.
func decode(c *gin.Context, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	if err != nil || len(body) == 0 {
		return errMalformed
	}
	err = json.Unmarshal(body, into)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return &models.Error{Kind: models.Invalid, Field: wrongType.Field, Message: "Is of the wrong type"}
	}
	if err != nil {
		return errMalformed
	}
	return nil
}

// pageLimit reads ?limit=, 20 unless told, at most 100.
func pageLimit(c *gin.Context) (int, error) {
	text := c.Query("limit")
	if text == "" {
		return 20, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > 100 {
		return 0, &models.Error{Kind: models.Invalid, Field: "limit", Message: "Must be between 1 and 100"}
	}
	return limit, nil
}
