package mail

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"twigz/models"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	confirmed   = news{models.TellConfirmed, models.ToCustomer}
	newOrder    = news{models.TellReceived, models.ToStore}
	declined    = news{models.TellFailed, models.ToCustomer}
	unmade      = news{models.TellUnfulfillable, models.ToCustomer}
	unmadeStore = news{models.TellUnfulfillable, models.ToStore}
	canceled    = news{models.TellCanceled, models.ToCustomer}
	callOff     = news{models.TellCanceled, models.ToStore}
	blocked     = news{models.TellBlocked, models.ToSupport}
	deadline    = news{models.TellDeadline, models.ToSupport}
)

// addresses are where each is written to.
var addresses = map[models.Recipient]string{
	models.ToCustomer: "zoe.rivera@example.test",
	models.ToStore:    "hello@corner.example.test",
	models.ToSupport:  "help@twigz.example.test",
}

// letter is one of each, with amounts that mean something in every currency.
func letter(n news, currency models.Currency) models.Letter {
	l := models.Letter{
		Notification: models.Notification{
			ID: "ntf_7q2m4x", Kind: n.kind, Recipient: n.to, Address: addresses[n.to], Occasion: "evt_1",
		},
		Store: models.Store{ID: "corner-bakery", Name: "Corner Bakery", Email: addresses[models.ToStore], Currency: currency},
		Payment: models.Payment{
			ID: "pay_6b0d2f8c41", PaymentIntentID: new("pi_3QXrkq2eZvKYlo2C1x7ynPzT"), Amount: new(int64(17500)), AmountReceived: new(int64(17500)),
			Currency: currency, CustomerID: "user_2x", StoreID: "corner-bakery", ReceiptEmail: addresses[models.ToCustomer],
		},
	}
	switch n.kind {
	case models.TellFailed:
		l.Detail = "Your card has insufficient funds."
	case models.TellUnfulfillable:
		l.Detail = "out_of_stock"
	case models.TellBlocked:
		l.Payment.BlockedReason, l.Payment.OwnerWorkflowID = new(models.BlockedAmount), new("evt_1QXrlM2eZvKYlo2C")
		l.Payment.BlockedDetail = "collected: " + currency.Format(17500) + "; owed: " + currency.Format(18000)
	case models.TellDeadline:
		l.Order = order(currency)
		l.Dispute = models.DisputeFacts{
			ID: "du_1QYabc2eZvKYlo2C", Status: models.DisputeNeedsResponse, Reason: "product_not_received",
			Amount: 17500, Currency: string(currency), DueBy: 1_772_755_199,
		}
	case models.TellCanceled:
		l.Order, l.Detail = order(currency), "The customer called: ordered twice."
	case models.TellConfirmed, models.TellReceived:
		l.Order = order(currency)
	case models.TellInvoicePaid, models.TellInvoiceFailed, models.TellInvoiceAction, models.TellUpcoming, models.TellTrialEnding:
		l.Store, l.Payment, l.Billing = models.Store{}, models.Payment{}, billing(currency)
	}
	return l
}

func order(currency models.Currency) models.Order {
	return models.Order{
		ID: "ord_5c1f0a9b3d7e42816fa0c9d1", PaymentIntentID: "pi_3QXrkq2eZvKYlo2C1x7ynPzT", CustomerID: "user_2x", StoreID: "corner-bakery",
		Items: []models.Line{
			{ProductID: "sourdough", Name: "Sourdough", Quantity: 2, UnitAmount: 4500},
			{ProductID: "rye-dark", Name: "Dark rye with caraway", Quantity: 1, UnitAmount: 5250},
		},
		Subtotal: 14250, DeliveryFee: 3250, Total: 17500, Currency: currency, DeliveryType: models.Deliver,
		DeliveryAddress: models.Address{
			"line1": "1 Main St", "line2": "Flat 3", "city": "Springfield", "postalCode": "12345", "country": "US", "phone": "555 0100",
		},
		CreatedAt: time.Date(2026, 3, 1, 23, 5, 0, 0, time.FixedZone("", -5*3600)),
	}
}

