package mail

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"twigz/models"
)

var update = flag.Bool("update", false, "write the golden files anew")

// letter is one of each kind, with amounts that mean something in every
// currency.
func letter(kind models.NotificationKind, currency models.Currency) models.Letter {
	amount := int64(17500)
	l := models.Letter{
		Notification: models.Notification{
			ID: "ntf_7q2m4x", Kind: kind, Recipient: models.ToCustomer, Address: "zoe.rivera@example.test",
		},
		Store:   models.Store{ID: "corner-bakery", Name: "Corner Bakery", Email: "hello@corner.example.test", Currency: currency},
		Payment: models.Payment{ID: "pay_1", Amount: &amount, Currency: currency},
	}
	switch kind {
	case models.TellFailed:
		l.Detail = "Your card has insufficient funds."
		return l
	case models.TellReceived:
		l.Recipient, l.Address = models.ToStore, l.Store.Email
	case models.TellConfirmed:
	}
	l.Order = models.Order{
		ID: "ord_5c1f0a9b3d7e42816fa0c9d1", PaymentIntentID: "pi_3QXrkq2eZvKYlo2C1x7ynPzT", CustomerID: "user_2x", StoreID: l.Store.ID,
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
	return l
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
	for _, kind := range []models.NotificationKind{models.TellConfirmed, models.TellReceived, models.TellFailed} {
		for _, currency := range []models.Currency{"usd", "jpy", "kwd"} {
			name := string(kind) + "_" + string(currency)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := compose(t, letter(kind, currency))
				golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
				golden(t, name+".html", m.HTML)
			})
		}
	}
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
	l := letter(models.TellReceived, "usd")
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
	one, pickup, nowhere := letter(models.TellReceived, "usd"), letter(models.TellReceived, "usd"), letter(models.TellFailed, "usd")
	one.Order.Items = one.Order.Items[1:]
	pickup.Order.DeliveryType = models.Pickup
	nowhere.Store = models.Store{}
	cases := []struct {
		letter models.Letter
		want   string
	}{
		{letter(models.TellConfirmed, "usd"), "Your order at Corner Bakery (ord_5c1f0a9b3d7e42816fa0c9d1)"},
		{letter(models.TellReceived, "usd"), "New order ord_5c1f0a9b3d7e42816fa0c9d1: 3 items, delivery"},
		{one, "New order ord_5c1f0a9b3d7e42816fa0c9d1: 1 item, delivery"},
		{pickup, "New order ord_5c1f0a9b3d7e42816fa0c9d1: 3 items, pickup"},
		{letter(models.TellFailed, "usd"), "Your payment at Corner Bakery did not go through"},
		{nowhere, "Your payment did not go through"},
	}
	for _, c := range cases {
		if got := compose(t, c.letter).Subject; got != c.want {
			t.Errorf("subject %q, want %q", got, c.want)
		}
	}
}

func TestComposeLeavesOutWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	bare := letter(models.TellFailed, "usd")
	bare.Store, bare.Detail, bare.Payment.Amount = models.Store{}, "", nil
	odd := letter(models.TellFailed, "not money")
	free := letter(models.TellReceived, "usd")
	free.Order.PaymentIntentID = ""
	cases := []struct {
		name    string
		letter  models.Letter
		has     []string
		without []string
	}{
		{"store, reason and amount", bare, []string{"Your payment did not go through.", "The payment was not accepted."}, []string{" at ", "payment of", "Questions"}},
		{"amount in no currency", odd, []string{"Your payment at Corner Bakery did not"}, []string{"payment of", "NOT MONEY"}},
		{"payment intent of a free order", free, []string{"Total collected: 175.00 USD"}, []string{"Payment"}},
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
	for kind, want := range map[models.NotificationKind]string{
		models.TellConfirmed: "You pick it up at Corner Bakery.",
		models.TellReceived:  "The customer picks it up.",
	} {
		l := letter(kind, "usd")
		l.Order.DeliveryType, l.Order.DeliveryFee, l.Order.Total = models.Pickup, 0, l.Order.Subtotal
		m := compose(t, l)
		for _, body := range []string{m.Text, strings.NewReplacer("<bdi>", "", "</bdi>", "").Replace(m.HTML)} {
			if !strings.Contains(body, want) || strings.Contains(body, "Main St") || strings.Contains(body, "Delivery") {
				t.Errorf("%s for pickup:\n%s", kind, body)
			}
		}
	}
}

func TestComposeTellsTheStoreNothingOfTheCustomer(t *testing.T) {
	t.Parallel()
	l := letter(models.TellReceived, "usd")
	l.Payment.ReceiptEmail = "zoe.rivera@example.test"
	m := compose(t, l)
	for _, secret := range []string{"zoe", "user_2x", "555 0100"} {
		if strings.Contains(m.Subject+m.Text+m.HTML, secret) {
			t.Errorf("the store is told %q", secret)
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
		for _, kind := range []models.NotificationKind{models.TellConfirmed, models.TellReceived, models.TellFailed} {
			l := letter(kind, "usd")
			l.Store.Name, l.Detail = name, name
			if kind != models.TellFailed {
				l.Order.Items[0].Name = name
				l.Order.DeliveryAddress["line1"] = name
			}
			m := compose(t, l)
			if !strings.Contains(m.Text, name) || !strings.Contains(m.HTML, "<bdi>"+escaped+"</bdi>") {
				t.Errorf("%s: %q is not intact:\n%s\n%s", kind, name, m.Text, m.HTML)
			}
			if strings.Contains(m.HTML, "<script") || !utf8.ValidString(m.Text+m.HTML) {
				t.Errorf("%s: %q is not harmless", kind, name)
			}
		}
	}
}

func TestComposeKeepsNamesOnTheirLine(t *testing.T) {
	t.Parallel()
	l := letter(models.TellConfirmed, "usd")
	l.Store.Name = "Evil\r\nBcc: all@example.test"
	l.Order.Items[0].Name = "Bread\u2028Total paid: 0.00 USD\u202E"
	m := compose(t, l)
	if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.Text, "\nBcc") || strings.ContainsAny(m.Text, "\u2028\u202E") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
}

func TestComposeRefusesKindsItDoesNotKnow(t *testing.T) {
	t.Parallel()
	_, err := sender(t, "smtp://127.0.0.1:1", nil).Compose(letter("party", "usd"))
	if err == nil || strings.Contains(err.Error(), "zoe") {
		t.Errorf("error is %v", err)
	}
}

// What is composed must also come through the server as it was.
func TestComposedMailsArrive(t *testing.T) {
	t.Parallel()
	box := startMailbox(t, rules{})
	s := sender(t, "smtp://"+box.address, box)
	for kind := range kinds {
		l := letter(kind, "kwd")
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
			t.Errorf("%s came through as %+v", kind, got)
		}
	}
}
