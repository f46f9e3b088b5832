package chaos

import (
	"slices"
	"strings"

	"twigz/models"
)

// checkMails looks at whom was told what of a payment: everybody once for each occasion.
func (c *checker) checkMails(f *file) {
	came := map[mail][]string{} // the Message-IDs, one for each notification that went out
	for _, n := range f.notifications {
		what := mail{models.NotificationKind(n.Kind), models.Recipient(n.Recipient)}
		copies := c.copiesOf(n.ID)
		switch {
		case n.Status == "pending":
			c.found(stuck, f.sale, "%s to the %s is still to be sent", n.Kind, n.Recipient)
		case n.Status != "sent":
			c.found(mailsMissing, f.sale, "%s to the %s is %s", n.Kind, n.Recipient, n.Status)
		case len(copies) == 0:
			c.found(mailsMissing, f.sale, "%s to the %s was sent and did not come", n.Kind, n.Recipient)
		}
		if len(copies) == 0 {
			continue
		}
		came[what] = append(came[what], n.ID)
		if len(copies) > 1 {
			c.verdict.Counts[mailsDoubledRaw] += len(copies) - 1
		}
		for _, m := range copies {
			if to := f.address(what.to); to != "" && !slices.Equal(m.To, []string{to}) {
				c.found(mailsUnexpected, f.sale, "%s to the %s went to %s, want %s", n.Kind, n.Recipient, strings.Join(m.To, ", "), to)
			}
		}
	}
	c.checkOccasions(f, came)
}

// checkOccasions compares what came with what was due.
func (c *checker) checkOccasions(f *file, came map[mail][]string) {
	for _, m := range f.want.mails {
		if len(came[m]) == 0 {
			c.found(mailsMissing, f.sale, "%s to the %s", m.kind, m.to)
		}
	}
	for m, ids := range came {
		most := 1
		switch {
		case m.kind == models.TellFailed:
			most = f.stripe.Failures
		case m.kind == models.TellBlocked || m.kind == models.TellDeadline:
			most = len(ids) // as often as a person has to be called
		}
		if most > 0 && len(ids) > most {
			c.found(mailsDoubledByID, f.sale, "%s to the %s came as %s", m.kind, m.to, strings.Join(ids, ", "))
		}
		if !f.mayCome(m) {
			c.found(mailsUnexpected, f.sale, "%s to the %s", m.kind, m.to)
		}
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
