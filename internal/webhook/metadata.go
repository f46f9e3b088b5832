package webhook

import (
	"fmt"
	"unicode/utf8"

	"twigz/models"
)

// notStrings is the problem of metadata that Stripe's own API would refuse.
const notStrings = "metadata is not an object of strings"

// readMetadata keeps what the object's metadata says under our keys, as far as
// it is text, and says what is wrong with it, "" when nothing is. A problem
// never quotes a value: metadata holds addresses.
func readMetadata(o object) (kept models.Metadata, problem string) {
	var members object
	if read(o, "metadata", &members) != nil {
		return nil, notStrings
	}
	texts := textsOf(members)
	for _, key := range models.MetadataKeys() {
		text, ok := texts[key]
		if !ok {
			continue
		}
		if kept == nil {
			kept = models.Metadata{}
		}
		if problem == "" && utf8.RuneCountInString(text) > models.MaxMetadataValue {
			problem = fmt.Sprintf("%s is longer than %d characters", key, models.MaxMetadataValue)
		}
		kept[key] = models.Clean(text, models.MaxMetadataValue)
	}
	if len(texts) < len(members) {
		problem = notStrings
	}
	return kept, problem
}

// textsOf is the members that are text; a null is none.
func textsOf(members object) map[string]string {
	texts := make(map[string]string, len(members))
	for member := range members {
		var text *string
		if read(members, member, &text) == nil && text != nil {
			texts[member] = *text
		}
	}
	return texts
}
