package tokens

import "time"

// PauseFor changes how long two fetches of the keys are apart at least.
func (k *Keys) PauseFor(pause time.Duration) { k.pause = pause }
