package authy

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever arrives, an answer is read without a fault, gives ids and codes of
// the right shape only, and says yes only where a strict reading of the same
// bytes does.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"message":"Token is valid.","token":"is valid","success":"true","device":{"id":null}}`,
		`{"message":"Token is invalid","token":"is invalid","success":false,"errors":{"message":"Token is invalid"},"error_code":"60020"}`,
		`{"message":"User created successfully.","user":{"id":1635},"success":true}`,
		`{"message":"Ignored: SMS is not needed","cellphone":"+57-XXX-XXX-XX12","device":"android","ignored":true,"success":true}`,
		`{"error_code":60020,"user":{"id":"1635"},"ignored":null}`,
		`{"token":"\u0069s valid","success":"tru\u0065"}`,
		`<html></html>`, `[]`, `null`, `{"user":[{}]}`, `{"user":null}`, ` {}`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := decode(data)
		if a.code() < 0 {
			t.Errorf("code %d", a.code())
		}
		id := a.user()
		if strings.Trim(id, "0123456789") != "" || len(id) > 20 {
			t.Errorf("id %q", id)
		}
		a.ignored()
		if a.text("token") == "is valid" && a.success() && !strictYes(data) {
			t.Errorf("%q passes", data)
		}
	})
}

func strictYes(data []byte) bool {
	var v map[string]any
	err := json.Unmarshal(data, &v)
	return err == nil && v["token"] == "is valid" && (v["success"] == true || v["success"] == "true")
}
