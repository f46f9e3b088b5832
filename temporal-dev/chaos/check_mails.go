package chaos

import (
	"slices"
	"strings"

	"twigz/models"
)

// checkMails looks at whom was told what of a payment: everybody once for each occasion.
func (c *checker) checkMails(f *file) {
	came := map[mail][]string{} // notifications that went out; none: there are some, and what became of them has been told
	for _, n := range f.notifications {
		what := mail{models.NotificationKind(n.Kind), models.Recipient(n.Recipient)}
		copies := c.copiesOf(n.ID)
		if came[what] == nil {
			came[what] = []string{}
		}
		if len(copies) > 0 {
			came[what] = append(came[what], n.ID)
			c.verdict.Counts[mailsDoubledRaw] += len(copies) - 1
		}
		c.checkSent(f, n, copies)
	}
	for _, m := range f.want.mails {
		if came[m] == nil {
			c.found(mailsMissing, f.sale, "%s to the %s", m.kind, m.to)
		}
	}
	for m, ids := range came {
		c.checkOccasions(f, m, ids)
	}
}

// checkSent looks at what became of one notification.
func (c *checker) checkSent(f *file, n notificationRow, copies []delivered) {
	switch {
	case n.Status == "pending":
		c.found(stuck, f.sale, "%s to the %s is still to be sent", n.Kind, n.Recipient)
	case n.Status != "sent":
		c.found(mailsMissing, f.sale, "%s to the %s is %s", n.Kind, n.Recipient, n.Status)
	case len(copies) == 0:
		c.found(mailsMissing, f.sale, "%s to the %s was sent and did not come", n.Kind, n.Recipient)
	}
	to := f.address(models.Recipient(n.Recipient))
	for _, m := range copies {
		if to != "" && !slices.Equal(m.To, []string{to}) {
			c.found(mailsUnexpected, f.sale, "%s to the %s went to %s, want %s", n.Kind, n.Recipient, strings.Join(m.To, ", "), to)
		}
	}
}

// checkOccasions compares what came of one kind with how often, and whether, it was due.
func (c *checker) checkOccasions(f *file, m mail, ids []string) {
	most := 1
	switch m.kind {
	case models.TellFailed:
		most = max(f.stripe.Failures, 1) // where there was none, one is already one too many, and unexpected
	case models.TellBlocked, models.TellDeadline:
		most = len(ids) // as often as a person has to be called
	default:
	}
	if len(ids) > most {
		c.found(mailsDoubledByID, f.sale, "%s to the %s came as %s", m.kind, m.to, strings.Join(ids, ", "))
	}
	if len(ids) > 0 && !f.mayCome(m) {
		c.found(mailsUnexpected, f.sale, "%s to the %s", m.kind, m.to)
	}
}

// mayCome tells whether a mail may have been sent. Staff may be called about whatever was in the way for a moment.
func (f *file) mayCome(m mail) bool {
	staff := m.kind == models.TellBlocked || m.kind == models.TellDeadline
	return staff || slices.Contains(f.want.mails, m) || slices.Contains(f.want.may, m)
}

// address is where a recipient reads mail; "" when any will do.
func (f *file) address(of models.Recipient) string {
	switch of {
	case models.ToCustomer:
		return f.sale.Email
	case models.ToStore:
		return f.sale.Store.Email
	default:
		return ""
	}
}

// copiesOf are the mails that were sent for a notification: their Message-ID is made from its ID.
func (c *checker) copiesOf(notification string) []delivered {
	if c.copies == nil {
		c.copies = map[string][]delivered{}
		for _, m := range c.mails {
			id, _, _ := strings.Cut(m.MessageID, "@")
			c.copies[id] = append(c.copies[id], m)
		}
	}
	return c.copies[notification]
}

// checkStrays looks for mails that no notification stands for: somebody was told, and nobody knows of it.
func (c *checker) checkStrays() {
	known := map[string]bool{}
	for _, n := range c.tables.Notifications {
		known[n.ID] = true
	}
	for _, m := range c.mails {
		if id, _, _ := strings.Cut(m.MessageID, "@"); !known[id] {
			c.found(mailsUnexpected, nil, "%s to %s, which no notification stands for", m.MessageID, strings.Join(m.To, ", "))
		}
	}
}
