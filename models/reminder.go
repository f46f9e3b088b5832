package models

import "regexp"

var reminderDay = regexp.MustCompile(`:day-[0-9]+$`)

// Repeats says whether the notification tells again what has been told before:
// the occasions of reminders end in ":day-1", ":day-2" and so on.
func (n Notification) Repeats() bool { return reminderDay.MatchString(n.Occasion) }