func compose(t *testing.T, l models.Letter) Message {
	t.Helper()
	m, err := sender(t, "smtp://127.0.0.1:1", nil).Compose(l)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestComposeWordsAndAmounts(t *testing.T) {
	t.Parallel()
	for n := range wordings {
		for _, currency := range []models.Currency{"usd", "jpy", "kwd"} {
			name := string(n.kind) + "_" + string(n.to) + "_" + string(currency)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				goldenMail(t, name, letter(n, currency))
			})
		}
	}
	t.Run("an order on hold", func(t *testing.T) {
		t.Parallel()
		held := letter(newOrder, "usd")
		held.OnHold = true
		goldenMail(t, "order_received_store_on_hold", held)
	})
	t.Run("an order with tax", func(t *testing.T) {
		t.Parallel()
		for _, n := range []news{confirmed, newOrder} {
			taxed := letter(n, "kwd")
			taxed.Order.Tax, taxed.Order.Total = 875, 18375
			goldenMail(t, string(n.kind)+"_"+string(n.to)+"_taxed", taxed)
		}
	})
	t.Run("a payment that is blocked for days", func(t *testing.T) {
		t.Parallel()
		again := letter(blocked, "usd")
		again.Occasion = "evt_1QXrlM2eZvKYlo2C:day-3"
		goldenMail(t, "payment_blocked_support_again", again)
	})
}

func goldenMail(t *testing.T, name string, l models.Letter) {
	t.Helper()
	m := compose(t, l)
	golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
	golden(t, name+".html", m.HTML)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (write it anew with -update):\n%s", path, got)
	}
}

func TestComposeAddressesTheMail(t *testing.T) {
	t.Parallel()
	l := letter(newOrder, "usd")
	m := compose(t, l)
	if m.ID != "ntf_7q2m4x@twigz.example.test" || m.To != "hello@corner.example.test" {
		t.Errorf("Message-ID %s, to %s", m.ID, m.To)
	}
	if again := compose(t, l); again != m {
		t.Error("the same letter made another mail")
	}
}

func TestComposeSubjects(t *testing.T) {
	t.Parallel()
	one, pickup, nowhere := letter(newOrder, "usd"), letter(newOrder, "usd"), letter(declined, "usd")
	one.Order.Items = one.Order.Items[1:]
	pickup.Order.DeliveryType = models.Pickup
	nowhere.Store = models.Store{}
	held, again, freed, undated := letter(newOrder, "usd"), letter(blocked, "usd"), letter(blocked, "usd"), letter(deadline, "usd")
	held.OnHold = true
	again.Occasion = "evt_1:day-2"
	freed.Occasion, freed.Payment.BlockedReason = "evt_1:day-2", nil
	undated.Dispute.DueBy = 0
	broken := freed
	broken.Detail = "The step “Clear the cart” failed: postgres: SQLSTATE 23514"
	cases := []struct {
		letter models.Letter
		want   string
	}{
		{letter(confirmed, "usd"), "Your order at Corner Bakery (ord_5c1f0a9b3d7e42816fa0c9d1)"},
		{letter(newOrder, "usd"), "New order ord_5c1f0a9b3d7e42816fa0c9d1: 3 items, delivery"},
		{one, "New order ord_5c1f0a9b3d7e42816fa0c9d1: 1 item, delivery"},
		{pickup, "New order ord_5c1f0a9b3d7e42816fa0c9d1: 3 items, pickup"},
		{letter(declined, "usd"), "Your payment at Corner Bakery did not go through"},
		{nowhere, "Your payment did not go through"},
		{held, "New order ord_5c1f0a9b3d7e42816fa0c9d1: 3 items, delivery, on hold"},
		{letter(blocked, "usd"), "Payment needs a person: amount mismatch (pay_6b0d2f8c41)"},
		{again, "Payment still needs a person: amount mismatch (pay_6b0d2f8c41)"},
		{freed, "Payment no longer blocked (pay_6b0d2f8c41)"},
		{broken, "Payment still needs a person: internal error (pay_6b0d2f8c41)"},
		{undated, "Dispute du_1QYabc2eZvKYlo2C waits for evidence"},
	}
	for _, c := range cases {
		if got := compose(t, c.letter).Subject; got != c.want {
			t.Errorf("subject %q, want %q", got, c.want)
		}
	}
}

func TestComposeLeavesOutWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	bare := letter(declined, "usd")
	bare.Store, bare.Detail, bare.Payment.Amount = models.Store{}, "", nil
	odd := letter(declined, "not money")
	free := letter(newOrder, "usd")
	free.Order.PaymentIntentID = ""
	gratis, gratisStore, canceledGratis := letter(unmade, "usd"), letter(unmadeStore, "usd"), letter(canceled, "usd")
	for _, l := range []*models.Letter{&gratis, &gratisStore, &canceledGratis} {
		l.Payment.AmountReceived = new(int64(0))
	}
	vague, vagueStore := letter(unmade, "not money"), letter(unmadeStore, "usd")
	vague.Detail, vagueStore.Payment.AmountReceived = "meteor_strike", nil
	vagueStore.Store, vagueStore.Payment.PaymentIntentID = models.Store{}, nil
	freed, stray := letter(blocked, "usd"), letter(blocked, "usd")
	freed.Payment.BlockedReason, freed.Payment.BlockedDetail, freed.Payment.OwnerWorkflowID = nil, "", nil
	stray.Store, stray.Payment.StoreID, stray.Payment.AmountReceived = models.Store{}, "gone", nil
	lost := letter(deadline, "usd")
	lost.Dispute, lost.Detail, lost.Order = models.DisputeFacts{}, "du_lost", models.Order{}
	cases := []struct {
		name    string
		letter  models.Letter
		has     []string
		without []string
	}{
		{"store, reason and amount", bare, []string{"Your payment did not go through.", "The payment was not accepted."}, []string{" at ", "payment of", "Questions"}},
		{"amount in no currency", odd, []string{"Your payment at Corner Bakery did not"}, []string{"payment of", "NOT MONEY"}},
		{"payment intent of a free order", free, []string{"Total collected: 175.00 USD"}, []string{"Payment"}},
		{"refund of nothing", gratis, []string{"Nothing was charged.", "your cart is as it was"}, []string{"refund", "5 to 10"}},
		{"refund of nothing, to the store", gratisStore, []string{"An order at", "Nothing had been collected."}, []string{"refund", "paid order"}},
		{"refund of nothing, canceled", canceledGratis, []string{"Nothing was charged."}, []string{"refund", "5 to 10"}},
		{"reason that has no words, and money that is none", vague, []string{"What you paid is refunded in full."}, []string{"meteor", "NOT MONEY", "\n\n\n"}},
		{"amount that was not told", vagueStore, []string{"The customer is being refunded in full.", "could not be made"}, []string{" at ", "Stripe"}},
		{"reason and ways of a payment that is blocked no longer", freed, []string{"no longer does", "Payment: pay_6b0d2f8c41"}, []string{"Why", "retry", "every day", "Workflow"}},
		{"store that does not exist", stray, []string{"Store: gone", "Collected: not known"}, []string{"payment at"}},
		{"facts of a dispute but its name", lost, []string{"Dispute: du_lost"}, []string{"Amount", "Order", "Reason", "1970", "payment of"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := compose(t, c.letter).Text
			for _, want := range c.has {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing:\n%s", want, text)
				}
			}
			for _, unwanted := range c.without {
				if strings.Contains(text, unwanted) {
					t.Errorf("%q is in:\n%s", unwanted, text)
				}
			}
		})
	}
}

func TestComposeForPickup(t *testing.T) {
	t.Parallel()
	for n, want := range map[news]string{
		confirmed: "You pick it up at Corner Bakery.",
		newOrder:  "The customer picks it up.",
	} {
		l := letter(n, "usd")
		l.Order.DeliveryType, l.Order.DeliveryFee, l.Order.Total = models.Pickup, 0, l.Order.Subtotal
		m := compose(t, l)
		for _, body := range []string{m.Text, strings.NewReplacer("<bdi>", "", "</bdi>", "").Replace(m.HTML)} {
			if !strings.Contains(body, want) || strings.Contains(body, "Main St") || strings.Contains(body, "Delivery") {
				t.Errorf("%s for pickup:\n%s", n.kind, body)
			}
		}
	}
}

func TestComposeTellsTheStoreNothingOfTheCustomer(t *testing.T) {
	t.Parallel()
	for _, n := range []news{newOrder, callOff, unmadeStore} {
		m := compose(t, letter(n, "usd"))
		for _, secret := range []string{"zoe", "user_2x", "555 0100"} {
			if strings.Contains(m.Subject+m.Text+m.HTML, secret) {
				t.Errorf("%s tells the store %q", n.kind, secret)
			}
		}
	}
}

func TestComposeTellsSupportNobodysAddress(t *testing.T) {
	t.Parallel()
	for _, n := range []news{blocked, deadline} {
		l := letter(n, "usd")
		l.Order = order("usd")
		m := compose(t, l)
		for _, secret := range []string{"zoe", "Main St", "555 0100"} {
			if strings.Contains(m.Subject+m.Text+m.HTML, secret) {
				t.Errorf("%s tells %q", n.kind, secret)
			}
		}
	}
}

