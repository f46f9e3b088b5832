package mail

import (
	"strings"
	"testing"
)

func TestNewReadsSettings(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, url, from string
		want            server
		domain          string
	}{
		{
			"STARTTLS, bare address", "smtp://mail.example.test:587", "orders@twigz.example.test",
			server{host: "mail.example.test", port: "587"},
			"twigz.example.test",
		},
		{
			"TLS, login and name", "smtps://ann:p%40ss%2Fword@mail.example.test:465", "Zoë's Twigz <orders@example.test>",
			server{host: "mail.example.test", port: "465", implicit: true, user: "ann", password: "p@ss/word"},
			"example.test",
		},
		{
			"IPv6, closing slash, @ in the local part", "smtp://[::1]:25/", `"a@b"@example.test`,
			server{host: "::1", port: "25"},
			"example.test",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := New(c.url, c.from)
			if err != nil {
				t.Fatal(err)
			}
			if s.server != c.want || s.domain != c.domain {
				t.Errorf("read %+v and %s", s.server, s.domain)
			}
		})
	}
}

func TestNewNamesWhatIsWrongAndNeverThePassword(t *testing.T) {
	t.Parallel()
	const good = "orders@example.test"
	cases := []struct{ name, url, from, wants string }{
		{"nothing", "", "", "SMTP_URL MAIL_FROM"},
		{"another scheme", "http://ann:hunter2@example.test:25", good, "SMTP_URL"},
		{"no port", "smtp://ann:hunter2@example.test", good, "SMTP_URL"},
		{"port 0", "smtp://ann:hunter2@example.test:0", good, "SMTP_URL"},
		{"port too large", "smtp://ann:hunter2@example.test:65536", good, "SMTP_URL"},
		{"no host", "smtp://ann:hunter2@:25", good, "SMTP_URL"},
		{"no password", "smtp://ann@example.test:25", good, "SMTP_URL"},
		{"no user", "smtp://:hunter2@example.test:25", good, "SMTP_URL"},
		{"slash in the password", "smtp://ann:hunter2/x@example.test:25", good, "SMTP_URL"},
		{"digits and slash in the password", "smtp://ann:25/hunter2@example.test:25", good, "SMTP_URL"},
		{"hash in the password", "smtp://ann:25#hunter2@example.test:25", good, "SMTP_URL"},
		{"percent in the password", "smtp://ann:hunter2%zz@example.test:25", good, "SMTP_URL"},
		{"line break", "smtp://ann:hunter2\n@example.test:25", good, "SMTP_URL"},
		{"two addresses", "smtp://example.test:25", "a@example.test, b@example.test", "MAIL_FROM"},
		{"a domain that is not ASCII", "smtp://example.test:25", "a@bäckerei.test", "MAIL_FROM"},
		{"both", "smtp://ann:hunter2@example.test", "nobody", "SMTP_URL MAIL_FROM"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(c.url, c.from)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, name := range []string{"SMTP_URL", "MAIL_FROM"} {
				if strings.Contains(err.Error(), name) != strings.Contains(c.wants, name) {
					t.Errorf("want %s named: %v", c.wants, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("quotes the password: %v", err)
			}
		})
	}
}
