package activities

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"twigz/internal/mail"
	"twigz/models"
)

// support is where a letter to support goes. Where no support address is set,
// the store stands in for what cannot wait: deadlines, and payments that nobody
// has dealt with after a day. The first telling of a blocked payment then goes
// nowhere, which is "": most are dealt with before a day is over.
func (a *Activities) support(letter models.Letter) string {
	if letter.Kind == models.TellBlocked && !letter.Repeats() {
		return a.SupportEmail
	}
	return cmp.Or(a.SupportEmail, letter.Store.Email)
}

// deliver hands one letter to the mail server. An error means: not now.
func (a *Activities) deliver(ctx context.Context, letter models.Letter) (models.NotificationStatus, string, error) {
	log := about(a.Log, letter).With("kind", letter.Kind, "recipient", letter.Recipient)
	if a.Mailer == nil {
		log.InfoContext(ctx, "notification recorded, no mail server is configured")
		return models.NotificationRecorded, "", nil
	}
	if letter.Address == "" {
		log.WarnContext(ctx, "notification has no address")
		status, why := unaddressed(letter.Recipient)
		return status, why, nil
	}
	message, err := a.Mailer.Compose(letter)
	if err != nil {
		log.ErrorContext(ctx, "notification cannot be composed", "error", err)
		return models.NotificationFailed, err.Error(), nil
	}
	err = a.Mailer.Send(ctx, message)
	if errors.Is(err, mail.ErrRejected) {
		log.WarnContext(ctx, "notification was rejected", "error", err)
		return models.NotificationFailed, err.Error(), nil
	}
	return models.NotificationSent, "", err
}

// unaddressed is what becomes of a letter to nowhere. That support has no
// address is somebody's choice; that another has none is a failure.
func unaddressed(to models.Recipient) (models.NotificationStatus, string) {
	if to == models.ToSupport {
		return models.NotificationRecorded, "no support address is set"
	}
	return models.NotificationFailed, "no address is known"
}

// about is the log with what a letter is about: a payment, or one of Stripe's
// customers.
func about(log *slog.Logger, letter models.Letter) *slog.Logger {
	if letter.StripeCustomerID != nil {
		return log.With("stripe_customer_id", *letter.StripeCustomerID)
	}
	return log.With("payment_id", letter.PaymentID)
}