func TestComposeOffersWhatFitsTheReason(t *testing.T) {
	t.Parallel()
	cases := map[models.BlockedReason][]models.ActionKind{
		models.BlockedOutOfStock: {models.ActRetry, models.ActRefund, models.ActCancel},
		models.BlockedMetadata:   {models.ActRetry, models.ActFix, models.ActRefund, models.ActCancel},
		models.BlockedAmount:     {models.ActRetry, models.ActAccept, models.ActRefund, models.ActCancel},
		models.BlockedFee:        {models.ActRetry, models.ActFix, models.ActAccept, models.ActRefund, models.ActCancel},
		"something_new":          {models.ActRetry, models.ActRefund, models.ActCancel},
	}
	for reason, want := range cases {
		l := letter(blocked, "usd")
		l.Payment.BlockedReason = &reason
		var got []models.ActionKind
		for _, w := range show(l).Ways {
			got = append(got, w.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", reason, got, want)
		}
	}
}

// An inquiry has not taken the money.
func TestComposeTellsInquiriesFromDisputes(t *testing.T) {
	t.Parallel()
	for status, want := range map[models.DisputeStatus]string{
		models.InquiryNeedsResponse: "asks about a payment of 175.00 USD at Corner Bakery.",
		models.DisputeNeedsResponse: "disputes a payment of 175.00 USD at Corner Bakery.",
	} {
		l := letter(deadline, "usd")
		l.Dispute.Status = status
		if text := compose(t, l).Text; !strings.Contains(text, want) {
			t.Errorf("%s: %q is missing:\n%s", status, want, text)
		}
	}
}

func TestComposeKeepsNamesIntact(t *testing.T) {
	t.Parallel()
	names := map[string]string{ // name, and how HTML writes it
		`<script>alert("x")</script> & Söhne`: `&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; Söhne`,
		"Bakery 👩‍🍳🥐":                         "Bakery 👩‍🍳🥐",
		"مخبز الزاوية":                        "مخبز الزاوية",
		strings.Repeat("長い名前", 50):            strings.Repeat("長い名前", 50),
		"{{.Total}} %s &amp;":                 "{{.Total}} %s &amp;amp;",
	}
	for name, escaped := range names {
		for n := range wordings {
			l := letter(n, "usd")
			l.Store.Name, l.Detail, l.Payment.BlockedDetail, l.Dispute.Reason = name, name, name, name
			if len(l.Order.Items) > 0 {
				l.Order.Items[0].Name = name
				l.Order.DeliveryAddress["line1"] = name
			}
			l.Billing.Invoice.FailureMessage = name
			if len(l.Billing.Invoice.Lines) > 0 {
				l.Billing.Invoice.Lines[0].Description, l.Billing.Subscription.Items[0].ProductName = name, name
			}
			m := compose(t, l)
			if !strings.Contains(m.Text, name) || !strings.Contains(m.HTML, "<bdi>"+escaped+"</bdi>") {
				t.Errorf("%s: %q is not intact:\n%s\n%s", n.kind, name, m.Text, m.HTML)
			}
			if strings.Contains(m.HTML, "<script") || !utf8.ValidString(m.Text+m.HTML) {
				t.Errorf("%s: %q is not harmless", n.kind, name)
			}
		}
	}
}

func TestComposeKeepsNamesOnTheirLine(t *testing.T) {
	t.Parallel()
	l := letter(confirmed, "usd")
	l.Store.Name = "Evil\r\nBcc: all@example.test"
	l.Order.Items[0].Name = "Bread\u2028Total paid: 0.00 USD\u202E"
	m := compose(t, l)
	if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.Text, "\nBcc") || strings.ContainsAny(m.Text, "\u2028\u202E") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
}

func TestComposeRefusesKindsItDoesNotKnow(t *testing.T) {
	t.Parallel()
	_, err := sender(t, "smtp://127.0.0.1:1", nil).Compose(letter(news{"party", models.ToStore}, "usd"))
	if err == nil || strings.Contains(err.Error(), "zoe") {
		t.Errorf("error is %v", err)
	}
}

// What is composed must also come through the server as it was.
func TestComposedMailsArrive(t *testing.T) {
	t.Parallel()
	box := startMailbox(t, rules{})
	s := sender(t, "smtp://"+box.address, box)
	for n := range wordings {
		l := letter(n, "kwd")
		l.Store.Name = strings.Repeat("مخبز 🥐 ", 25)
		m, err := s.Compose(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := parse(t, (<-box.mails).data)
		if got.messageID != m.ID || got.subject != m.Subject || !equal(got.parts, []part{{"text/plain", m.Text}, {"text/html", m.HTML}}) {
			t.Errorf("%s came through as %+v", n.kind, got)
		}
	}
}
