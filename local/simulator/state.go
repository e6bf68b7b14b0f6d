package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// saved is the state file. A product keeps authy ids for years, so the ids
// must mean the same phones after a restart; codes and messages need not.
type saved struct {
	AuthyUsers []*authyUser      `json:"authy_users"`
	Apps       map[string][]byte `json:"apps"` // E.164 to the Authy app's seed
	Entities   json.RawMessage   `json:"entities,omitempty"`
}

func (s *Simulator) load() error {
	if s.opts.StateFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.opts.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading state file: %w", err)
	}
	var st saved
	err = json.Unmarshal(text, &st)
	if err != nil {
		return fmt.Errorf("decoding state file: %w", err)
	}
	for _, u := range st.AuthyUsers {
		if u == nil || u.ID <= 0 || len(u.Emails) == 0 || !digits.MatchString(u.Cellphone) || !e164.MatchString(u.phone()) {
			return errors.New("decoding state file: a user without id, email or phone")
		}
		s.world.authy[u.ID] = u
	}
	for phone, seed := range st.Apps {
		if !e164.MatchString(phone) || len(seed) == 0 {
			return errors.New("decoding state file: an app without phone or seed")
		}
		s.world.handset(phone).appSeed = seed
	}
	if len(st.Entities) == 0 {
		return nil
	}
	err = s.world.loadEntities(st.Entities)
	if err != nil {
		return fmt.Errorf("decoding state file: %w", err)
	}
	return nil
}

// save writes the state beside its file and renames it, so that a crash leaves
// the old state or the new. Callers hold mu.
func (s *Simulator) save() error {
	if s.opts.StateFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(s.world.saved(), "", "  ")
	if err != nil {
		return fmt.Errorf("encoding state: %w", err)
	}
	err = replaceFile(s.opts.StateFile, text)
	if err != nil {
		s.log.Error("simulator state not saved", "error", err)
	}
	return err
}

func (w *world) saved() saved {
	st := saved{AuthyUsers: []*authyUser{}, Apps: map[string][]byte{}, Entities: w.saveEntities()}
	for _, u := range w.authy {
		st.AuthyUsers = append(st.AuthyUsers, u)
	}
	slices.SortFunc(st.AuthyUsers, func(a, b *authyUser) int { return a.ID - b.ID })
	for phone, h := range w.phones {
		if h.appSeed != nil {
			st.Apps[phone] = h.appSeed
		}
	}
	return st
}

func replaceFile(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("creating state file: %w", err)
	}
	defer os.Remove(f.Name()) // fails, harmlessly, once renamed
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		return fmt.Errorf("writing state file: %w", err)
	}
	err = os.Rename(f.Name(), name)
	if err != nil {
		return fmt.Errorf("renaming state file: %w", err)
	}
	return nil
}
